//go:build unix

package kind

import (
	"errors"
	"strings"
	"testing"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/engine/enginetest"
)

func ignore(cluster.Phase) {}

func TestKindLoggerMakesPhases(t *testing.T) {
	var got []cluster.Phase
	l := &kindLogger{report: func(p cluster.Phase) { got = append(got, p) }}
	say := l.V(0)
	say.Infof("Creating cluster %q ...\n", "k8stutor-x")
	say.Infof(" • %s  ...\n", "Preparing nodes 📦")
	l.Warn("slow disk")
	say.Infof(" ✓ %s\n", "Preparing nodes 📦")
	say.Infof(" • %s  ...\n", "Starting control-plane 🕹️")
	l.V(1).Info("not for people")
	say.Infof(" ✗ %s\n", "Starting control-plane 🕹️")
	l.end(errors.New("broken"))

	type brief struct {
		id, detail string
		done       bool
		failed     bool
	}
	want := []brief{
		{"kind-preparing-nodes", "", false, false},
		{"kind-preparing-nodes", "slow disk", false, false},
		{"kind-preparing-nodes", "slow disk", true, false},
		{"kind-starting-control-plane", "", false, false},
		{"kind-starting-control-plane", "", true, true},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d phases, want %d: %+v", len(got), len(want), got)
	}
	for i, p := range got {
		if b := (brief{p.ID, p.Detail, p.Done, p.Err != nil}); b != want[i] {
			t.Errorf("phase %d = %+v, want %+v", i, b, want[i])
		}
	}
}

func TestKindWithoutEngineSaysWhatToDo(t *testing.T) {
	enginetest.Install(t, nil)
	home, _ := cluster.NewHome(t.TempDir(), "x")
	if _, err := New(home, "", "").Up(t.Context(), ignore); err == nil || !strings.Contains(err.Error(), "--cluster embedded") {
		t.Errorf("err = %v", err)
	}
}

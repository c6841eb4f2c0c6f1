package cli

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/embedded"
	"github.com/k8stutor/k8stutor/cluster/provider/kind"
)

// TestPaced: the phases of a start know how long they took in the last one of
// its kind that took its time and went well.
func TestPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &app{state: t.TempDir()}
		start := func(kind string, took time.Duration, well bool) (seen cluster.Phase) {
			report, done := a.paced(kind, func(p cluster.Phase) { seen = p })
			report(cluster.Phase{ID: "x"})
			<-time.After(took)
			report(cluster.Phase{ID: "x", Done: true, Elapsed: took - time.Second})
			if well {
				done()
			}
			return seen
		}
		steps := []struct {
			kind          string
			took          time.Duration
			well          bool
			before, whole time.Duration
		}{
			{"embedded new", 5 * time.Second, true, 0, 0},
			{"embedded again", 4 * time.Second, true, 0, 0},
			{"embedded new", 9 * time.Second, false, 4 * time.Second, 5 * time.Second},
			{"embedded new", 7 * time.Second, true, 4 * time.Second, 5 * time.Second},
			{"embedded again", time.Second, true, 3 * time.Second, 4 * time.Second},
			{"embedded again", 3 * time.Second, true, 3 * time.Second, 4 * time.Second},
			{"embedded new", 7 * time.Second, true, 6 * time.Second, 7 * time.Second},
		}
		for i, s := range steps {
			if p := start(s.kind, s.took, s.well); p.Before != s.before || p.Whole != s.whole {
				t.Errorf("start %d: the phase took %v before, the whole %v; want %v and %v", i, p.Before, p.Whole, s.before, s.whole)
			}
		}
		if err := os.WriteFile(a.startsFile(), []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
		if p := start("embedded new", 5*time.Second, true); p.Whole != 0 {
			t.Errorf("from a damaged file: %v", p.Whole)
		}
		if len(a.pastStarts()) != 1 {
			t.Errorf("a damaged file is not replaced: %v", a.pastStarts())
		}
	})
	if startKind(&kind.Provider{}, true) != "kind new" || startKind(&embedded.Provider{}, false) != "embedded again" {
		t.Error("the kind of a start is wrong")
	}
}

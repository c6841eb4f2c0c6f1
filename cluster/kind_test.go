//go:build unix

package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKindLoggerMakesPhases(t *testing.T) {
	var got []Phase
	l := &kindLogger{report: func(p Phase) { got = append(got, p) }}
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

// engines puts programs of these names, with these scripts, alone on PATH.
func engines(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

// Stand-ins: none of these engines is installed where the tests run, as a rule.
func TestFindEngine(t *testing.T) {
	const answers, silent = `[ "$1" = ps ]`, "exit 1"
	for _, tc := range []struct {
		name    string
		engines map[string]string
		only    string // the engine that made the cluster
		want    string // the engine, or what the error says
	}{
		{"docker", map[string]string{"docker": answers}, "", "docker"},
		{"nerdctl", map[string]string{"nerdctl": answers}, "", "nerdctl"},
		{"podman", map[string]string{"podman": answers}, "", "podman"},
		{"kind's order", map[string]string{"podman": answers, "nerdctl": answers, "docker": answers}, "", "docker"},
		{"the one that answers", map[string]string{"docker": silent, "nerdctl": silent, "podman": answers}, "", "podman"},
		{"none answers", map[string]string{"docker": silent, "podman": silent}, "", "docker and podman are installed, but no engine answers them"},
		{"the one that made it", map[string]string{"docker": answers, "podman": answers}, "podman", "podman"},
		{"the one that made it is silent", map[string]string{"docker": answers, "podman": silent}, "podman", "podman is installed, but no engine answers it"},
		{"the one that made it is gone", map[string]string{"docker": answers}, "podman", "podman is not installed any more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			engines(t, tc.engines)
			found, err := findEngineOf(t.Context(), tc.only, pingTime)
			if got := found.name; err == nil && got != tc.want {
				t.Errorf("found %s, want %s", got, tc.want)
			}
			if err != nil && err.Error() != tc.want {
				t.Errorf("error %q, want %q", err, tc.want)
			}
		})
	}
}

func TestChooseAuto(t *testing.T) {
	for _, tc := range []struct {
		name    string
		engines map[string]string
		pull    error  // what the registry says
		want    string // the reason
	}{
		{"nothing installed", nil, nil, "embedded: no container engine"},
		{"no daemon", map[string]string{"docker": "exit 1"}, nil, "embedded: docker is installed, but no engine answers it"},
		{"no image", map[string]string{"podman": `[ "$1" = ps ]`}, errors.New("index.docker.io can't be reached"), "embedded: podman answers but does not have kindest/node"},
		{"image in the registry", map[string]string{"podman": `[ "$1" = ps ]`}, nil, "kind: podman answers and can pull the node image"},
		{"all there", map[string]string{"docker": "exit 1", "podman": "exit 0"}, errors.New("not asked"), "kind: podman answers and has the node image"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			engines(t, tc.engines)
			home, _ := NewHome(t.TempDir(), "x")
			bin := filepath.Join(t.TempDir(), EmbeddedBinary)
			if err := os.WriteFile(bin, nil, 0o700); err != nil {
				t.Fatal(err)
			}
			p, reason, err := Choose(t.Context(), home, Options{
				Want: "auto", Embedded: bin,
				askRegistry: func(context.Context, string) error { return tc.pull },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(reason, tc.want) {
				t.Errorf("reason = %q, want %q…", reason, tc.want)
			}
			if _, isKind := p.(*Kind); isKind != strings.HasPrefix(tc.want, "kind") {
				t.Errorf("provider = %T", p)
			}
		})
	}
}

func TestChooseKeepsTheProviderThatMadeIt(t *testing.T) {
	engines(t, nil)
	home, _ := NewHome(t.TempDir(), "x")
	if err := home.Ensure(); err != nil {
		t.Fatal(err)
	}
	if err := home.Save(Access{Provider: "kind", Name: "x"}); err != nil {
		t.Fatal(err)
	}
	if p, reason, err := Choose(t.Context(), home, Options{Want: "auto"}); err != nil || reason != "" {
		t.Errorf("auto: %T, %q, %v", p, reason, err)
	} else if _, ok := p.(*Kind); !ok {
		t.Errorf("auto chose %T for a cluster that kind made", p)
	}
	if _, _, err := Choose(t.Context(), home, Options{Want: "embedded"}); err == nil || !strings.Contains(err.Error(), "was made by kind") {
		t.Errorf("embedded: %v", err)
	}
}

func TestKindWithoutEngineSaysWhatToDo(t *testing.T) {
	engines(t, nil)
	home, _ := NewHome(t.TempDir(), "x")
	if _, err := NewKind(home, "").Up(t.Context(), ignore); err == nil || !strings.Contains(err.Error(), "--cluster embedded") {
		t.Errorf("err = %v", err)
	}
}

//go:build unix

package provider

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/embedded"
	"github.com/k8stutor/k8stutor/cluster/provider/engine/enginetest"
	"github.com/k8stutor/k8stutor/cluster/provider/kind"
)

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
			enginetest.Install(t, tc.engines)
			home, _ := cluster.NewHome(t.TempDir(), "x")
			bin := filepath.Join(t.TempDir(), embedded.Binary)
			if err := os.WriteFile(bin, nil, 0o700); err != nil {
				t.Fatal(err)
			}
			p, reason, err := Known().Choose(t.Context(), home, Options{
				Want: "auto", Embedded: bin,
				askRegistry: func(context.Context, string) error { return tc.pull },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(reason, tc.want) {
				t.Errorf("reason = %q, want %q…", reason, tc.want)
			}
			if _, isKind := p.(*kind.Provider); isKind != strings.HasPrefix(tc.want, "kind") {
				t.Errorf("provider = %T", p)
			}
		})
	}
}

// TestChooseAutoTakesABundle: a bundle's node image stands for kind's own.
func TestChooseAutoTakesABundle(t *testing.T) {
	enginetest.Install(t, map[string]string{"docker": `case "$*" in ps*|*localhost/k8stutor/node:1) ;; *) exit 1;; esac`})
	state := t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "bundle"), 0o700); err != nil {
		t.Fatal(err)
	}
	record := `{"image": "kindest/node:v1", "local": "localhost/k8stutor/node:1"}`
	if err := os.WriteFile(filepath.Join(state, "bundle", "node.json"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	home, err := cluster.NewHome(state, "x")
	if err != nil {
		t.Fatal(err)
	}
	provider, reason, err := Known().auto(t.Context(), home, Options{askRegistry: func(context.Context, string) error { return errors.New("offline") }})
	if err != nil || provider != "kind" {
		t.Errorf("auto = %s, %s, %v", provider, reason, err)
	}
}

func TestChooseKeepsTheProviderThatMadeIt(t *testing.T) {
	enginetest.Install(t, nil)
	home, _ := cluster.NewHome(t.TempDir(), "x")
	if err := home.Ensure(); err != nil {
		t.Fatal(err)
	}
	if err := home.Save(cluster.Access{Provider: "kind", Name: "x"}); err != nil {
		t.Fatal(err)
	}
	if p, reason, err := Known().Choose(t.Context(), home, Options{Want: "auto"}); err != nil || reason != "" {
		t.Errorf("auto: %T, %q, %v", p, reason, err)
	} else if _, ok := p.(*kind.Provider); !ok {
		t.Errorf("auto chose %T for a cluster that kind made", p)
	}
	if _, _, err := Known().Choose(t.Context(), home, Options{Want: "embedded"}); err == nil || !strings.Contains(err.Error(), "was made by kind") {
		t.Errorf("embedded: %v", err)
	}
}

//go:build linux

package kind

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBundle saves a bundle, takes the node image from the engine, and loads the
// bundle for somebody else, whose cluster is then made of it: no registry is
// reached.
func TestBundle(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: it writes and reads the node image several times; `make e2e-kind` runs it")
	}
	image := os.Getenv("K8STUTOR_KIND_IMAGE")
	file := filepath.Join(t.TempDir(), "workshop.tar")
	giver := newLearner(t, "gives")
	giver.must(t, "bundle", "save", file)

	id := docker(t, "image", "inspect", "--format", "{{.Id}}", image)
	docker(t, "image", "rm", image)
	taker := newLearner(t, "takes")
	taker.env = append(slices.Clone(taker.env), "K8STUTOR_KIND_IMAGE=") // the one kind was released with
	taker.must(t, "bundle", "load", file)
	local := "localhost/k8stutor/node:" + strings.TrimPrefix(id, "sha256:")[:12]
	if got := docker(t, "image", "inspect", "--format", "{{.Id}}", local); got != id {
		t.Errorf("the bundle brought %s, want %s", got, id)
	}
	docker(t, "image", "tag", local, image) // for the tests that follow
	t.Cleanup(func() { docker(t, "image", "rm", local) })

	out := taker.must(t, "cluster", "up")
	wantWords(t, out, "✓ Loading the lessons' images", "is up after")
	if got := docker(t, "inspect", "--format", "{{.Config.Image}}", taker.node()); got != local {
		t.Errorf("the node is made of %s, want %s", got, local)
	}
	taker.must(t, "cluster", "delete")
}

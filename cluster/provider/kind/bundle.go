package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/images"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
)

// A bundle is one file with all that kind clusters need where no registry can
// be reached: the node image, the lessons' own images and what lessons install.
// Loading one gives the node image to the container engine under a name of our
// own, so that no tag of the learner's moves, and keeps the other images in the
// state folder, from where they go into the nodes.

// bundleDir is the folder of the loaded bundle, below the state folder.
type bundleDir string

func (d bundleDir) path(name string) string { return filepath.Join(string(d), "bundle", name) }
func (d bundleDir) images() string          { return d.path("images.tar") }
func (d bundleDir) record() string          { return d.path("node.json") }

// bundledNode records the node image of the loaded bundle.
type bundledNode struct {
	Image string `json:"image"` // what it was called where it was saved
	Local string `json:"local"` // what the engine calls it here
	ID    string `json:"id"`    // digest of its configuration
}

// node reads the record. Without a bundle it is empty.
func (d bundleDir) node() (bundledNode, error) {
	var n bundledNode
	data, err := os.ReadFile(d.record())
	if errors.Is(err, os.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return bundledNode{}, fmt.Errorf("%s is damaged (%w): load the bundle again with `k8stutor bundle load FILE`", d.record(), err)
	}
	return n, nil
}

// BundleImage is an image of a bundle, for a person or a script.
type BundleImage struct {
	Role   string `json:"role"`   // "node", "lesson" or "addon"
	Name   string `json:"name"`   // such as "docker.io/library/go-api:0.0.1"
	Digest string `json:"digest"` // of its manifest
	Size   int64  `json:"size"`   // bytes of its layers in the bundle
}

// BundleOptions say what goes into a bundle.
type BundleOptions struct {
	State  string   // k8stutor's state folder
	Image  string   // kind's node image; empty: the one kind was released with
	Images string   // archive of the lessons' images; empty: look for it
	Addons []string // images that lessons install; one that cannot be pulled is left out
}

// Left is an image that could not be put into a bundle, and why.
type Left struct {
	Name string
	Err  error
}

// SaveBundle writes a bundle to file, which is there whole or not at all. It
// needs a container engine, which pulls what it does not have.
func SaveBundle(ctx context.Context, file string, o BundleOptions, report cluster.Progress) ([]BundleImage, []Left, error) {
	eng, err := engine.FindOf(ctx, "", engine.CommandTime)
	if err != nil {
		return nil, nil, fmt.Errorf("saving a bundle needs a container engine to export kind's node image: %w", err)
	}
	own, err := FindLessonImages(o.State, o.Images)
	if err != nil {
		return nil, nil, err
	}
	archive, err := images.Open(own)
	if err != nil {
		return nil, nil, err
	}
	defer archive.Close()
	if err := archive.Verify(); err != nil {
		return nil, nil, err
	}
	// Beside the file: there must be room for a bundle anyway.
	dir, err := os.MkdirTemp(filepath.Dir(file), ".k8stutor-bundle-*")
	if err != nil {
		return nil, nil, fmt.Errorf("write %s: %w", file, err)
	}
	defer os.RemoveAll(dir)

	image, err := UsableImage(ctx, eng, o.State, o.Image)
	if err != nil {
		return nil, nil, err
	}
	name := NodeImage(o.Image)
	if rec, _ := bundleDir(o.State).node(); rec.Local == image {
		name = rec.Image
	}
	node, err := takeImage(ctx, eng, image, name, images.RoleNode, dir, report)
	if err != nil {
		return nil, nil, err
	}
	entries := append([]images.Entry{node}, images.Select(archive.Entries, images.RoleLesson)...)
	var left []Left
	for _, name := range o.Addons {
		e, err := takeImage(ctx, eng, name, name, images.RoleAddon, dir, report)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			left = append(left, Left{name, err})
			continue
		}
		entries = append(entries, e)
	}
	err = inPhase(report, cluster.Phase{ID: "bundle-write", Title: "Writing the bundle"}, func() error { return images.WriteFile(file, entries) })
	return bundleImages(entries), left, err
}

// takeImage has the engine pull the image, unless it has it, and save it.
func takeImage(ctx context.Context, eng engine.Engine, image, name string, role images.Role, dir string, report cluster.Progress) (images.Entry, error) {
	if !eng.HasImage(ctx, image) {
		err := inPhase(report, cluster.Phase{ID: "bundle-pull", Title: "Pulling " + image}, func() error {
			return eng.Stream(ctx, nil, io.Discard, "pull", image)
		})
		if err != nil {
			return images.Entry{}, err
		}
	}
	var e images.Entry
	err := inPhase(report, cluster.Phase{ID: "bundle-save", Title: "Taking " + name}, func() error {
		saved, err := os.CreateTemp(dir, "saved-*")
		if err != nil {
			return err
		}
		defer os.Remove(saved.Name())
		err = eng.Stream(ctx, nil, saved, "save", image)
		if err := errors.Join(err, saved.Close()); err != nil {
			return err
		}
		e, err = images.FromSaved(ctx, saved.Name(), dir, role, name)
		return err
	})
	return e, err
}

// LoadBundle checks every byte of the bundle in file, gives its node image to
// the container engine and keeps the other images in the state folder.
func LoadBundle(ctx context.Context, state, file string, report cluster.Progress) ([]BundleImage, error) {
	a, err := images.Open(file)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	nodes := images.Select(a.Entries, images.RoleNode)
	if len(nodes) != 1 {
		return nil, fmt.Errorf("%s is no bundle: it holds %d node images, not one; make one with `k8stutor bundle save FILE`", file, len(nodes))
	}
	node := nodes[0]
	if arch, err := node.Arch(); err != nil {
		return nil, err
	} else if arch != runtime.GOARCH {
		return nil, fmt.Errorf("%s is for %s machines, this one is %s: save a bundle on a machine like this one", file, arch, runtime.GOARCH)
	}
	eng, err := engine.FindOf(ctx, "", engine.CommandTime)
	if err != nil {
		return nil, fmt.Errorf("loading a bundle needs a container engine for its node image: %w; without one, use --cluster embedded, which needs no bundle", err)
	}
	err = inPhase(report, cluster.Phase{ID: "bundle-check", Title: "Checking the bundle"}, a.Verify)
	if err != nil {
		return nil, err
	}
	dir := bundleDir(state)
	if err := os.MkdirAll(filepath.Dir(dir.record()), 0o700); err != nil {
		return nil, cluster.StateError(err)
	}
	rest := append(images.Select(a.Entries, images.RoleLesson), images.Select(a.Entries, images.RoleAddon)...)
	if err := images.WriteFile(dir.images(), rest); err != nil {
		return nil, cluster.StateError(err)
	}
	err = inPhase(report, cluster.Phase{ID: "bundle-load", Title: "Loading the node image into " + eng.Name}, func() error {
		return dir.loadNode(ctx, eng, node)
	})
	return bundleImages(a.Entries), err
}

// loadNode gives the node image to the engine and records what it is called
// there.
func (d bundleDir) loadNode(ctx context.Context, eng engine.Engine, node images.Entry) error {
	id, err := node.Image.ConfigName()
	if err != nil {
		return err
	}
	rec := bundledNode{Image: node.Ref, Local: localName(id), ID: id.String()}
	if !eng.HasImage(ctx, rec.Local) {
		r, w := io.Pipe()
		written := make(chan error, 1)
		go func() { // ends with the reader
			err := images.WriteLoadable(ctx, w, node, rec.Local)
			w.CloseWithError(err)
			written <- err
		}()
		err := eng.Stream(ctx, r, io.Discard, "load")
		r.CloseWithError(errors.New("the engine has ended"))
		if err := errors.Join(err, <-written); err != nil {
			return err
		}
		if !eng.HasImage(ctx, rec.Local) {
			return fmt.Errorf("%s took the image, but does not have %s now", eng.Name, rec.Local)
		}
	}
	data, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return err
	}
	return cluster.WritePrivate(d.record(), append(data, '\n'))
}

// localName is what a bundle's node image is called in the engine. The tag is
// part of the image's own digest: one name is never two images.
func localName(id v1.Hash) string { return "localhost/k8stutor/node:" + id.Hex[:12] }

func bundleImages(entries []images.Entry) []BundleImage {
	out := []BundleImage{}
	for _, e := range entries {
		b := BundleImage{Role: string(e.Role), Name: e.Ref}
		if d, err := e.Digest(); err == nil {
			b.Digest = d.String()
		}
		if m, err := e.Image.Manifest(); err == nil {
			for _, l := range m.Layers {
				b.Size += l.Size
			}
		}
		out = append(out, b)
	}
	return out
}

// inPhase reports the phase around do.
func inPhase(report cluster.Progress, p cluster.Phase, do func() error) error {
	began := time.Now()
	report(p)
	err := do()
	p.Done, p.Err, p.Elapsed = true, err, time.Since(began)
	report(p)
	return err
}

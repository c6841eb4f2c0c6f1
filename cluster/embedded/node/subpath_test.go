package node

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/kubernetes/pkg/volume/util/subpath"
)

func TestSubpath(t *testing.T) {
	dir := t.TempDir()
	volume := filepath.Join(dir, "volume")
	err := errors.Join(
		os.MkdirAll(filepath.Join(volume, "sub"), 0o755),
		os.WriteFile(filepath.Join(dir, "secret"), []byte("outside"), 0o600),
		os.WriteFile(filepath.Join(volume, "file"), []byte("one"), 0o644),
		os.Symlink("../secret", filepath.Join(volume, "out")),
		os.Symlink(dir, filepath.Join(volume, "updir")),
		os.Symlink("file", filepath.Join(volume, "link")),
	)
	if err != nil {
		t.Fatal(err)
	}
	prepare := func(name string) (string, error) {
		path, _, err := subpather{base: dir}.PrepareSafeSubpath(subpath.Subpath{
			Path: filepath.Join(volume, name), VolumePath: volume, VolumeName: "v",
			PodDir: filepath.Join(dir, "pod"), ContainerName: "c", VolumeMountIndex: 3,
		})
		return path, err
	}
	if path, err := prepare("sub"); err != nil || filepath.Base(path) != "sub" {
		t.Errorf("directory: %s, %v", path, err)
	}
	for _, name := range []string{"out", "updir", "updir/secret", "../secret", "none"} {
		if path, err := prepare(name); err == nil {
			t.Errorf("%s: was prepared as %s", name, path)
		}
	}
	// A file stays what it was when the kubelet replaces it.
	for _, name := range []string{"file", "link"} {
		path, err := prepare(name)
		if err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(volume, "next")
		if err := errors.Join(os.WriteFile(next, []byte("two"), 0o644), os.Rename(next, filepath.Join(volume, "file"))); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || name == "file" && string(got) != "one" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if err := (subpather{base: dir}).CleanSubPaths(filepath.Join(dir, "pod"), "v"); err != nil {
		t.Error(err)
	}
	if err := (subpather{base: dir}).SafeMakeDir("a/b", volume, 0o755); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"updir/made", "../made"} {
		if err := (subpather{base: dir}).SafeMakeDir(name, volume, 0o755); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

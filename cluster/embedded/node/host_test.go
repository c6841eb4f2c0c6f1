package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
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
		path, _, err := subpather{}.PrepareSafeSubpath(subpath.Subpath{
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
	if err := (subpather{}).CleanSubPaths(filepath.Join(dir, "pod"), "v"); err != nil {
		t.Error(err)
	}
	if err := (subpather{}).SafeMakeDir("a/b", volume, 0o755); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"updir/made", "../made"} {
		if err := (subpather{}).SafeMakeDir(name, volume, 0o755); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

func TestMounter(t *testing.T) {
	m := newMounter()
	dir := t.TempDir()
	if err := m.Mount("tmpfs", dir, "tmpfs", nil); err != nil {
		t.Fatal(err)
	}
	if is, err := m.IsMountPoint(dir + "/"); !is || err != nil {
		t.Errorf("mounted: %v, %v", is, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.Unmount(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("what was in memory is still there: %v, %v", left, err)
	}
	if is, err := m.IsLikelyNotMountPoint(dir); !is || err != nil {
		t.Errorf("unmounted: %v, %v", is, err)
	}
	if err := m.Mount("/dev/sda1", dir, "ext4", nil); err == nil || !strings.Contains(err.Error(), "privileges") {
		t.Errorf("a disk: %v", err)
	}
	if _, err := m.IsMountPoint(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("no such directory: %v", err)
	}
}

func TestHostPathStaysInside(t *testing.T) {
	p := hostPathPlugin{root: "/node/host"}
	for path, want := range map[string]string{
		"/var/lib/x":       "/node/host/var/lib/x",
		"/":                "/node/host",
		"/../../etc":       "/node/host/etc",
		"../../etc/passwd": "/node/host/etc/passwd",
	} {
		if got := p.path(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// The kubelet dereferences every field.
func TestPodCgroupConfigIsComplete(t *testing.T) {
	config, err := newContainerManager(1).NewPodContainerManager().GetPodCgroupConfig(&v1.Pod{}, v1.ResourceCPU)
	if err != nil || config.Memory == nil || config.CPUShares == nil || config.CPUQuota == nil || config.CPUPeriod == nil {
		t.Errorf("%+v, %v", config, err)
	}
}

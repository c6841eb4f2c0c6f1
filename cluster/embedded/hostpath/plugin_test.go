package hostpath

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/kubernetes/pkg/volume"
)

// host is a node's host beside a folder of the machine that must stay as it is.
type host struct {
	root, outside string
	plugin        plugin
}

func newHost(t *testing.T) host {
	t.Helper()
	dir := t.TempDir()
	h := host{root: filepath.Join(dir, "host"), outside: filepath.Join(dir, "tmp", "mine")}
	err := errors.Join(
		os.MkdirAll(filepath.Join(h.root, "tmp", "data"), 0o755),
		os.MkdirAll(h.outside, 0o755),
		os.WriteFile(filepath.Join(h.outside, "thesis"), []byte("ten years"), 0o644),
		os.WriteFile(filepath.Join(h.root, "file"), nil, 0o644),
		os.Symlink(h.outside, filepath.Join(h.root, "out")),
		os.Symlink("/tmp/data", filepath.Join(h.root, "inner")),
		os.Symlink(filepath.Join(h.outside, "new"), filepath.Join(h.root, "newfile")),
		os.Symlink(h.outside, filepath.Join(h.root, "tmp", "out")),
	)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(h.root, volume.VolumeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	h.plugin = p.(plugin)
	return h
}

func (h host) untouched(t *testing.T, did string) {
	t.Helper()
	left, err := os.ReadDir(h.outside)
	if err != nil || len(left) != 1 || left[0].Name() != "thesis" {
		t.Errorf("%s: the machine's folder now holds %v, %v", did, left, err)
	}
}

func TestDelete(t *testing.T) {
	for _, test := range []struct{ path, gone, err string }{
		{path: "/tmp/data", gone: "tmp/data"},
		{path: "/tmp/none"},
		{path: "/tmp/none/deeper"},
		{path: "/tmp/out", gone: "tmp/out"}, // the link, not what it names
		{path: "/tmp/out/thesis"},
		{path: "/file", err: "only supports"},
		{path: "/", err: "only supports"},
		{path: "/tmp", err: "only supports"},
		{path: "/tmp/", err: "only supports"},
		{path: "/tmp/../file", err: "only supports"},
		{path: "/home/ann/tmp/thesis", err: "only supports"},
	} {
		t.Run(test.path, func(t *testing.T) {
			h := newHost(t)
			for _, path := range []string{test.path, h.outside} {
				logger, _ := ktesting.NewTestContext(t)
				d, err := h.plugin.NewDeleter(logger, volume.NewSpecFromPersistentVolume(pv(path), false))
				if err != nil {
					t.Fatal(err)
				}
				err = d.Delete()
				if path == test.path && (err == nil) != (test.err == "") || err != nil && path == test.path && !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
			}
			h.untouched(t, "delete "+test.path)
			if test.gone != "" {
				if _, err := os.Lstat(filepath.Join(h.root, test.gone)); !os.IsNotExist(err) {
					t.Errorf("%s is still there: %v", test.gone, err)
				}
			}
		})
	}
}

func pv(path string) *v1.PersistentVolume {
	return &v1.PersistentVolume{Spec: v1.PersistentVolumeSpec{PersistentVolumeSource: v1.PersistentVolumeSource{
		HostPath: &v1.HostPathVolumeSource{Path: path},
	}}}
}

func TestMount(t *testing.T) {
	for _, test := range []struct {
		path string
		kind v1.HostPathType
		at   string // below the host's root
		err  string
	}{
		{path: "/tmp/data", at: "tmp/data"},
		{path: "/", at: ""},
		{path: "/inner", at: "tmp/data"},
		{path: "/out", at: "out"}, // where it would be on the node: nowhere
		{path: "/none/deeper", at: "none/deeper"},
		{path: "/tmp/data", kind: v1.HostPathDirectory, at: "tmp/data"},
		{path: "/inner", kind: v1.HostPathDirectory, at: "tmp/data"},
		{path: "/file", kind: v1.HostPathFile, at: "file"},
		{path: "/made/deeper", kind: v1.HostPathDirectoryOrCreate, at: "made/deeper"},
		{path: "/made", kind: v1.HostPathFileOrCreate, at: "made"},
		{path: "/file", kind: v1.HostPathDirectory, err: "hostPath type check failed: /file is not a directory"},
		{path: "/none", kind: v1.HostPathFile, err: "hostPath type check failed: /none is not a file"},
		{path: "/file", kind: v1.HostPathSocket, err: "is not a socket file"},
		{path: "/file", kind: v1.HostPathCharDev, err: "is not a character device"},
		{path: "/file", kind: v1.HostPathBlockDev, err: "is not a block device"},
		{path: "/file", kind: "Nonsense", err: "Nonsense is an invalid volume type"},
		{path: "/a/../file", kind: v1.HostPathFile, err: "invalid HostPath"},
		// Links that would leave the node.
		{path: "/out", kind: v1.HostPathDirectory, err: "is not a directory"},
		{path: "/out/thesis", kind: v1.HostPathFile, err: "is not a file"},
		{path: "/newfile", kind: v1.HostPathFileOrCreate, err: "no such file"},
		{path: "/none/file", kind: v1.HostPathFileOrCreate, err: "no such file"},
	} {
		t.Run(string(test.kind)+test.path, func(t *testing.T) {
			h := newHost(t)
			source := &v1.HostPathVolumeSource{Path: test.path, Type: &test.kind}
			for name, spec := range map[string]*volume.Spec{
				"Pod": volume.NewSpecFromVolume(&v1.Volume{VolumeSource: v1.VolumeSource{HostPath: source}}),
				"PersistentVolume": volume.NewSpecFromPersistentVolume(&v1.PersistentVolume{Spec: v1.PersistentVolumeSpec{
					PersistentVolumeSource: v1.PersistentVolumeSource{HostPath: source},
				}}, false),
			} {
				m := &mounter{root: h.root, path: specSource(spec).Path, pathType: specSource(spec).Type}
				err := m.SetUp(volume.MounterArgs{})
				switch {
				case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
					t.Errorf("%s: %v, want %q", name, err, test.err)
				case test.err == "" && err != nil:
					t.Errorf("%s: %v", name, err)
				case test.err == "" && m.GetPath() != filepath.Join(h.root, test.at) && !strings.HasPrefix(test.path, "/out"):
					t.Errorf("%s: mounted from %s, want %s", name, m.GetPath(), test.at)
				}
			}
			h.untouched(t, "mount")
		})
	}
}

func TestProvisionerIsOff(t *testing.T) {
	p, err := New(t.TempDir(), volume.VolumeConfig{ProvisioningEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	logger, _ := ktesting.NewTestContext(t)
	if made, err := p.(volume.ProvisionableVolumePlugin).NewProvisioner(logger, volume.VolumeOptions{}); err == nil {
		t.Errorf("got %v", made)
	}
}

package controlplane

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newMadeCluster is a cluster as `up` leaves it, with etcd's data in it.
func newMadeCluster(t *testing.T) Layout {
	t.Helper()
	l, c := newTestCluster(t)
	write(t, filepath.Join(l.EtcdData(), "member"), "objects")
	if err := errors.Join(WriteConfig(l, c), c.Save(l)); err != nil {
		t.Fatal(err)
	}
	return l
}

// Whatever a delete had removed when it was interrupted, the folder is known to
// be unfinished, and the next call finishes it: old data never meets a new CA.
func TestInterruptedDelete(t *testing.T) {
	for done := range len(newMadeCluster(t).owned()) + 2 {
		l := newMadeCluster(t)
		write(t, l.unfinished(), "")
		for i, path := range append(l.owned(), l.State()) {
			if i < done {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !l.Unfinished() {
			t.Errorf("after %d removals: not known as unfinished", done)
		}
		if err := l.Clear(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(l.EtcdData()); !errors.Is(err, fs.ErrNotExist) || l.Unfinished() {
			t.Errorf("after %d removals: etcd's data is still there (%v)", done, err)
		}
		if err := l.Begin(); err != nil {
			t.Errorf("after %d removals a new cluster can't begin: %v", done, err)
		}
	}
}

// A folder that is not a cluster's keeps everything, whatever its names.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"logs", "node", "etcd", "conf"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "thesis"), "ten years")
	}
	write(t, filepath.Join(dir, "kubeconfig"), "mine")
	write(t, filepath.Join(dir, "audit-of-2025.log"), "mine")
	l, err := NewLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = l.Begin()
	if err == nil {
		t.Error("a cluster begins among somebody's files")
	} else if !strings.Contains(err.Error(), "etcd, kubeconfig, logs, node, conf") || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error does not say what is in the way: %v", err)
	}
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
	var left []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			left = append(left, path)
		}
		return nil
	})
	if len(left) != 6 {
		t.Errorf("left: %v", left)
	}
}

func TestRunFolderIsChecked(t *testing.T) {
	l := Layout{Dir: t.TempDir()}
	l.Run = filepath.Join(l.Dir, "sockets")
	if err := l.CheckRun(); err != nil {
		t.Errorf("none yet: %v", err)
	}
	for name, make := range map[string]func() error{
		"open to others": func() error { return errors.Join(os.Mkdir(l.Run, 0o700), os.Chmod(l.Run, 0o777)) },
		"a link":         func() error { return os.Symlink(t.TempDir(), l.Run) },
		"a file":         func() error { return os.WriteFile(l.Run, nil, 0o600) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if err := l.CheckRun(); err == nil || !strings.Contains(err.Error(), l.Run) {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.makeRun(); err == nil {
			t.Errorf("%s: was used", name)
		}
		if err := os.RemoveAll(l.Run); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.makeRun(), l.CheckRun()); err != nil {
		t.Errorf("our own: %v", err)
	}
}

// The folder of the sockets is noted: what the environment says later does not
// lead a running cluster's commands elsewhere.
func TestRunFolderIsNoted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("very-long-name/", 10))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	first, err := os.MkdirTemp("/tmp", "k8s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(first)
	t.Setenv("XDG_RUNTIME_DIR", first)
	l, err := NewLayout(dir)
	if err != nil || filepath.Dir(l.Run) != first {
		t.Fatalf("%s, %v; want it in %s", l.Run, err, first)
	}
	if err := l.makeRun(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	if again, err := NewLayout(dir); err != nil || again != l {
		t.Errorf("a second look says %v, %v, want %v", again, err, l)
	}
}

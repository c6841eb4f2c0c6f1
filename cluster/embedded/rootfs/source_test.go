package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// newTestBase makes a base folder with links in it that lead within and out.
func newTestBase(t *testing.T) (base, outside string) {
	t.Helper()
	base, outside = t.TempDir(), t.TempDir()
	err := errors.Join(
		os.MkdirAll(filepath.Join(base, "a", "b"), 0o755),
		os.WriteFile(filepath.Join(base, "a", "file"), []byte("inside"), 0o644),
		os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o644),
		os.Symlink(outside, filepath.Join(base, "a", "out")),
		os.Symlink("b", filepath.Join(base, "a", "sibling")),
		os.Symlink("file", filepath.Join(base, "a", "link")),
		os.Symlink("/a/b", filepath.Join(base, "a", "absolute")),
		os.Symlink("../a", filepath.Join(base, "a", "updown")),
		os.Symlink("/none/deeper", filepath.Join(base, "a", "dangling")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return base, outside
}

func TestOpen(t *testing.T) {
	base, _ := newTestBase(t)
	for _, test := range []struct {
		name string
		ok   bool
	}{
		{".", true},
		{"a", true},
		{"a/b", true},
		{"a/file", true},
		{"../" + filepath.Base(base) + "/a", true},
		{"a/out", false},
		{"a/out/file", false},
		{"a/sibling", false},
		{"a/link", false},
		{"a/absolute", false},
		{"a/updown/b", false},
		{"a/none", false},
		{"a/file/x", false},
		{"..", false},
	} {
		source, err := Open(base, filepath.Join(base, test.name))
		if err == nil {
			source.Close()
		}
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := OpenDir(base, filepath.Join(base, "a", "file")); err == nil {
		t.Error("a file was opened as a directory")
	}
}

func TestMkdirAll(t *testing.T) {
	base, outside := newTestBase(t)
	for name, ok := range map[string]bool{
		".": true, "a/b": true, "a/new/deeper": true,
		"a/out/made": false, "a/sibling/made": false, "a/file/made": false, "a/link": false, "a/dangling": false, "../made": false,
	} {
		err := MkdirAll(base, filepath.Join(base, name), 0o755)
		if (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside: %v, %v", left, err)
	}
	if left, err := os.ReadDir(filepath.Join(base, "a", "b")); err != nil || len(left) != 0 {
		t.Errorf("through the link: %v, %v", left, err)
	}
}

func TestReal(t *testing.T) {
	base, _ := newTestBase(t)
	tree, err := New(base, true)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for name, want := range map[string]string{
		"/":                   "/",
		"/a/b":                "/a/b",
		"/a/sibling":          "/a/b",
		"/a/link":             "/a/file",
		"/a/absolute/x":       "/a/b/x",
		"/a/updown/b":         "/a/b",
		"/a/none/x/y":         "/a/none/x/y",
		"/none":               "/none",
		"/../../a/sibling/..": "/a",
	} {
		if got, err := tree.Real(name); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]error{"/a/none/../../x": fs.ErrNotExist, "/a/file/x": nil} {
		if got, err := tree.Real(name); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A directory that turns into a link while it is being opened never leads out.
func TestOpenRace(t *testing.T) {
	base, outside := newTestBase(t)
	flip := filepath.Join(base, "a", "flip")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Mkdir(flip, 0o755)
			_ = os.WriteFile(filepath.Join(flip, "file"), []byte("inside"), 0o644)
			_ = os.RemoveAll(flip)
			_ = os.Symlink(outside, flip)
			_ = os.Remove(flip)
		}
	}()
	opened := 0
	for range 3000 {
		dir, err := OpenDir(base, flip)
		if err != nil {
			continue
		}
		opened++
		if data, _ := dir.ReadFile("file"); string(data) == "outside" {
			t.Error("a directory outside was opened")
		}
		dir.Close()
		_ = MkdirAll(base, filepath.Join(flip, "made"), 0o755)
	}
	close(stop)
	<-done
	if opened == 0 {
		t.Error("the directory was never opened: nothing was tried")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside: %v, %v", left, err)
	}
}

package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// newTestFS makes a container file system with a root, a kubelet-like volume
// of a ConfigMap, an emptyDir and a single file, next to a secret outside.
func newTestFS(t *testing.T, readonlyRoot bool) (*FS, string) {
	t.Helper()
	host := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(host, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("secret", "outside")
	write("root/etc/own", "own")
	write("config/..2026_01/app.conf", "one")
	write("config/..2026_02/app.conf", "two")
	write("empty/file", "data")
	write("etc-hosts", "127.0.0.1 localhost")
	for link, target := range map[string]string{
		"config/..data":      "..2026_01",
		"config/app.conf":    "..data/app.conf",
		"root/up":            "../secret",
		"root/far":           "../../../../../../../../etc/passwd",
		"root/abs":           "/etc/own",
		"root/hostfile":      filepath.Join(host, "secret"),
		"root/loop":          "loop",
		"root/to-volume":     "/data/file",
		"empty/out":          "../secret",
		"empty/back":         "/etc/own",
		"empty/host-dir":     host,
		"root/dangling":      "/nowhere",
		"root/dir-to-volume": "data",
	} {
		if err := os.Symlink(target, filepath.Join(host, link)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := New(filepath.Join(host, "root"), readonlyRoot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for _, m := range []struct {
		host, target string
		readonly     bool
	}{{"config", "/etc/config", true}, {"empty", "/data", false}, {"etc-hosts", "/etc/hosts", false}} {
		source, err := Open(host, filepath.Join(host, m.host))
		if err == nil {
			err = c.Mount(source, m.target, m.readonly)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c, host
}

func readFile(c workload.FS, name string) (string, error) {
	f, err := c.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	return string(data), err
}

func TestFSRead(t *testing.T) {
	c, _ := newTestFS(t, false)
	tests := []struct {
		name string
		want string
		err  error
	}{
		{"/etc/own", "own", nil},
		{"etc/own", "own", nil},
		{"/../../etc/./own", "own", nil},
		{"/etc/config/app.conf", "one", nil},
		{"/etc/config/..data/app.conf", "one", nil},
		{"/etc/hosts", "127.0.0.1 localhost", nil},
		{"/data/../etc/own", "own", nil},
		{"/abs", "own", nil},
		{"/to-volume", "data", nil},
		{"/dir-to-volume/file", "data", nil},
		{"/data/back", "own", nil},
		{"/dev/null", "", nil},
		{"/none", "", fs.ErrNotExist},
		{"/none/deeper", "", fs.ErrNotExist},
		{"/dangling", "", fs.ErrNotExist},
		{"/etc/own/deeper", "", syscall.ENOTDIR},
		{"/loop", "", syscall.ELOOP},
		// Every way out leads to a place in the container that is not there.
		{"/up", "", fs.ErrNotExist},
		{"/far", "", fs.ErrNotExist},
		{"/hostfile", "", fs.ErrNotExist},
		{"/data/out", "", fs.ErrNotExist},
		{"/data/host-dir/secret", "", fs.ErrNotExist},
		{"/etc/hosts/../../secret", "", syscall.ENOTDIR},
	}
	for _, test := range tests {
		got, err := readFile(c, test.name)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %q, %v; want %q, %v", test.name, got, err, test.want, test.err)
		}
		var pathErr *fs.PathError
		if err != nil && (!errors.As(err, &pathErr) || pathErr.Path != test.name) {
			t.Errorf("%s: the error names another path: %v", test.name, err)
		}
	}
}

// The kubelet swaps ..data while the container runs.
func TestFSAtomicUpdate(t *testing.T) {
	c, host := newTestFS(t, false)
	temp := filepath.Join(host, "config", "..data_tmp")
	err := errors.Join(os.Symlink("..2026_02", temp), os.Rename(temp, filepath.Join(host, "config", "..data")),
		os.RemoveAll(filepath.Join(host, "config", "..2026_01")))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readFile(c, "/etc/config/app.conf"); got != "two" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFSChange(t *testing.T) {
	tests := []struct {
		name string
		do   func(c *FS) error
		err  error
	}{
		{"write", func(c *FS) error { return c.WriteFile("/new/file", nil, 0o644) }, nil},
		{"write in a volume", func(c *FS) error { return c.WriteFile("/data/new", nil, 0o644) }, nil},
		{"write through a link to a volume", func(c *FS) error { return c.WriteFile("/to-volume", nil, 0o644) }, nil},
		{"write /etc/hosts", func(c *FS) error { return c.WriteFile("/etc/hosts", nil, 0o644) }, nil},
		{"create through a link", func(c *FS) error { return c.WriteFile("/dangling", nil, 0o644) }, nil},
		{"write outside by a link", func(c *FS) error { return c.WriteFile("/data/out", []byte("x"), 0o644) }, nil},
		{"write read-only", func(c *FS) error { return c.WriteFile("/etc/config/app.conf", nil, 0o644) }, syscall.EROFS},
		{"create read-only", func(c *FS) error { return c.WriteFile("/etc/config/new", nil, 0o644) }, syscall.EROFS},
		{"remove read-only", func(c *FS) error { return c.Remove("/etc/config/app.conf") }, syscall.EROFS},
		{"chmod read-only", func(c *FS) error { return c.Chmod("/etc/config/app.conf", 0o777) }, syscall.EROFS},
		{"mkdir read-only", func(c *FS) error { return c.Mkdir("/etc/config/d", 0o755) }, syscall.EROFS},
		{"link read-only", func(c *FS) error { return c.Symlink("x", "/etc/config/l") }, syscall.EROFS},
		{"mkdir", func(c *FS) error { return c.Mkdir("/data/d", 0o1777) }, nil},
		{"mkdir again", func(c *FS) error { return c.Mkdir("/data", 0o755) }, fs.ErrExist},
		{"rename", func(c *FS) error { return c.Rename("/data/file", "/data/moved") }, nil},
		{"rename over a mount's edge", func(c *FS) error { return c.Rename("/data/file", "/moved") }, syscall.EXDEV},
		{"rename a mount", func(c *FS) error { return c.Rename("/data", "/moved") }, syscall.EBUSY},
		{"remove a link, not its target", func(c *FS) error {
			if err := c.Remove("/abs"); err != nil {
				return err
			}
			_, err := c.Stat("/etc/own")
			return err
		}, nil},
		{"remove a mount", func(c *FS) error { return c.RemoveAll("/data") }, syscall.EBUSY},
		{"remove above a mount", func(c *FS) error { return c.RemoveAll("/etc") }, syscall.EBUSY},
		{"remove the root", func(c *FS) error { return c.RemoveAll("/") }, syscall.EBUSY},
		{"remove a tree", func(c *FS) error { return c.RemoveAll("/data/file") }, nil},
		{"exclusive create does not follow", func(c *FS) error {
			_, err := c.OpenFile("/dangling", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			return err
		}, fs.ErrExist},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, host := newTestFS(t, false)
			if err := test.do(c); !errors.Is(err, test.err) {
				t.Errorf("got %v, want %v", err, test.err)
			}
			if data, err := os.ReadFile(filepath.Join(host, "secret")); string(data) != "outside" {
				t.Errorf("the file outside was reached: %q, %v", data, err)
			}
		})
	}
}

func TestFSReadonlyRoot(t *testing.T) {
	c, _ := newTestFS(t, true)
	if err := c.WriteFile("/etc/new", nil, 0o644); !errors.Is(err, syscall.EROFS) {
		t.Errorf("root: got %v", err)
	}
	if err := c.WriteFile("/data/new", nil, 0o644); err != nil {
		t.Errorf("volume: %v", err)
	}
}

func TestFSList(t *testing.T) {
	c, _ := newTestFS(t, false)
	list := func(dir string) string {
		entries, err := c.ReadDir(dir)
		if err != nil {
			return err.Error()
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	}
	for dir, want := range map[string]string{
		"/etc":        "config hosts own",
		"/data":       "back file host-dir out",
		"/etc/config": "..2026_01 ..2026_02 ..data app.conf",
		"/up":         "open /up: no such file or directory",
	} {
		if got := list(dir); got != want {
			t.Errorf("%s: got %q, want %q", dir, got, want)
		}
	}
	if target, err := c.Readlink("/hostfile"); err != nil || target == "" {
		t.Errorf("Readlink: %q, %v", target, err)
	}
	info, err := c.Lstat("/abs")
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("Lstat: %v, %v", info, err)
	}
	if _, err := c.Lstat("/dev/null"); err != nil {
		t.Error(err)
	}
}

// Whatever a container does with links while it is being resolved, os.Root
// keeps the opening inside.
func TestFSRace(t *testing.T) {
	c, host := newTestFS(t, false)
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		dir := filepath.Join(host, "empty", "flip")
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			_ = os.Mkdir(dir, 0o755)
			_ = os.WriteFile(filepath.Join(dir, "secret"), []byte("inside"), 0o644)
			_ = os.RemoveAll(dir)
			_ = os.Symlink(host, dir)
			_ = os.Remove(dir)
		}
	}()
	for range 2000 {
		if got, _ := readFile(c, "/data/flip/secret"); got == "outside" {
			t.Error("the file outside was read")
			break
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(fmt.Errorf("flipping: %w", err))
	}
}

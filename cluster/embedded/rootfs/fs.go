// Package rootfs is a tree of files that nothing leads out of: directories of
// the machine held open (os.Root) and put together by mount points. A
// container's file system is one; so is the host that hostPath volumes see.
package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// maxLinks is how many symbolic links one name may lead through, as in Linux.
const maxLinks = 40

// FS is a container's file system: directories of the host seen
// through os.Root, put together by mount points. Names are resolved here,
// component by component, because a symbolic link means a place in the
// container and may cross mounts; os.Root then refuses whatever a race between
// the resolving and the opening would let out. It implements workload.FS.
type FS struct {
	mounts []*mountPoint // longest path first; the last one is "/"
}

// SetReadonly reports whether the root, but not what is mounted on it, may be
// written. It must not be called while the file system is in use.
func (c *FS) SetReadonly(readonly bool) { c.mounts[len(c.mounts)-1].readonly = readonly }

// mountPoint is one mount: a directory, or a single file of one.
type mountPoint struct {
	path     string // in the container, cleaned
	root     *os.Root
	base     string // the file within root, empty for a directory
	readonly bool
}

// New makes a file system of a root directory.
func New(dir string, readonly bool) (*FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("root file system: %w", err)
	}
	return &FS{mounts: []*mountPoint{{path: "/", root: root, readonly: readonly}}}, nil
}

// FromRoot makes a read-only file system of a directory that is open; the caller
// goes on owning that.
func FromRoot(dir *os.Root) (*FS, error) {
	root, err := dir.OpenRoot(".")
	if err != nil {
		return nil, fmt.Errorf("root file system: %w", err)
	}
	return &FS{mounts: []*mountPoint{{path: "/", root: root, readonly: true}}}, nil
}

// Mount makes a source visible at target and owns it from then on, whatever it
// returns. The mount point is created where it is missing, as a container
// runtime does.
func (c *FS) Mount(source Source, target string, readonly bool) error {
	target, err := c.mountTarget(path.Clean("/"+target), source.base == "")
	if err != nil {
		source.Close()
		return fmt.Errorf("mount %s: %w", target, err)
	}
	c.mounts = append(c.mounts, &mountPoint{path: target, root: source.root, base: source.base, readonly: readonly})
	sort.SliceStable(c.mounts, func(i, j int) bool { return len(c.mounts[i].path) > len(c.mounts[j].path) })
	return nil
}

// mountTarget creates the place a mount goes to and returns it without
// symbolic links. The root's read-only flag does not hinder it: the runtime
// prepares the root before the container sees it.
func (c *FS) mountTarget(target string, dir bool) (string, error) {
	root := c.mounts[len(c.mounts)-1]
	defer func(readonly bool) { root.readonly = readonly }(root.readonly)
	root.readonly = false
	parent := target
	if !dir {
		parent = path.Dir(target)
	}
	if err := c.MkdirAll(parent); err != nil {
		return target, err
	}
	if !dir {
		f, err := c.OpenFile(target, os.O_CREATE|os.O_RDONLY, 0o644)
		if err != nil {
			return target, err
		}
		f.Close()
	}
	at, err := c.resolve(target, true)
	if err != nil {
		return target, err
	}
	return at.path, nil
}

// MkdirAll makes a directory and those above it.
func (c *FS) MkdirAll(name string) error {
	if info, err := c.Stat(name); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
		return nil
	}
	if err := c.MkdirAll(path.Dir(name)); err != nil {
		return err
	}
	if err := c.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Close releases the directories.
func (c *FS) Close() error {
	var errs []error
	for _, m := range c.mounts {
		errs = append(errs, m.root.Close())
	}
	return errors.Join(errs...)
}

// place is a resolved name.
type place struct {
	path string // in the container, without links (but for the last element)
	m    *mountPoint
	rel  string // within m.root
}

// at finds the mount that a link-free path belongs to.
func (c *FS) at(name string) place {
	for _, m := range c.mounts {
		switch {
		case name == m.path:
			rel := "."
			if m.base != "" {
				rel = m.base
			}
			return place{path: name, m: m, rel: rel}
		case m.base != "":
		case m.path == "/":
			return place{path: name, m: m, rel: strings.TrimPrefix(name, "/")}
		case strings.HasPrefix(name, m.path+"/"):
			return place{path: name, m: m, rel: name[len(m.path)+1:]}
		}
	}
	panic("unreachable: the root mount holds every path")
}

// resolve follows the symbolic links of name; of the last element only when
// follow is set. A last element that does not exist is no error.
func (c *FS) resolve(name string, follow bool) (place, error) {
	rest := splitPath(name)
	current, links := "/", 0
	for len(rest) > 0 {
		elem := rest[0]
		rest = rest[1:]
		if elem == ".." {
			current = path.Dir(current)
			continue
		}
		next := c.at(path.Join(current, elem))
		info, err := next.m.root.Lstat(next.rel)
		// A mounted file is opened through its name in its own directory,
		// where the kubelet may keep it as a link.
		if err == nil && next.m.base != "" {
			info, err = next.m.root.Stat(next.rel)
		}
		switch {
		case err != nil && len(rest) == 0 && errors.Is(err, fs.ErrNotExist):
			return next, nil
		case err != nil:
			return place{}, underlying(err)
		case info.Mode()&fs.ModeSymlink != 0 && (follow || len(rest) > 0):
			if links++; links > maxLinks {
				return place{}, syscall.ELOOP
			}
			target, err := next.m.root.Readlink(next.rel)
			if err != nil {
				return place{}, underlying(err)
			}
			if path.IsAbs(target) {
				current = "/"
			}
			rest = slices.Concat(splitPath(target), rest)
		case !info.IsDir() && len(rest) > 0:
			return place{}, syscall.ENOTDIR
		default:
			current = next.path
		}
	}
	return c.at(current), nil
}

// splitPath cuts a name into its elements; "." and empty ones are dropped.
func splitPath(name string) []string {
	elems := strings.Split(name, "/")
	return slices.DeleteFunc(elems, func(e string) bool { return e == "" || e == "." })
}

// underlying is the system's error inside the errors of package os.
func underlying(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}

// pathError puts the container's own name for a file into an error.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: underlying(err)}
}

// change resolves a name for writing.
func (c *FS) change(name string, follow bool) (place, error) {
	at, err := c.resolve(name, follow)
	if err == nil && at.m.readonly {
		err = syscall.EROFS
	}
	return at, err
}

// edit resolves the name of a directory entry for adding, replacing or
// removing it; a mount point itself can't be.
func (c *FS) edit(name string) (place, error) {
	at, err := c.change(name, false)
	if err == nil && at.path == at.m.path {
		err = syscall.EBUSY
	}
	return at, err
}

// OpenFile opens a file with the flags of package os.
func (c *FS) OpenFile(name string, flag int, perm fs.FileMode) (workload.File, error) {
	if device := openDevice(path.Clean("/" + name)); device != nil {
		return device, nil
	}
	at, err := c.resolve(name, flag&os.O_EXCL == 0)
	const writing = os.O_WRONLY | os.O_RDWR | os.O_CREATE | os.O_TRUNC | os.O_APPEND
	if err == nil && at.m.readonly && flag&writing != 0 {
		_, statErr := at.m.root.Stat(at.rel)
		if flag&(os.O_WRONLY|os.O_RDWR|os.O_TRUNC) != 0 || statErr != nil {
			err = syscall.EROFS
		}
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	f, err := at.m.root.OpenFile(at.rel, flag, perm&fs.ModePerm)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return f, nil
}

// Stat describes a file, following links.
func (c *FS) Stat(name string) (fs.FileInfo, error) {
	if device := openDevice(path.Clean("/" + name)); device != nil {
		return device.Stat()
	}
	at, err := c.resolve(name, true)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	info, err := at.m.root.Stat(at.rel)
	return info, pathError("stat", name, err)
}

// Lstat describes a file or a link.
func (c *FS) Lstat(name string) (fs.FileInfo, error) {
	if device := openDevice(path.Clean("/" + name)); device != nil {
		return device.Stat()
	}
	at, err := c.resolve(name, false)
	if err != nil {
		return nil, pathError("lstat", name, err)
	}
	info, err := at.m.root.Lstat(at.rel)
	return info, pathError("lstat", name, err)
}

// ReadDir lists a directory by name.
func (c *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := c.resolve(name, true)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	dir, err := at.m.root.Open(at.rel)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	return entries, pathError("readdirent", name, err)
}

// Readlink returns where a link points.
func (c *FS) Readlink(name string) (string, error) {
	at, err := c.resolve(name, false)
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	target, err := at.m.root.Readlink(at.rel)
	return target, pathError("readlink", name, err)
}

// Mkdir makes one directory.
func (c *FS) Mkdir(name string, perm fs.FileMode) error {
	at, err := c.change(name, false)
	if err == nil {
		err = at.m.root.Mkdir(at.rel, perm&fs.ModePerm)
	}
	return pathError("mkdir", name, err)
}

// Remove removes a file, a link or an empty directory.
func (c *FS) Remove(name string) error {
	at, err := c.edit(name)
	if err == nil {
		err = at.m.root.Remove(at.rel)
	}
	return pathError("remove", name, err)
}

// RemoveAll removes a tree. A tree with a mount in it is left as it is.
func (c *FS) RemoveAll(name string) error {
	at, err := c.edit(name)
	for _, m := range c.mounts {
		if err == nil && strings.HasPrefix(m.path, at.path+"/") {
			err = syscall.EBUSY
		}
	}
	if err == nil {
		err = at.m.root.RemoveAll(at.rel)
	}
	return pathError("unlinkat", name, err)
}

// Rename moves a file within one mount.
func (c *FS) Rename(from, to string) error {
	src, err := c.edit(from)
	var dst place
	if err == nil {
		dst, err = c.edit(to)
	}
	if err == nil && src.m != dst.m {
		err = syscall.EXDEV
	}
	if err == nil {
		err = src.m.root.Rename(src.rel, dst.rel)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: underlying(err)}
	}
	return nil
}

// Symlink makes a link; the target is taken as it is.
func (c *FS) Symlink(target, name string) error {
	at, err := c.change(name, false)
	if err == nil {
		err = at.m.root.Symlink(target, at.rel)
	}
	if err != nil {
		return &os.LinkError{Op: "symlink", Old: target, New: name, Err: underlying(err)}
	}
	return nil
}

// Chmod sets the permission bits of a file.
func (c *FS) Chmod(name string, mode fs.FileMode) error {
	at, err := c.change(name, true)
	if err == nil {
		err = at.m.root.Chmod(at.rel, mode)
	}
	return pathError("chmod", name, err)
}

// Chtimes sets the times of a file.
func (c *FS) Chtimes(name string, atime, mtime time.Time) error {
	at, err := c.change(name, true)
	if err == nil {
		err = at.m.root.Chtimes(at.rel, atime, mtime)
	}
	return pathError("chtimes", name, err)
}

// WriteFile makes a file with data in it, and the directories above it.
func (c *FS) WriteFile(name string, data []byte, perm fs.FileMode) error {
	if err := c.MkdirAll(path.Dir(name)); err != nil {
		return err
	}
	f, err := c.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// device is /dev/null or /dev/zero.
type device struct {
	name string
	zero bool
}

func openDevice(name string) workload.File {
	switch name {
	case "/dev/null":
		return device{name: "null"}
	case "/dev/zero":
		return device{name: "zero", zero: true}
	}
	return nil
}

func (d device) Read(p []byte) (int, error) {
	if !d.zero {
		return 0, io.EOF
	}
	clear(p)
	return len(p), nil
}

func (d device) Write(p []byte) (int, error)    { return len(p), nil }
func (d device) Seek(int64, int) (int64, error) { return 0, nil }
func (d device) Close() error                   { return nil }
func (d device) Stat() (fs.FileInfo, error)     { return d, nil }
func (d device) Name() string                   { return d.name }
func (d device) Size() int64                    { return 0 }
func (d device) Mode() fs.FileMode              { return fs.ModeDevice | fs.ModeCharDevice | 0o666 }
func (d device) ModTime() time.Time             { return time.Time{} }
func (d device) IsDir() bool                    { return false }
func (d device) Sys() any                       { return nil }

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Source is what a mount shows, held open: a directory, or a single file of
// one. What happens to its name afterwards does not lead anywhere else.
type Source struct {
	root *os.Root
	base string // the file within root, empty for a directory
}

// Close lets go of a Source that was not mounted.
func (s Source) Close() error { return s.root.Close() }

// Open opens a file or a directory of the machine called name, which lies
// below the directory base. It follows no symbolic link below base: whoever hands out
// such a path has resolved it, so a link is there because somebody put it in
// the way since. base itself is opened as it is.
func Open(base, name string) (Source, error) {
	dir, last, err := parent(base, name)
	if err != nil {
		return Source{}, err
	}
	info, err := dir.Lstat(last)
	if err == nil && !info.IsDir() && info.Mode()&fs.ModeSymlink == 0 {
		return Source{root: dir, base: last}, nil
	}
	defer dir.Close()
	if err != nil {
		return Source{}, &fs.PathError{Op: "open", Path: name, Err: underlying(err)}
	}
	root, err := enter(dir, last)
	if err != nil {
		return Source{}, &fs.PathError{Op: "open", Path: name, Err: underlying(err)}
	}
	return Source{root: root}, nil
}

// OpenDir is Open for a directory.
func OpenDir(base, name string) (*os.Root, error) {
	s, err := Open(base, name)
	if err != nil {
		return nil, err
	}
	if s.base != "" {
		s.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return s.root, nil
}

// MkdirAll makes the directory name and those above it, below the directory
// base. As Open, it follows no symbolic link.
func MkdirAll(base, name string, perm fs.FileMode) error {
	elems, err := below(base, name)
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(base)
	if err != nil {
		return err
	}
	for _, elem := range elems {
		if err = dir.Mkdir(elem, perm); err != nil && !errors.Is(err, fs.ErrExist) {
			break
		}
		var next *os.Root
		if next, err = enter(dir, elem); err != nil {
			break
		}
		dir.Close()
		dir = next
	}
	dir.Close()
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: underlying(err)}
	}
	return nil
}

// parent opens the directory that name is in, and returns name's last element;
// "." when name is base.
func parent(base, name string) (dir *os.Root, last string, err error) {
	elems, err := below(base, name)
	if err != nil {
		return nil, "", err
	}
	if dir, err = os.OpenRoot(base); err != nil {
		return nil, "", err
	}
	if len(elems) == 0 {
		return dir, ".", nil
	}
	for _, elem := range elems[:len(elems)-1] {
		next, err := enter(dir, elem)
		dir.Close()
		if err != nil {
			return nil, "", &fs.PathError{Op: "open", Path: name, Err: underlying(err)}
		}
		dir = next
	}
	return dir, elems[len(elems)-1], nil
}

// enter opens the directory elem of dir, unless it is a symbolic link. os.Root
// has no way to ask that of the system, so what was opened is compared with
// what the name stands for: the same directory, and no link.
func enter(dir *os.Root, elem string) (*os.Root, error) {
	next, err := dir.OpenRoot(elem)
	if err != nil {
		return nil, err
	}
	named, err := dir.Lstat(elem)
	if err == nil && named.Mode()&fs.ModeSymlink != 0 {
		err = &fs.PathError{Op: "open", Path: elem, Err: syscall.ELOOP}
	}
	var opened fs.FileInfo
	if err == nil {
		opened, err = next.Stat(".")
	}
	if err == nil && !os.SameFile(named, opened) {
		err = &fs.PathError{Op: "open", Path: elem, Err: errors.New("replaced while it was being opened")}
	}
	if err != nil {
		next.Close()
		return nil, err
	}
	return next, nil
}

// below cuts name, which lies below base, into its elements from there on.
func below(base, name string) ([]string, error) {
	rel, err := filepath.Rel(base, name)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s is not below %s", name, base)
	}
	if rel == "." {
		return nil, nil
	}
	return strings.Split(rel, string(filepath.Separator)), nil
}

// Real resolves the symbolic links of name as far as it exists; the rest is
// taken as it is. The result is absolute in the tree and, where nothing else
// changes the tree meanwhile, holds no link.
func (c *FS) Real(name string) (string, error) {
	var missing []string
	for elems := splitPath(name); ; elems = elems[:len(elems)-1] {
		at, err := c.resolve("/"+strings.Join(elems, "/"), true)
		switch {
		case err == nil:
			for _, elem := range missing {
				if elem == ".." { // it would go back through a link that may appear yet
					return "", pathError("open", name, fs.ErrNotExist)
				}
			}
			return path.Join(append([]string{at.path}, missing...)...), nil
		case errors.Is(err, fs.ErrNotExist) && len(elems) > 0:
			missing = append([]string{elems[len(elems)-1]}, missing...)
		default:
			return "", pathError("open", name, err)
		}
	}
}

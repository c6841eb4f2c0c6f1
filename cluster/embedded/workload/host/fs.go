package host

import (
	"io/fs"
	"os"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// osFS is the file system of the operating system: inside an image that is
// the container's own, the kernel keeps it apart.
type osFS struct{}

var _ workload.FS = osFS{}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (workload.File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFS) Stat(name string) (fs.FileInfo, error)             { return os.Stat(name) }
func (osFS) Lstat(name string) (fs.FileInfo, error)            { return os.Lstat(name) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error)        { return os.ReadDir(name) }
func (osFS) Readlink(name string) (string, error)              { return os.Readlink(name) }
func (osFS) Mkdir(name string, perm fs.FileMode) error         { return os.Mkdir(name, perm) }
func (osFS) Remove(name string) error                          { return os.Remove(name) }
func (osFS) RemoveAll(name string) error                       { return os.RemoveAll(name) }
func (osFS) Rename(from, to string) error                      { return os.Rename(from, to) }
func (osFS) Symlink(target, name string) error                 { return os.Symlink(target, name) }
func (osFS) Chmod(name string, mode fs.FileMode) error         { return os.Chmod(name, mode) }
func (osFS) Chtimes(name string, atime, mtime time.Time) error { return os.Chtimes(name, atime, mtime) }

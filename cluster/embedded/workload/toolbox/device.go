package toolbox

import (
	"crypto/rand"
	"io"
	"io/fs"
	"path"
	"syscall"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// device is a character device or a stream under /dev.
type device struct {
	name  string
	read  func(p []byte) (int, error)
	write func(p []byte) (int, error)
}

var _ workload.File = (*device)(nil)

func discard(p []byte) (int, error) { return len(p), nil }
func atEnd([]byte) (int, error)     { return 0, io.EOF }

// openDevice opens the devices that every container has. They are made here so
// that no file system of a container needs them, and never the host's.
func openDevice(full string, in io.Reader, out, err io.Writer) (*device, bool) {
	if path.Dir(full) != "/dev" {
		return nil, false
	}
	d := &device{name: path.Base(full), read: atEnd, write: discard}
	switch d.name {
	case "null":
	case "zero":
		d.read = func(p []byte) (int, error) { clear(p); return len(p), nil }
	case "full":
		d.read = func(p []byte) (int, error) { clear(p); return len(p), nil }
		d.write = func([]byte) (int, error) { return 0, syscall.ENOSPC }
	case "random", "urandom":
		d.read = rand.Read
	case "stdin":
		if in != nil {
			d.read = in.Read
		}
	case "stdout":
		d.write = out.Write
	case "stderr":
		d.write = err.Write
	case "tty":
		if in != nil {
			d.read = in.Read
		}
		d.write = out.Write
	default:
		return nil, false
	}
	return d, true
}

func statDevice(full string) (fs.FileInfo, bool) {
	d, ok := openDevice(full, nil, io.Discard, io.Discard)
	return d, ok
}

func (d *device) Read(p []byte) (int, error)     { return d.read(p) }
func (d *device) Write(p []byte) (int, error)    { return d.write(p) }
func (d *device) Close() error                   { return nil }
func (d *device) Seek(int64, int) (int64, error) { return 0, syscall.ESPIPE }
func (d *device) Stat() (fs.FileInfo, error)     { return d, nil }
func (d *device) Name() string                   { return d.name }
func (d *device) Size() int64                    { return 0 }
func (d *device) Mode() fs.FileMode              { return fs.ModeDevice | fs.ModeCharDevice | 0o666 }
func (d *device) ModTime() time.Time             { return time.Unix(0, 0) }
func (d *device) IsDir() bool                    { return false }
func (d *device) Sys() any                       { return nil }

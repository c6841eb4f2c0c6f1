package hostpath

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/validation"

	"github.com/k8stutor/k8stutor/cluster/embedded/rootfs"
)

// mounter leads a Pod to a place of the node's host.
type mounter struct {
	volume.Mounter // upstream's, for what it says of itself
	root, path     string
	pathType       *v1.HostPathType
}

// GetPath is the place's name on the machine, without a symbolic link below the
// host's root. Where it can't be resolved it is the name as it stands, which the
// container runtime, which follows no links, then can't open.
func (m *mounter) GetPath() string {
	resolved := path.Clean("/" + m.path)
	if host, err := rootfs.New(m.root, true); err == nil {
		defer host.Close()
		if real, err := host.Real(m.path); err == nil {
			resolved = real
		}
	}
	return filepath.Join(m.root, filepath.FromSlash(resolved))
}

// SetUp checks the type, and makes what a type says to make. Nothing is
// mounted.
func (m *mounter) SetUp(volume.MounterArgs) error {
	if err := validation.ValidatePathNoBacksteps(m.path); err != nil {
		return fmt.Errorf("invalid HostPath `%s`: %w", m.path, err)
	}
	if m.pathType == nil || *m.pathType == v1.HostPathUnset {
		return nil
	}
	host, err := rootfs.New(m.root, false)
	if err != nil {
		return err
	}
	defer host.Close()
	return checkType(host, m.path, *m.pathType)
}

// checkType is what https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types
// says of the types, in the words of upstream's errors.
func checkType(host *rootfs.FS, name string, want v1.HostPathType) error {
	info, err := host.Stat(name)
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing && want == v1.HostPathDirectoryOrCreate:
		return host.MkdirAll(name)
	case missing && want == v1.HostPathFileOrCreate:
		f, err := host.OpenFile(name, os.O_CREATE|os.O_RDONLY, 0o644)
		if err != nil {
			return err
		}
		return f.Close()
	}
	var mode fs.FileMode
	if err == nil {
		mode = info.Mode()
	}
	kinds := map[v1.HostPathType]struct {
		is   bool
		noun string
	}{
		v1.HostPathDirectoryOrCreate: {mode.IsDir(), "a directory"},
		v1.HostPathDirectory:         {mode.IsDir(), "a directory"},
		v1.HostPathFileOrCreate:      {err == nil && mode.IsRegular(), "a file"},
		v1.HostPathFile:              {err == nil && mode.IsRegular(), "a file"},
		v1.HostPathSocket:            {mode&fs.ModeSocket != 0, "a socket file"},
		v1.HostPathCharDev:           {mode&fs.ModeCharDevice != 0, "a character device"},
		v1.HostPathBlockDev:          {mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0, "a block device"},
	}
	kind, known := kinds[want]
	switch {
	case !known:
		return fmt.Errorf("%s is an invalid volume type", want)
	case !kind.is:
		return fmt.Errorf("hostPath type check failed: %s is not %s", name, kind.noun)
	}
	return nil
}

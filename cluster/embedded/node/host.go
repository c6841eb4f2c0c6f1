package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/mount-utils"
)

// mounter stands in for mounting, which needs privileges: a tmpfs becomes the
// plain directory that it would have been mounted on, inside the node's folder
// of mode 0700. It is safe for concurrent use.
type mounter struct {
	mu     sync.Mutex
	points map[string]mount.MountPoint
}

var _ mount.Interface = (*mounter)(nil)

func newMounter() *mounter { return &mounter{points: map[string]mount.MountPoint{}} }

func (m *mounter) Mount(source, target, fstype string, options []string) error {
	if fstype != "tmpfs" {
		return fmt.Errorf("mounting %s (type %q) needs privileges that the embedded cluster does not have", source, fstype)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.points[filepath.Clean(target)] = mount.MountPoint{Device: source, Path: filepath.Clean(target), Type: fstype, Opts: options}
	return nil
}

func (m *mounter) MountSensitive(source, target, fstype string, options, _ []string) error {
	return m.Mount(source, target, fstype, options)
}

func (m *mounter) MountSensitiveWithoutSystemd(source, target, fstype string, options, _ []string) error {
	return m.Mount(source, target, fstype, options)
}

func (m *mounter) MountSensitiveWithoutSystemdWithMountFlags(source, target, fstype string, options, _, _ []string) error {
	return m.Mount(source, target, fstype, options)
}

// Unmount empties the directory, as unmounting a tmpfs would.
func (m *mounter) Unmount(target string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	target = filepath.Clean(target)
	if _, ok := m.points[target]; !ok {
		return nil
	}
	delete(m.points, target)
	entries, err := os.ReadDir(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(target, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (m *mounter) List() ([]mount.MountPoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []mount.MountPoint
	for _, point := range m.points {
		list = append(list, point)
	}
	return list, nil
}

func (m *mounter) IsMountPoint(file string) (bool, error) {
	if _, err := os.Stat(file); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.points[filepath.Clean(file)]
	return ok, nil
}

func (m *mounter) IsLikelyNotMountPoint(file string) (bool, error) {
	is, err := m.IsMountPoint(file)
	return !is, err
}

func (m *mounter) CanSafelySkipMountPointCheck() bool { return true }

func (m *mounter) GetMountRefs(string) ([]string, error) { return nil, nil }

// hostUtil leaves out what needs privileges or SELinux, and what leads out of
// the node's folder base.
type hostUtil struct {
	*hostutil.HostUtil
	base string
}

// PathExists is asked of subPaths, in volumes that containers write to. What
// leads out of the node is there: preparing it then fails, and says why.
func (u hostUtil) PathExists(name string) (bool, error) {
	_, err := u.stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, nil
}

// GetMode is asked of the volume of a subPath that is to be made.
func (u hostUtil) GetMode(name string) (os.FileMode, error) {
	info, err := u.stat(name)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

func (u hostUtil) stat(name string) (fs.FileInfo, error) {
	rel, err := filepath.Rel(u.base, name)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(u.base)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(rel)
}

func (hostUtil) MakeRShared(string) error                      { return nil }
func (hostUtil) GetSELinuxSupport(string) (bool, error)        { return false, nil }
func (hostUtil) GetSELinuxMountContext(string) (string, error) { return "", nil }

// nodeOS keeps the kubelet away from /var/log of the machine, where it would
// link container logs for log collectors and remove links that dangle.
type nodeOS struct{ kubecontainer.RealOS }

const machineLogs = "/var/log/"

func (o nodeOS) MkdirAll(path string, perm os.FileMode) error {
	if strings.HasPrefix(path, machineLogs) {
		return nil
	}
	return o.RealOS.MkdirAll(path, perm)
}

func (o nodeOS) Symlink(target, name string) error {
	if strings.HasPrefix(name, machineLogs) {
		return nil
	}
	return o.RealOS.Symlink(target, name)
}

func (o nodeOS) Remove(path string) error {
	if strings.HasPrefix(path, machineLogs) {
		return nil
	}
	return o.RealOS.Remove(path)
}

func (o nodeOS) RemoveAll(path string) error {
	if strings.HasPrefix(path, machineLogs) {
		return nil
	}
	return o.RealOS.RemoveAll(path)
}

func (o nodeOS) Glob(pattern string) ([]string, error) {
	if strings.HasPrefix(pattern, machineLogs) {
		return nil, nil
	}
	return o.RealOS.Glob(pattern)
}

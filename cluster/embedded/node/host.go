package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/kubernetes/pkg/volume/util/subpath"
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

// subpather prepares subPath mounts without bind mounts: a directory is used
// where it is, once it is known to lie inside its volume; a file is given a
// second name (a hard link), so that the container keeps the file it was
// started with when the kubelet swaps a ConfigMap, as with a bind mount.
type subpather struct{}

var _ subpath.Interface = subpather{}

// subpathDir is where upstream keeps its bind mounts, below the Pod's folder.
const subpathDir = "volume-subpaths"

func (subpather) PrepareSafeSubpath(s subpath.Subpath) (string, func(), error) {
	path, err := within(s.VolumePath, s.Path)
	if err != nil {
		return "", nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", nil, err
	}
	if info.IsDir() {
		return path, nil, nil
	}
	dir := filepath.Join(s.PodDir, subpathDir, s.VolumeName, s.ContainerName)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", nil, err
	}
	link := filepath.Join(dir, strconv.Itoa(s.VolumeMountIndex))
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	return link, nil, os.Link(path, link)
}

func (subpather) CleanSubPaths(podDir, volumeName string) error {
	return os.RemoveAll(filepath.Join(podDir, subpathDir, volumeName))
}

// SafeMakeDir makes subdir, a path below base.
func (subpather) SafeMakeDir(subdir, base string, perm os.FileMode) error {
	root, err := os.OpenRoot(base)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.MkdirAll(subdir, perm.Perm())
}

// within resolves the links of path and fails when it leads out of base.
func within(base, path string) (string, error) {
	base, err := filepath.EvalSymlinks(base)
	if err != nil {
		return "", err
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if path != base && !strings.HasPrefix(path, base+string(filepath.Separator)) {
		return "", fmt.Errorf("subpath %q not within volume path %q", path, base)
	}
	return path, nil
}

// hostUtil leaves out what needs privileges or SELinux.
type hostUtil struct{ *hostutil.HostUtil }

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

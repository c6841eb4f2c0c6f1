package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/kubernetes/pkg/volume/util/subpath"

	"github.com/k8stutor/k8stutor/cluster/embedded/rootfs"
)

// subpather prepares subPath mounts without bind mounts: a directory is used
// where it is, by a name without links; a file is given a second name (a hard
// link), so that the container keeps the file it was started with when the
// kubelet swaps a ConfigMap, as with a bind mount. Volumes are held open
// meanwhile: a container that changes its volume while a subPath of it is
// prepared gets an error, and never a place outside.
type subpather struct {
	base string // the node's folder, in which all volumes lie
}

var _ subpath.Interface = subpather{}

// subpathDir is where upstream keeps its bind mounts, below the Pod's folder.
const subpathDir = "volume-subpaths"

// PrepareSafeSubpath returns a path without links, below the volume or below
// the Pod's folder.
func (s subpather) PrepareSafeSubpath(p subpath.Subpath) (string, func(), error) {
	rel, err := filepath.Rel(p.VolumePath, p.Path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", nil, fmt.Errorf("subpath %q not within volume path %q", p.Path, p.VolumePath)
	}
	volume, err := rootfs.OpenDir(s.base, p.VolumePath)
	if err != nil {
		return "", nil, err
	}
	defer volume.Close()
	// Opened through the volume: os.Root refuses links that lead out of it.
	file, err := volume.Open(rel)
	if err != nil {
		return "", nil, fmt.Errorf("subpath %q not within volume path %q: %w", p.Path, p.VolumePath, err)
	}
	defer file.Close()
	opened, err := file.Stat()
	if err != nil {
		return "", nil, err
	}
	real, err := realName(volume, rel)
	if err != nil {
		return "", nil, err
	}
	path := filepath.Join(p.VolumePath, real)
	if opened.IsDir() {
		// The runtime opens it again, following no link.
		return path, nil, nil
	}
	link := filepath.Join(p.PodDir, subpathDir, p.VolumeName, p.ContainerName, strconv.Itoa(p.VolumeMountIndex))
	return link, nil, s.link(path, link, opened)
}

// realName resolves the links of a name within a volume.
func realName(volume *os.Root, name string) (string, error) {
	tree, err := rootfs.FromRoot(volume)
	if err != nil {
		return "", err
	}
	defer tree.Close()
	real, err := tree.Real(filepath.ToSlash(name))
	return filepath.FromSlash(real), err
}

// link gives the file at path the second name link. opened is what the file
// must be: path is a name, and a container may have put something else there.
func (s subpather) link(path, link string, opened fs.FileInfo) error {
	if err := rootfs.MkdirAll(s.base, filepath.Dir(link), 0o750); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.base)
	if err != nil {
		return err
	}
	defer root.Close()
	from, err := filepath.Rel(s.base, path)
	if err != nil {
		return err
	}
	to, err := filepath.Rel(s.base, link)
	if err != nil {
		return err
	}
	if err := root.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.Link(from, to); err != nil {
		return err
	}
	linked, err := root.Lstat(to)
	if err == nil && !os.SameFile(linked, opened) {
		err = fmt.Errorf("subpath %q changed while it was being prepared", path)
	}
	if err != nil {
		return errors.Join(err, root.Remove(to))
	}
	return nil
}

// CleanSubPaths removes the second names of a Pod's volume.
func (s subpather) CleanSubPaths(podDir, volumeName string) error {
	return os.RemoveAll(filepath.Join(podDir, subpathDir, volumeName))
}

// SafeMakeDir makes subdir, a path below the volume base.
func (s subpather) SafeMakeDir(subdir, base string, perm os.FileMode) error {
	volume, err := rootfs.OpenDir(s.base, base)
	if err != nil {
		return err
	}
	defer volume.Close()
	return volume.MkdirAll(subdir, perm.Perm())
}

// Package hostpath is the volume plugin kubernetes.io/host-path on a host that
// is not the machine: a folder of the node. Every part of the cluster that
// knows hostPath volumes (the kubelet, which mounts them, and the controller
// manager, which deletes released PersistentVolumes) uses this plugin, so that
// none of them reads, makes or removes a file of the person at the machine.
package hostpath

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/volume"
	upstream "k8s.io/kubernetes/pkg/volume/hostpath"

	"github.com/k8stutor/k8stutor/cluster/embedded/rootfs"
)

// plugin answers as upstream's does wherever no file is touched.
type plugin struct {
	upstreamPlugin
	root string
}

// upstreamPlugin is what upstream's plugin can do.
type upstreamPlugin interface {
	volume.PersistentVolumePlugin
	volume.RecyclableVolumePlugin
	volume.DeletableVolumePlugin
	volume.ProvisionableVolumePlugin
}

// New returns the plugin for the host whose "/" is the folder root. The folder
// must exist when a volume is used. config is upstream's; provisioning stays
// off, as it is in every cluster that does not ask for it.
func New(root string, config volume.VolumeConfig) (volume.VolumePlugin, error) {
	config.ProvisioningEnabled = false
	for _, probed := range upstream.ProbeVolumePlugins(config) {
		if p, ok := probed.(upstreamPlugin); ok {
			return plugin{upstreamPlugin: p, root: root}, nil
		}
	}
	return nil, fmt.Errorf("upstream's plugin %s is not what it was", "kubernetes.io/host-path")
}

// NewMounter implements volume.VolumePlugin.
func (p plugin) NewMounter(spec *volume.Spec, pod *v1.Pod) (volume.Mounter, error) {
	m, err := p.upstreamPlugin.NewMounter(spec, pod)
	if err != nil {
		return nil, err
	}
	source := specSource(spec)
	return &mounter{Mounter: m, root: p.root, path: source.Path, pathType: source.Type}, nil
}

// NewProvisioner implements volume.ProvisionableVolumePlugin. Upstream's
// provisioner makes folders in /tmp of the machine; it is for tests of
// Kubernetes only, and off by default everywhere.
func (p plugin) NewProvisioner(klog.Logger, volume.VolumeOptions) (volume.Provisioner, error) {
	return nil, fmt.Errorf("provisioning in volume plugin %q is disabled", p.GetPluginName())
}

// NewDeleter implements volume.DeletableVolumePlugin.
func (p plugin) NewDeleter(_ klog.Logger, spec *volume.Spec) (volume.Deleter, error) {
	if spec.PersistentVolume == nil || spec.PersistentVolume.Spec.HostPath == nil {
		return nil, fmt.Errorf("spec.PersistentVolumeSource.HostPath is nil")
	}
	return &deleter{root: p.root, path: spec.PersistentVolume.Spec.HostPath.Path}, nil
}

// specSource is the hostPath of a volume that the plugin supports.
func specSource(spec *volume.Spec) v1.HostPathVolumeSource {
	switch {
	case spec.Volume != nil && spec.Volume.HostPath != nil:
		return *spec.Volume.HostPath
	case spec.PersistentVolume != nil && spec.PersistentVolume.Spec.HostPath != nil:
		return *spec.PersistentVolume.Spec.HostPath
	}
	return v1.HostPathVolumeSource{}
}

// deleter deletes what a released PersistentVolume holds.
type deleter struct {
	volume.MetricsNil
	root, path string
}

// deletable is what upstream's deleter is meant to delete; its own pattern
// leaves out the "^".
var deletable = regexp.MustCompile(`^/tmp/.+`)

func (d *deleter) GetPath() string { return d.path }

// Delete removes the directory from the node.
func (d *deleter) Delete() error {
	// Cleaned first: a PersistentVolume's path may hold no "..", but this is
	// where it would matter.
	name := path.Clean(d.path)
	if !deletable.MatchString(name) {
		return fmt.Errorf("host_path deleter only supports /tmp/.+ but received provided %s", d.path)
	}
	host, err := rootfs.New(d.root, false)
	if err != nil {
		return err
	}
	defer host.Close()
	if err := host.RemoveAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

package node

import (
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/hostpath"
	"k8s.io/kubernetes/pkg/volume/projected"
	"k8s.io/kubernetes/pkg/volume/secret"
)

// volumePlugins are the volumes that work without privileges.
func volumePlugins(hostRoot string) []volume.VolumePlugin {
	var plugins []volume.VolumePlugin
	for _, probed := range [][]volume.VolumePlugin{
		emptydir.ProbeVolumePlugins(), secret.ProbeVolumePlugins(), configmap.ProbeVolumePlugins(),
		downwardapi.ProbeVolumePlugins(), projected.ProbeVolumePlugins(),
	} {
		for _, plugin := range probed {
			plugins = append(plugins, unownedPlugin{plugin})
		}
	}
	for _, plugin := range hostpath.ProbeVolumePlugins(volume.VolumeConfig{}) {
		plugins = append(plugins, hostPathPlugin{VolumePlugin: plugin, root: hostRoot})
	}
	return plugins
}

// unownedPlugin leaves the files of a volume to the node's user: giving them to
// a Pod's runAsUser or fsGroup needs privileges, and every container runs as
// the same user of the machine anyway.
type unownedPlugin struct{ volume.VolumePlugin }

func (p unownedPlugin) NewMounter(spec *volume.Spec, pod *v1.Pod) (volume.Mounter, error) {
	m, err := p.VolumePlugin.NewMounter(spec, pod)
	if err != nil {
		return nil, err
	}
	return unownedMounter{m}, nil
}

type unownedMounter struct{ volume.Mounter }

func (m unownedMounter) SetUp(args volume.MounterArgs) error {
	args.FsUser, args.FsGroup = nil, nil
	return m.Mounter.SetUp(args)
}

func (m unownedMounter) SetUpAt(dir string, args volume.MounterArgs) error {
	args.FsUser, args.FsGroup = nil, nil
	return m.Mounter.SetUpAt(dir, args)
}

// hostPathPlugin gives hostPath volumes a host of their own: a folder of the
// node in place of the root of the machine, so that no Pod sees or writes the
// files of the person who runs the cluster.
type hostPathPlugin struct {
	volume.VolumePlugin
	root string
}

func (p hostPathPlugin) NewMounter(spec *volume.Spec, pod *v1.Pod) (volume.Mounter, error) {
	moved := *spec
	switch {
	case spec.Volume != nil && spec.Volume.HostPath != nil:
		moved.Volume = spec.Volume.DeepCopy()
		moved.Volume.HostPath.Path = p.path(spec.Volume.HostPath.Path)
	case spec.PersistentVolume != nil && spec.PersistentVolume.Spec.HostPath != nil:
		moved.PersistentVolume = spec.PersistentVolume.DeepCopy()
		moved.PersistentVolume.Spec.HostPath.Path = p.path(spec.PersistentVolume.Spec.HostPath.Path)
	}
	return p.VolumePlugin.NewMounter(&moved, pod)
}

// path puts a path of the node below its root. Rooting it before joining keeps
// ".." inside.
func (p hostPathPlugin) path(path string) string {
	return filepath.Join(p.root, filepath.Clean("/"+path))
}

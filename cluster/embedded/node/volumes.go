package node

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/projected"
	"k8s.io/kubernetes/pkg/volume/secret"

	"github.com/k8stutor/k8stutor/cluster/embedded/hostpath"
)

// volumePlugins are the volumes that work without privileges. hostRoot is the
// folder that stands for "/" of the node.
func volumePlugins(hostRoot string) ([]volume.VolumePlugin, error) {
	var plugins []volume.VolumePlugin
	for _, probed := range [][]volume.VolumePlugin{
		emptydir.ProbeVolumePlugins(), secret.ProbeVolumePlugins(), configmap.ProbeVolumePlugins(),
		downwardapi.ProbeVolumePlugins(), projected.ProbeVolumePlugins(),
	} {
		for _, plugin := range probed {
			plugins = append(plugins, unownedPlugin{plugin})
		}
	}
	host, err := hostpath.New(hostRoot, volume.VolumeConfig{})
	if err != nil {
		return nil, err
	}
	return append(plugins, host), nil
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

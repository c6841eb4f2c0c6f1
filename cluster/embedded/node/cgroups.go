package node

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/klog/v2"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cm"
)

// podsCgroup stands for all Pods together where the kubelet asks for the use of
// a cgroup.
const podsCgroup = "/kubepods"

// containerManager has no cgroups to manage; it knows only the capacity that
// does not come from the machine info.
type containerManager struct {
	cm.ContainerManager
	storage uint64 // bytes
}

func newContainerManager(storage uint64) cm.ContainerManager {
	return containerManager{ContainerManager: cm.NewStubContainerManager(), storage: storage}
}

func (c containerManager) GetCapacity(localStorage bool) v1.ResourceList {
	if !localStorage {
		return v1.ResourceList{}
	}
	return v1.ResourceList{v1.ResourceEphemeralStorage: *resource.NewQuantity(int64(c.storage), resource.BinarySI)}
}

func (c containerManager) GetPodCgroupRoot() string { return podsCgroup }

func (c containerManager) NewPodContainerManager() cm.PodContainerManager {
	return podContainerManager{c.ContainerManager.NewPodContainerManager()}
}

// podContainerManager answers as if every Pod's cgroup were set up as its spec
// asks. The limits themselves are kept by the runtime, on containers.
type podContainerManager struct{ cm.PodContainerManager }

func (podContainerManager) GetPodCgroupConfig(pod *v1.Pod, _ v1.ResourceName) (*cm.ResourceConfig, error) {
	period := uint64(100_000) // microseconds, the kubelet's cpuCFSQuotaPeriod
	config := cm.ResourceConfigForPod(pod, true, period, false, kubeletconfig.NoneMemoryReservationPolicy)
	if config == nil {
		config = &cm.ResourceConfig{}
	}
	// What the spec leaves open reads as in a cgroup without limits; the
	// kubelet takes every field for set.
	if config.Memory == nil {
		config.Memory = new(int64)
	}
	if config.CPUShares == nil {
		config.CPUShares = new(uint64)
	}
	if config.CPUQuota == nil || config.CPUPeriod == nil {
		unlimited := int64(-1)
		config.CPUQuota, config.CPUPeriod = &unlimited, &period
	}
	return config, nil
}

func (podContainerManager) SetPodCgroupConfig(klog.Logger, *v1.Pod, *cm.ResourceConfig) error {
	return nil
}

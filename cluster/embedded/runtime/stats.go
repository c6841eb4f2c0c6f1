package runtime

import (
	"context"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func value(n uint64) *runtimeapi.UInt64Value { return &runtimeapi.UInt64Value{Value: n} }

// stats is a container's account now.
func (c *container) stats(now time.Time) *runtimeapi.ContainerStats {
	st := &runtimeapi.ContainerStats{
		Attributes: &runtimeapi.ContainerAttributes{
			Id: c.ID, Metadata: c.Config.GetMetadata(),
			Labels: c.Config.GetLabels(), Annotations: c.Config.GetAnnotations(),
		},
		WritableLayer: &runtimeapi.FilesystemUsage{
			Timestamp:  now.UnixNano(),
			FsId:       &runtimeapi.FilesystemIdentifier{Mountpoint: c.runtime.cfg.StateDir},
			UsedBytes:  value(0),
			InodesUsed: value(0),
		},
	}
	if c.cpu == nil { // of an earlier process
		return st
	}
	total, rate := c.cpu.usage(now)
	used, limit := c.memory.Usage()
	st.Cpu = cpuUsage(now, total, rate)
	st.Memory = memoryUsage(now, used, limit)
	return st
}

func cpuUsage(now time.Time, total time.Duration, nanoCores uint64) *runtimeapi.CpuUsage {
	return &runtimeapi.CpuUsage{
		Timestamp:            now.UnixNano(),
		UsageCoreNanoSeconds: value(uint64(total)),
		UsageNanoCores:       value(nanoCores),
	}
}

func memoryUsage(now time.Time, used, limit int64) *runtimeapi.MemoryUsage {
	m := &runtimeapi.MemoryUsage{
		Timestamp:       now.UnixNano(),
		WorkingSetBytes: value(uint64(used)),
		UsageBytes:      value(uint64(used)),
		RssBytes:        value(uint64(used)),
		PageFaults:      value(0),
		MajorPageFaults: value(0),
	}
	if limit > 0 {
		m.AvailableBytes = value(uint64(max(0, limit-used)))
	}
	return m
}

// ContainerStats is the account of one container.
func (r *Runtime) ContainerStats(_ context.Context, id string) (*runtimeapi.ContainerStats, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, err
	}
	return c.stats(time.Now()), nil
}

// ListContainerStats are the accounts of the running containers that a filter
// lets through.
func (r *Runtime) ListContainerStats(_ context.Context, filter *runtimeapi.ContainerStatsFilter) ([]*runtimeapi.ContainerStats, error) {
	now := time.Now()
	var list []*runtimeapi.ContainerStats
	for _, c := range r.all() {
		switch {
		case c.state() != runtimeapi.ContainerState_CONTAINER_RUNNING:
		case filter.GetId() != "" && filter.GetId() != c.ID:
		case filter.GetPodSandboxId() != "" && filter.GetPodSandboxId() != c.SandboxID:
		case !matches(c.Config.GetLabels(), filter.GetLabelSelector()):
		default:
			list = append(list, c.stats(now))
		}
	}
	return list, nil
}

// podStats is a Pod's account: the sum over its containers, those that ended
// included for the CPU time.
func (r *Runtime) podStats(s *sandbox, now time.Time) *runtimeapi.PodSandboxStats {
	linux := &runtimeapi.LinuxPodSandboxStats{}
	var cpu time.Duration
	var memory int64
	var processes int
	for _, c := range r.containersOf(s.ID) {
		if c.cpu == nil {
			continue
		}
		total, _ := c.cpu.usage(now)
		cpu += total
		if c.state() != runtimeapi.ContainerState_CONTAINER_RUNNING {
			continue
		}
		used, _ := c.memory.Usage()
		memory += used
		processes += c.procs.count()
		linux.Containers = append(linux.Containers, c.stats(now))
	}
	s.mu.Lock()
	cpu += s.ended
	rate := s.rate.update(now, cpu)
	network := s.network
	s.mu.Unlock()
	linux.Cpu = cpuUsage(now, cpu, rate)
	linux.Memory = memoryUsage(now, memory, 0)
	linux.Process = &runtimeapi.ProcessUsage{Timestamp: now.UnixNano(), ProcessCount: value(uint64(processes))}
	if network != nil && !hostNetwork(s.Config) {
		count := network.Stats()
		linux.Network = &runtimeapi.NetworkUsage{
			Timestamp: now.UnixNano(),
			DefaultInterface: &runtimeapi.NetworkInterfaceUsage{
				Name: "eth0", RxBytes: value(count.RxBytes), TxBytes: value(count.TxBytes),
				RxErrors: value(0), TxErrors: value(0),
			},
		}
	}
	return &runtimeapi.PodSandboxStats{
		Attributes: &runtimeapi.PodSandboxAttributes{
			Id: s.ID, Metadata: s.Config.GetMetadata(),
			Labels: s.Config.GetLabels(), Annotations: s.Config.GetAnnotations(),
		},
		Linux: linux,
	}
}

// PodSandboxStats is the account of one Pod.
func (r *Runtime) PodSandboxStats(_ context.Context, id string) (*runtimeapi.PodSandboxStats, error) {
	s, err := r.sandbox(id)
	if err != nil {
		return nil, err
	}
	return r.podStats(s, time.Now()), nil
}

// ListPodSandboxStats are the accounts of the Pods that a filter lets through.
func (r *Runtime) ListPodSandboxStats(_ context.Context, filter *runtimeapi.PodSandboxStatsFilter) ([]*runtimeapi.PodSandboxStats, error) {
	r.mu.Lock()
	all := make([]*sandbox, 0, len(r.sandboxes))
	for _, s := range r.sandboxes {
		all = append(all, s)
	}
	r.mu.Unlock()
	now := time.Now()
	var list []*runtimeapi.PodSandboxStats
	for _, s := range all {
		switch {
		case s.state() != runtimeapi.PodSandboxState_SANDBOX_READY:
		case filter.GetId() != "" && filter.GetId() != s.ID:
		case !matches(s.Config.GetLabels(), filter.GetLabelSelector()):
		default:
			list = append(list, r.podStats(s, now))
		}
	}
	return list, nil
}

// ListMetricDescriptors names no metrics: /metrics/cadvisor is empty here.
func (r *Runtime) ListMetricDescriptors(context.Context) ([]*runtimeapi.MetricDescriptor, error) {
	return nil, nil
}

// ListPodSandboxMetrics gives no metrics.
func (r *Runtime) ListPodSandboxMetrics(context.Context) ([]*runtimeapi.PodSandboxMetrics, error) {
	return nil, nil
}

package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	goruntime "runtime"
	"sync"
	"time"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"
)

// osImage is what the node says it runs on: it has no distribution of its own.
const osImage = "k8stutor embedded"

// machine tells the kubelet about the machine, in place of cAdvisor, which
// needs privileges and cgroups. It is safe for concurrent use.
type machine struct {
	nodeName string
	dir      string // a folder on the file system that holds the node
	cores    int
	memory   uint64 // bytes
	started  time.Time
	bootID   string

	mu   sync.Mutex
	last usage // for the CPU rate
	rate uint64
}

var _ cadvisor.Interface = (*machine)(nil)

// usage is what the processes of the cluster use.
type usage struct {
	at     time.Time
	cpu    time.Duration // since they started
	memory uint64        // resident bytes
}

// newMachine describes this machine. cores and memory of 0 take what there is:
// all cores, and half of the memory, so that a laptop stays usable when Pods
// request all of it.
func newMachine(nodeName, dir string, cores int, memory uint64, bootID string) *machine {
	if cores <= 0 {
		cores = goruntime.NumCPU()
	}
	if memory == 0 {
		memory = totalMemory() / 2
	}
	return &machine{nodeName: nodeName, dir: dir, cores: cores, memory: memory, started: time.Now(), bootID: bootID}
}

func (m *machine) Start() error { return nil }

func (m *machine) MachineInfo() (*cadvisorapi.MachineInfo, error) {
	return &cadvisorapi.MachineInfo{
		Timestamp:        time.Now(),
		NumCores:         m.cores,
		NumPhysicalCores: m.cores,
		NumSockets:       1,
		MemoryCapacity:   m.memory,
		MachineID:        stableID("machine", m.nodeName, m.dir),
		SystemUUID:       stableID("system", m.nodeName, m.dir),
		BootID:           m.bootID,
		Topology:         []cadvisorapi.Node{{Id: 0, Memory: m.memory}},
	}, nil
}

// stableID names this node and no other, without telling the machine's own ID.
func stableID(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(part + "\x00"))
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

func (m *machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	return &cadvisorapi.VersionInfo{KernelVersion: kernelVersion(), ContainerOsVersion: osImage}, nil
}

// ContainerInfoV2 answers for the root cgroup, and for that of all Pods: the use
// of the node, which is the use of the cluster's processes. The containers run
// inside one of them.
func (m *machine) ContainerInfoV2(name string, _ cadvisorapiv2.RequestOptions) (map[string]cadvisorapiv2.ContainerInfo, error) {
	if name != "/" && name != podsCgroup {
		return map[string]cadvisorapiv2.ContainerInfo{name: {}}, nil
	}
	now, rate := m.measure()
	stats := &cadvisorapiv2.ContainerStats{
		Timestamp: now.at,
		Cpu:       &cadvisorapi.CpuStats{Usage: cadvisorapi.CpuUsage{Total: uint64(now.cpu)}},
		CpuInst:   &cadvisorapiv2.CpuInstStats{Usage: cadvisorapiv2.CpuInstUsage{Total: rate}},
		Memory:    &cadvisorapi.MemoryStats{Usage: now.memory, WorkingSet: now.memory, RSS: now.memory},
	}
	return map[string]cadvisorapiv2.ContainerInfo{name: {
		Spec: cadvisorapiv2.ContainerSpec{
			CreationTime: m.started, HasCpu: true, HasMemory: true,
			Memory: cadvisorapiv2.MemorySpec{Limit: m.memory},
		},
		Stats: []*cadvisorapiv2.ContainerStats{stats},
	}}, nil
}

// rateWindow is the least time over which the CPU rate is computed.
const rateWindow = 5 * time.Second

func (m *machine) measure() (usage, uint64) {
	now := clusterUsage()
	m.mu.Lock()
	defer m.mu.Unlock()
	// A part that was restarted takes its CPU time with it; the counter
	// must not go back.
	now.cpu = max(now.cpu, m.last.cpu)
	if elapsed := now.at.Sub(m.last.at); elapsed >= rateWindow {
		if !m.last.at.IsZero() {
			m.rate = uint64(float64(now.cpu-m.last.cpu) / float64(elapsed) * 1e9)
		}
		m.last = now
	}
	return now, m.rate
}

func (m *machine) GetRequestedContainersInfo(string, cadvisorapiv2.RequestOptions) (map[string]*cadvisorapi.ContainerInfo, error) {
	return map[string]*cadvisorapi.ContainerInfo{}, nil
}

func (m *machine) ImagesFsInfo(context.Context) (cadvisorapiv2.FsInfo, error) {
	return m.GetDirFsInfo(m.dir)
}
func (m *machine) RootFsInfo() (cadvisorapiv2.FsInfo, error) { return m.GetDirFsInfo(m.dir) }
func (m *machine) ContainerFsInfo(context.Context) (cadvisorapiv2.FsInfo, error) {
	return m.GetDirFsInfo(m.dir)
}

func (m *machine) GetDirFsInfo(path string) (cadvisorapiv2.FsInfo, error) {
	if _, err := os.Stat(path); err != nil {
		path = m.dir
	}
	info, err := diskInfo(path)
	info.Timestamp = time.Now()
	info.Mountpoint = path
	info.Device = "k8stutor"
	return info, err
}

package system

import (
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Account books what a process of the machine uses on the accounts of the
// container that stands for it. Its zero value has booked nothing.
type Account struct {
	cpu    time.Duration
	memory int64
}

// Update books what the process pid has used since the last time. Where that
// is not known (off Linux, or the process is gone) it does nothing. The
// accounts may be nil.
func (a *Account) Update(pid int, cpu workload.Meter, memory workload.Memory) {
	used, rss, ok := processUsage(pid)
	if !ok {
		return
	}
	if cpu != nil && used > a.cpu {
		cpu.Charge(used - a.cpu)
		a.cpu = used
	}
	// Over the limit the runtime kills the container.
	if memory != nil && memory.Alloc(rss-a.memory) == nil {
		a.memory = rss
	}
}

// Close gives the memory back.
func (a *Account) Close(memory workload.Memory) {
	if memory != nil {
		_ = memory.Alloc(-a.memory) // giving back can't fail
	}
	a.memory = 0
}

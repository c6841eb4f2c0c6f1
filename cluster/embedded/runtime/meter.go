package runtime

import (
	"context"
	"math"
	"sync"
	"syscall"
	"time"
)

// cfsPeriod is the kernel's default for cpu.cfs_period_us: quota is handed out
// once in each period.
const cfsPeriod = 100 * time.Millisecond

// usageWindow is the least time over which a CPU rate is computed, so that two
// callers in quick succession see the same number.
const usageWindow = 5 * time.Second

// cpuMeter is a container's CPU account. It implements workload.Meter and is
// safe for concurrent use.
type cpuMeter struct {
	ctx context.Context // ends when the container is killed

	mu     sync.Mutex
	used   time.Duration // since the container started
	limit  float64       // cores; 0 is no limit
	period time.Time     // start of the current CFS period
	budget time.Duration // what is left of the quota; below 0 it is owed

	rate cpuRate
}

func newCPUMeter(ctx context.Context, limit float64) *cpuMeter {
	now := time.Now()
	m := &cpuMeter{ctx: ctx, limit: limit, period: now, rate: cpuRate{at: now}}
	m.budget = m.quota()
	return m
}

func (m *cpuMeter) quota() time.Duration {
	return time.Duration(m.limit * float64(cfsPeriod))
}

// setLimit changes the limit in cores; 0 lifts it.
func (m *cpuMeter) setLimit(cores float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = cores
	m.budget = min(m.budget, m.quota())
}

// Do runs f and charges the CPU time it used. Above the limit it waits first;
// what f used more than the quota is owed and paid in the next periods.
func (m *cpuMeter) Do(f func()) {
	m.throttle()
	m.Charge(threadCPU(f))
}

// Charge adds CPU time that the caller measured.
func (m *cpuMeter) Charge(d time.Duration) {
	if d <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += d
	m.budget -= d
}

// throttle waits until the container has CPU quota left.
func (m *cpuMeter) throttle() {
	for {
		wait := m.refill(time.Now())
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-m.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// refill hands out the quota of the periods that have passed and tells how long
// it is until the next one helps; 0 when there is budget.
func (m *cpuMeter) refill(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit <= 0 {
		return 0
	}
	if periods := now.Sub(m.period) / cfsPeriod; periods > 0 {
		m.period = m.period.Add(periods * cfsPeriod)
		// Unused quota is not saved up.
		m.budget = min(m.budget+time.Duration(periods)*m.quota(), m.quota())
	}
	if m.budget > 0 {
		return 0
	}
	return m.period.Add(cfsPeriod).Sub(now)
}

// usage is the CPU time used so far and the current rate in nanocores.
func (m *cpuMeter) usage(now time.Time) (total time.Duration, nanoCores uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used, m.rate.update(now, m.used)
}

// cpuRate turns a growing total into a rate over at least usageWindow.
type cpuRate struct {
	at   time.Time
	used time.Duration
	rate uint64
}

func (r *cpuRate) update(now time.Time, used time.Duration) uint64 {
	elapsed := now.Sub(r.at)
	if elapsed >= usageWindow {
		r.rate = uint64(float64(used-r.used) / float64(elapsed) * 1e9)
		r.at, r.used = now, used
	}
	return r.rate
}

// memoryAccount is a container's memory. It implements workload.Memory and is
// safe for concurrent use.
type memoryAccount struct {
	oom func() // kills the container

	mu    sync.Mutex
	used  int64
	limit int64 // 0 is no limit
}

// Alloc adds n bytes to the account, or kills the container.
func (m *memoryAccount) Alloc(n int64) error {
	m.mu.Lock()
	if n > 0 && m.used > math.MaxInt64-n {
		m.used = math.MaxInt64
	} else {
		m.used = max(0, m.used+n)
	}
	over := m.limit > 0 && m.used > m.limit
	m.mu.Unlock()
	if over && n > 0 {
		m.oom()
		return syscall.ENOMEM
	}
	return nil
}

// Usage is what is used, and the limit.
func (m *memoryAccount) Usage() (used, limit int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used, m.limit
}

func (m *memoryAccount) setLimit(limit int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = limit
}

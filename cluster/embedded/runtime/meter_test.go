package runtime

import (
	"context"
	"errors"
	"math"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// With a limit of 200m, 20 ms of work are allowed in each 100 ms.
func TestThrottling(t *testing.T) {
	tests := []struct {
		name  string
		limit float64
		slice time.Duration // CPU time of one Do
		n     int
		want  time.Duration // time that n Dos and the wait for the next take
	}{
		{"no limit", 0, 50 * time.Millisecond, 10, 0},
		{"within the quota", 0.2, time.Millisecond, 19, 0},
		{"one period's quota used up", 0.2, 5 * time.Millisecond, 4, 100 * time.Millisecond},
		{"three periods", 0.2, 5 * time.Millisecond, 12, 300 * time.Millisecond},
		{"a long slice is owed", 0.2, 100 * time.Millisecond, 1, 500 * time.Millisecond},
		{"two cores", 2, 50 * time.Millisecond, 4, 100 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				m := newCPUMeter(ctx, test.limit)
				start := time.Now()
				for range test.n {
					m.throttle()
					m.Charge(test.slice)
				}
				m.throttle()
				if got := time.Since(start); got != test.want {
					t.Errorf("it took %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestThrottleEndsWithContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := newCPUMeter(ctx, 0.001)
		m.Charge(time.Hour)
		done := make(chan struct{})
		go func() {
			m.throttle()
			close(done)
		}()
		synctest.Wait()
		cancel()
		<-done
	})
}

func TestRateFollowsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newCPUMeter(t.Context(), 0)
		for i, step := range []struct {
			work, wait time.Duration
			want       uint64 // nanocores
		}{
			{1 * time.Second, 10 * time.Second, 1e8},
			{5 * time.Second, 10 * time.Second, 5e8},
			{0, time.Second, 5e8}, // too soon for a new rate
			{0, 9 * time.Second, 0},
		} {
			m.Charge(step.work)
			time.Sleep(step.wait) //nolint:forbidigo // the time of the bubble, not of a clock
			if _, got := m.usage(time.Now()); got != step.want {
				t.Errorf("step %d: %d nanocores, want %d", i, got, step.want)
			}
		}
	})
}

// Do must charge what a thread really used, not the time that passed.
func TestDoMeasures(t *testing.T) {
	m := newCPUMeter(t.Context(), 0)
	m.Do(func() {
		x := 1.0
		for range 20_000_000 {
			x = math.Sqrt(x + 1)
		}
		if x < 0 {
			t.Log(x)
		}
	})
	if used, _ := m.usage(time.Now()); used <= 0 {
		t.Errorf("used %v", used)
	}
}

func TestMemoryAccount(t *testing.T) {
	killed := 0
	m := &memoryAccount{used: 10, limit: 100, oom: func() { killed++ }}
	for _, step := range []struct {
		n, used int64
		err     error
		killed  int
	}{
		{90, 100, nil, 0}, // at the limit is not above it
		{-50, 50, nil, 0},
		{-500, 0, nil, 0},
		{101, 101, syscall.ENOMEM, 1},
		{-1, 100, nil, 1},
		{math.MaxInt64, math.MaxInt64, syscall.ENOMEM, 2},
	} {
		err := m.Alloc(step.n)
		if used, _ := m.Usage(); used != step.used || !errors.Is(err, step.err) || killed != step.killed {
			t.Errorf("Alloc(%d): used %d, %v, killed %d times; want %+v", step.n, used, err, killed, step)
		}
	}
}

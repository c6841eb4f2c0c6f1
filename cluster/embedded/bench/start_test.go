//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
)

const (
	envBinary = "K8STUTOR_EMBEDDED_BIN"
	// patience is how long a start may take on a busy machine.
	patience = 3 * time.Minute
	// settle is longer than the parts let their heaps grow after they started.
	settle = 30 * time.Second
	idle   = 30 * time.Second
)

// BenchmarkStart measures, alternating, a bare control plane until it answers
// /readyz, `up` of a new cluster, `down`, and `up` of the paused cluster. Times
// are in seconds; cpu is of all processes together.
func BenchmarkStart(b *testing.B) {
	ctx, dir := prepare(b)
	var sum startTimes
	for i := 0; b.Loop(); i++ {
		once, err := measureStart(ctx, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			b.Fatal(err)
		}
		sum.add(once)
	}
	report := func(d time.Duration, unit string) { b.ReportMetric(d.Seconds()/float64(b.N), unit) }
	report(sum.bare, "bare-s")
	report(sum.cold, "cold-s")
	report(sum.resume, "resume-s")
	report(sum.down, "down-s")
	report(sum.bareCPU, "bare-cpu-s")
	report(sum.coldCPU, "cold-cpu-s")
	b.ReportMetric(sum.cold.Seconds()/sum.bare.Seconds(), "cold/bare")
	b.ReportMetric(sum.resume.Seconds()/sum.bare.Seconds(), "resume/bare")
	b.ReportMetric(0, "ns/op") // it would be the sum of all
}

// BenchmarkIdle measures what a cluster that nobody uses costs: memory of all
// its processes, shared pages counted once (PSS), and the share of one core.
func BenchmarkIdle(b *testing.B) {
	ctx, dir := prepare(b)
	for i := 0; b.Loop(); i++ {
		if err := measureIdle(ctx, b, filepath.Join(dir, fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op") // it is how long was waited
}

// prepare returns a folder for clusters, and a context that ends when the
// benchmark is interrupted: clusters are then removed as after a failure.
func prepare(b *testing.B) (ctx context.Context, dir string) {
	b.Helper()
	if os.Getenv(envBinary) == "" {
		b.Skip(envBinary + " is not set: it names the k8stutor-embedded to measure (make bench sets it)")
	}
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	b.Cleanup(stop)
	// Unix sockets must fit into the paths beneath, so not b.TempDir.
	dir, err := os.MkdirTemp("", "k8sbench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	return ctx, dir
}

// startTimes is what one turn of BenchmarkStart took.
type startTimes struct {
	bare, cold, down, resume time.Duration
	bareCPU, coldCPU         time.Duration
}

func (s *startTimes) add(o startTimes) {
	s.bare += o.bare
	s.cold += o.cold
	s.down += o.down
	s.resume += o.resume
	s.bareCPU += o.bareCPU
	s.coldCPU += o.coldCPU
}

// measureStart measures a bare control plane, then a new cluster, then pausing
// and resuming it.
func measureStart(ctx context.Context, dir string) (s startTimes, err error) {
	if s.bare, s.bareCPU, err = startBare(ctx, dir+"-bare"); err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, remove(ctx, dir)) }()
	if s.cold, s.coldCPU, err = up(ctx, dir); err != nil {
		return s, err
	}
	began := time.Now()
	if _, err := run(ctx, "down", "--dir", dir); err != nil {
		return s, err
	}
	s.down = time.Since(began)
	s.resume, _, err = up(ctx, dir)
	return s, err
}

func measureIdle(ctx context.Context, b *testing.B, dir string) (err error) {
	defer func() { err = errors.Join(err, remove(ctx, dir)) }()
	if _, _, err := up(ctx, dir); err != nil {
		return err
	}
	st, err := supervisor(ctx, dir)
	if err != nil {
		return err
	}
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	before, began := usageOf(st), time.Now()
	if err := sleep(ctx, idle); err != nil {
		return err
	}
	after, elapsed := usageOf(st), time.Since(began)
	b.ReportMetric(float64(after.pss)/(1<<20), "pss-MB")
	b.ReportMetric(float64(after.private)/(1<<20), "private-MB")
	b.ReportMetric(float64(after.rss)/(1<<20), "rss-MB")
	b.ReportMetric(100*(after.cpu-before.cpu).Seconds()/elapsed.Seconds(), "core-%")
	return nil
}

// up runs `up` as a user does and measures it whole. cpu is what it and the
// cluster's processes have used when it ends.
func up(ctx context.Context, dir string) (elapsed, cpu time.Duration, err error) {
	began := time.Now()
	cpu, err = run(ctx, "up", "--dir", dir, "--name", "bench")
	if err != nil {
		return 0, 0, err
	}
	elapsed = time.Since(began)
	st, err := supervisor(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	return elapsed, cpu + usageOf(st).cpu, nil
}

// remove deletes the cluster, also after ctx has ended.
func remove(ctx context.Context, dir string) error {
	_, err := run(context.WithoutCancel(ctx), "delete", "--dir", dir)
	return err
}

// supervisor asks the cluster's supervisor for its processes.
func supervisor(ctx context.Context, dir string) (supervise.Status, error) {
	l, err := controlplane.NewLayout(dir)
	if err != nil {
		return supervise.Status{}, err
	}
	return supervise.NewClient(l.ControlSocket()).Status(ctx)
}

// run runs the binary to its end and returns the CPU time it used; the error
// holds what it wrote.
func run(ctx context.Context, args ...string) (cpu time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(envBinary), args...)
	// Interrupted, `up` undoes what it had begun.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
)

// benchResult is one run of the benchmark.
type benchResult struct {
	bare, cold, down, resume time.Duration
	bareCPU, coldCPU         time.Duration // used by all processes together
}

// newBenchCommand measures starting and idling, for docs/PERFORMANCE.md.
func newBenchCommand() *cobra.Command {
	var runs int
	var settle, idle time.Duration
	cmd := &cobra.Command{
		Use:    "bench",
		Short:  "Measure start, resume and idle use against a bare control plane in the same run",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench(cmd.Context(), cmd.OutOrStdout(), runs, settle, idle)
		},
	}
	cmd.Flags().IntVar(&runs, "runs", 3, "how often to start")
	cmd.Flags().DurationVar(&settle, "settle", time.Minute, "pause before idle use is measured")
	cmd.Flags().DurationVar(&idle, "idle", time.Minute, "how long idle use is measured; 0 leaves it out")
	return cmd
}

func bench(ctx context.Context, out io.Writer, runs int, settle, idle time.Duration) error {
	// A reader that went away (`bench | head`) would end this process on the
	// spot, and leave a cluster running.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGPIPE)
	defer stop()
	dir, err := os.MkdirTemp("", "k8sbench")
	if err != nil {
		return fmt.Errorf("making a folder for the benchmark: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	_, _ = fmt.Fprintf(out, "%-6s %10s %10s %8s %10s %8s %10s %10s %10s\n", "run", "bare", "cold", "ratio", "resume", "ratio", "down", "bare CPU", "cold CPU")
	var results []benchResult
	for i := range runs {
		r, err := benchOnce(ctx, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		results = append(results, r)
		printBench(out, fmt.Sprint(i+1), r)
	}
	printBench(out, "median", medianOf(results))
	if idle == 0 {
		return nil
	}
	return benchIdle(ctx, out, filepath.Join(dir, "idle"), settle, idle)
}

func printBench(out io.Writer, name string, r benchResult) {
	sec := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
	ratio := func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()/r.bare.Seconds()) }
	_, _ = fmt.Fprintf(out, "%-6s %10s %10s %8s %10s %8s %10s %10s %10s\n", name,
		sec(r.bare), sec(r.cold), ratio(r.cold), sec(r.resume), ratio(r.resume), sec(r.down), sec(r.bareCPU), sec(r.coldCPU))
}

func medianOf(results []benchResult) benchResult {
	median := func(of func(benchResult) time.Duration) time.Duration {
		var all []time.Duration
		for _, r := range results {
			all = append(all, of(r))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return benchResult{
		bare:   median(func(r benchResult) time.Duration { return r.bare }),
		cold:   median(func(r benchResult) time.Duration { return r.cold }),
		down:   median(func(r benchResult) time.Duration { return r.down }),
		resume: median(func(r benchResult) time.Duration { return r.resume }),

		bareCPU: median(func(r benchResult) time.Duration { return r.bareCPU }),
		coldCPU: median(func(r benchResult) time.Duration { return r.coldCPU }),
	}
}

// benchOnce measures a bare control plane, then a new cluster, then pausing and
// resuming it.
func benchOnce(ctx context.Context, dir string) (r benchResult, err error) {
	if r.bare, r.bareCPU, err = benchBare(ctx, dir+"-bare"); err != nil {
		return r, err
	}
	l, err := controlplane.NewLayout(dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, benchGone(ctx, l)) }()
	if r.cold, r.coldCPU, err = benchUp(ctx, dir); err != nil {
		return r, err
	}
	began := time.Now()
	if err := stopSupervisor(ctx, l); err != nil {
		return r, err
	}
	r.down = time.Since(began)
	r.resume, _, err = benchUp(ctx, dir)
	return r, err
}

// benchGone stops the cluster, also after the benchmark was cancelled, and
// removes it.
func benchGone(ctx context.Context, l controlplane.Layout) error {
	return errors.Join(stopSupervisor(context.WithoutCancel(ctx), l), l.Remove())
}

// benchUp runs up as a process of its own, as a user does, and measures it
// whole.
func benchUp(ctx context.Context, dir string) (elapsed, cpu time.Duration, err error) {
	began := time.Now()
	cpu, err = runSelf(ctx, "up", "--dir", dir, "--name", "bench")
	if err != nil {
		return 0, 0, err
	}
	elapsed = time.Since(began)
	l, err := controlplane.NewLayout(dir)
	if err != nil {
		return 0, 0, err
	}
	st, err := supervise.NewClient(l.ControlSocket()).Status(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range st.Parts {
		cpu += sample(p.PID).cpu
	}
	return elapsed, cpu + sample(st.PID).cpu, nil
}

// benchIdle measures what a cluster that nobody uses costs.
func benchIdle(ctx context.Context, out io.Writer, dir string, settle, idle time.Duration) (err error) {
	l, err := controlplane.NewLayout(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, benchGone(ctx, l)) }()
	if _, _, err := benchUp(ctx, dir); err != nil {
		return err
	}
	st, err := supervise.NewClient(l.ControlSocket()).Status(ctx)
	if err != nil {
		return err
	}
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	pids := []int{st.PID}
	names := []string{"supervisor"}
	for _, p := range st.Parts {
		pids, names = append(pids, p.PID), append(names, p.Name)
	}
	before := sampleAll(pids)
	began := time.Now()
	if err := sleep(ctx, idle); err != nil {
		return err
	}
	after := sampleAll(pids)
	elapsed := time.Since(began)

	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\nidle\tPSS\tRSS\tprivate\tCPU of one core\t\n")
	var sum usage
	var cpu time.Duration
	for i, name := range names {
		u, used := after[i], after[i].cpu-before[i].cpu
		_, _ = fmt.Fprintf(w, "%s\t%d MB\t%d MB\t%d MB\t%.2f %%\t\n", name, u.pss>>20, u.rss>>20, u.private>>20, 100*used.Seconds()/elapsed.Seconds())
		sum.pss, sum.rss, sum.private, cpu = sum.pss+u.pss, sum.rss+u.rss, sum.private+u.private, cpu+used
	}
	_, _ = fmt.Fprintf(w, "all\t%d MB\t%d MB\t%d MB\t%.2f %%\t\n", sum.pss>>20, sum.rss>>20, sum.private>>20, 100*cpu.Seconds()/elapsed.Seconds())
	return w.Flush()
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// usage is what a process uses: bytes, and CPU time since it started.
type usage struct {
	pss, rss, private int64
	cpu               time.Duration
}

func sampleAll(pids []int) []usage {
	samples := make([]usage, len(pids))
	for i, pid := range pids {
		samples[i] = sample(pid)
	}
	return samples
}

package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

const (
	// followInterval is how often a log file is looked at for more.
	followInterval = 200 * time.Millisecond
	// usageInterval is how often the part's CPU time and memory are booked.
	usageInterval = 5 * time.Second
)

// PartSource knows the supervised parts of the control plane.
type PartSource interface {
	// LogFile is the path of the file that a part's current run logs to.
	LogFile(part string) string
	// WaitRunning returns when the part runs, with a number for this run.
	WaitRunning(ctx context.Context, part string) (run int, err error)
	// WaitExit returns the exit code of a run when it has ended.
	WaitExit(ctx context.Context, part string, run int) (code int, err error)
}

// PartPID may be implemented by a PartSource that knows the process of a part:
// then "kubectl top" shows what the part uses.
type PartPID interface {
	PID(ctx context.Context, part string) (int, error)
}

// Mirror is the program of a static Pod's container: it stands for a part that
// runs as a process of its own beside the node. It prints what the part logs
// and lives as long as the part does, with the part's exit code; started
// again, it waits for the next run.
type Mirror struct {
	Part   string
	Source PartSource
}

// Run implements workload.Program.
func (m *Mirror) Run(ctx context.Context, p *workload.Process) int {
	ctx, stop := UntilSignal(ctx, p)
	defer stop()
	run, err := m.Source.WaitRunning(ctx, m.Part)
	if err != nil {
		return m.ended(ctx, p, err)
	}
	follow, finish := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- Follow(follow, m.Source.LogFile(m.Part), p.Stderr) }()
	booked := make(chan struct{})
	go func() {
		defer close(booked)
		m.book(follow, p)
	}()
	code, err := m.Source.WaitExit(ctx, m.Part, run)
	finish()
	<-booked
	if followErr := <-done; followErr != nil {
		err = errors.Join(err, followErr)
	}
	if err != nil {
		return m.ended(ctx, p, err)
	}
	return code
}

// book keeps the container's accounts until ctx ends.
func (m *Mirror) book(ctx context.Context, p *workload.Process) {
	source, ok := m.Source.(PartPID)
	if !ok {
		return
	}
	pid, err := source.PID(ctx, m.Part)
	if err != nil {
		return // the part has just ended, which WaitExit tells
	}
	var a Account
	defer a.Close(p.Memory)
	tick := time.NewTicker(usageInterval)
	defer tick.Stop()
	for {
		a.Update(pid, p.CPU, p.Memory)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *Mirror) ended(ctx context.Context, p *workload.Process, err error) int {
	if Terminated(ctx) {
		return 0
	}
	fmt.Fprintf(p.Stderr, "k8stutor: can't follow the process of %s: %v\n", m.Part, err)
	return 1
}

// Follow writes a file to w and goes on with what is added to it, until ctx
// ends; then it writes what is left and returns. The file may not exist yet,
// may be replaced by another of the same name and may be truncated.
func Follow(ctx context.Context, name string, w io.Writer) error {
	var f *os.File
	defer func() {
		if f != nil {
			_ = f.Close() // it was only read
		}
	}()
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		last := ctx.Err() != nil
		if f == nil {
			var err error
			if f, err = os.Open(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("follow the log: %w", err)
			}
		}
		if f != nil {
			if _, err := io.Copy(w, f); err != nil {
				return fmt.Errorf("follow the log: %w", err)
			}
			if replaced, err := rewind(f, name); err != nil {
				return fmt.Errorf("follow the log: %w", err)
			} else if replaced {
				_ = f.Close() // it was only read
				f = nil
				continue
			}
		}
		if last {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// rewind goes back to the start of a file that was truncated, and reports
// whether the name now belongs to another file.
func rewind(f *os.File, name string) (replaced bool, err error) {
	now, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	if !os.SameFile(now, open) {
		return true, nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err == nil && at > open.Size() {
		_, err = f.Seek(0, io.SeekStart)
	}
	return false, err
}

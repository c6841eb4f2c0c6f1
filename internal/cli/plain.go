package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/muesli/cancelreader"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/tui"
)

// plain is the lesson as a conversation in lines of text.
func (a *app) plain(ctx context.Context, o *claim) error {
	in, err := cancelreader.NewReader(a.io.In)
	if err != nil {
		return fmt.Errorf("reading what you type: %w", err)
	}
	defer in.Close()
	busy := &atomic.Bool{} // a command runs: Ctrl-C is for it
	ctx, stop := untilSignal(ctx, busy)
	defer stop()
	out := &lineWriter{w: a.io.Out}
	return tui.RunPlain(ctx, tui.Options{
		Lang: o.lang,
		Start: func(ctx context.Context, report cluster.Progress) (*tui.Running, error) {
			return a.running(ctx, o, report)
		},
	}, tui.Plain{
		In: in, Cancel: func() { in.Cancel() }, Out: out,
		Ask: isTerminal(a.io.In),
		Run: func(ctx context.Context, r *tui.Running, line string) error {
			busy.Store(true)
			defer busy.Store(false)
			return a.runShell(ctx, r.Shell, line)
		},
	})
}

// lineWriter lets the phases of a start, told from several goroutines, keep
// whole lines.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// runShell runs one line in the learner's shell, or with an empty line the
// shell itself, on the terminal that we have.
func (a *app) runShell(ctx context.Context, s tui.ShellSpec, line string) error {
	argv := s.Argv
	if line != "" {
		argv = append(argv[:1:1], "-c", line)
	}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Env, c.Dir = s.Env, s.Dir
	c.Stdin, c.Stdout, c.Stderr = a.io.In, a.io.Out, a.io.ErrOut
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil // it has said so itself
	}
	return err
}

// untilSignal is a context that ends with SIGTERM or SIGHUP, and with SIGINT
// while no command runs. What ends parent by SIGINT does not end it.
func untilSignal(parent context.Context, busy *atomic.Bool) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case s := <-signals:
				if s != os.Interrupt || !busy.Load() {
					cancel()
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		cancel()
		wg.Wait()
	}
}

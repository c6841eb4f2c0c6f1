package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// errTerminated is the cause of a context that a TERM or INT ended.
var errTerminated = errors.New("terminated")

// UntilSignal is ctx that also ends at a TERM or INT. stop releases it.
func UntilSignal(ctx context.Context, p *workload.Process) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-p.Signals:
				if s == workload.SIGTERM || s == workload.SIGINT {
					cancel(errTerminated)
					return
				}
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

// Terminated reports whether a context of UntilSignal was ended by a signal.
func Terminated(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTerminated) }

// Pause is the program of registry.k8s.io/pause: it waits to be told to end.
func Pause(ctx context.Context, p *workload.Process) int {
	ctx, stop := UntilSignal(ctx, p)
	defer stop()
	<-ctx.Done()
	if Terminated(ctx) {
		fmt.Fprintln(p.Stderr, "Shutting down, got signal: Terminated")
	}
	return 0
}

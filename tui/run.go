package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	tea "charm.land/bubbletea/v2"
	xterm "golang.org/x/term"

	"github.com/k8stutor/k8stutor/cluster"
)

// Run shows the screen until the learner leaves it, the context ends, or the
// terminal goes away (SIGHUP, SIGTERM). Before it returns the terminal is as it
// was, a start that was under way is rolled back, and the shells are gone. It
// returns context.Canceled when the start was cancelled, and the error of a
// start that failed.
func Run(ctx context.Context, opts Options) error {
	// The end of ctx asks the screen to close, as a signal does. What runs for
	// the screen ends when that has happened.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	startCtx, abort := context.WithCancel(inner)
	defer abort()
	phases := make(chan cluster.Phase, 64)
	started := make(chan startedMsg, 1)
	gone := make(chan struct{}) // the screen is gone: nobody reads phases
	var wg sync.WaitGroup
	stops := make(chan os.Signal, 1)
	opts.suspend = func() {
		select {
		case stops <- nil:
		default: // asked for already
		}
	}
	var echo *echoWriter
	if f := outputFile(opts); f != nil {
		echo = newEchoWriter(f)
		opts.echo, opts.Output = echo, echoFile{f, echo}
	}
	m, err := newModel(inner, opts, phases, started, abort)
	if err != nil {
		return fmt.Errorf("prepare the screen: %w", err)
	}
	if echo != nil {
		wg.Go(func() { echo.run(inner) })
	}
	var result startedMsg
	wg.Go(func() {
		result.running, result.err = opts.Start(startCtx, func(p cluster.Phase) {
			select {
			case phases <- p:
			case <-gone:
			}
		})
		started <- result
	})

	p := tea.NewProgram(m, programOptions(opts)...)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	notifyStop(stops)
	defer signal.Stop(stops)
	wg.Go(func() {
		for {
			select {
			case <-stops:
				suspend(p)
			case <-signals:
				p.Send(closeMsg{})
			case <-ctx.Done():
				p.Send(closeMsg{})
				return
			case <-gone:
				return
			}
		}
	})

	_, err = p.Run()
	close(gone)
	cancel() // also a start that is still under way, when the terminal has broken
	m.shells.close()
	wg.Wait()
	if result.running != nil && result.running.Close != nil {
		result.running.Close()
	}
	switch {
	case m.err != nil:
		return m.err
	case err != nil && !errors.Is(err, tea.ErrProgramKilled):
		return fmt.Errorf("the screen: %w", err)
	}
	return nil
}

func programOptions(opts Options) []tea.ProgramOption {
	out := []tea.ProgramOption{tea.WithoutSignalHandler(), tea.WithFPS(120)}
	if opts.Input != nil {
		out = append(out, tea.WithInput(opts.Input))
	}
	if opts.Output != nil {
		out = append(out, tea.WithOutput(opts.Output))
	}
	if opts.Environ != nil {
		out = append(out, tea.WithEnvironment(opts.Environ))
	}
	return out
}

// outputFile is the terminal, nil when the output is none.
func outputFile(opts Options) *os.File {
	f, ok := opts.Output.(*os.File)
	if opts.Output == nil {
		f, ok = os.Stdout, true
	}
	if !ok || !xterm.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// echoFile is the terminal for Bubble Tea, which looks at its size and modes,
// with another writer for what is written.
type echoFile struct {
	*os.File
	to io.Writer
}

func (f echoFile) Write(p []byte) (int, error)       { return f.to.Write(p) }
func (f echoFile) WriteString(s string) (int, error) { return f.to.Write([]byte(s)) }

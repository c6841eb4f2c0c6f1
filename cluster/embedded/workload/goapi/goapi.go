package goapi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/tty"
)

// Exit codes beside the ones that a lesson chooses.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 2
	exitKilled = 137
)

// New makes the program of one version, such as "0.0.1".
func New(version string) workload.Program {
	return workload.ProgramFunc(func(ctx context.Context, p *workload.Process) int {
		return run(ctx, p, version)
	})
}

// app is one run of the program.
type app struct {
	p       *workload.Process
	version string
	cfg     config
	started time.Time
	signals <-chan workload.Signal

	logMu sync.Mutex
	out   io.Writer

	fail     atomic.Pointer[string] // the mode that holds now
	stopping atomic.Bool
	served   atomic.Int64
	modes    chan string // a request changes the failing mode
	exit     chan exit   // a request or a mode ends the process
	panics   chan any
}

type exit struct {
	code   int
	reason string
}

func run(ctx context.Context, p *workload.Process, version string) int {
	a := &app{
		p: p, version: version, started: time.Now(), signals: p.Signals, out: p.Stdout,
		modes: make(chan string, 1), exit: make(chan exit, 1), panics: make(chan any, 1),
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	if p.TTY {
		a.attach(ctx, &workers)
	}
	cfg, err := parseConfig(p, a.out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		a.logf("ERROR can't start: %v", err)
		return exitUsage
	case cfg.showVersion:
		_, err := fmt.Fprintf(a.out, "go-api %s (the lessons' app of k8stutor)\n", version)
		return exitIf(err)
	}
	a.cfg = cfg
	none := modeNone
	a.fail.Store(&none)
	if code, failed := a.checkStart(); failed {
		return code
	}
	if cfg.memory > 0 && a.alloc(cfg.memory) != nil {
		<-ctx.Done() // the runtime kills the container
		return exitKilled
	}
	workers.Go(func() { a.failLater(ctx, &workers) })
	return a.serve(ctx, &workers)
}

func exitIf(err error) int {
	if err != nil {
		return exitError
	}
	return exitOK
}

// attach makes a terminal of raw streams, so that lines don't run as stairs
// and Ctrl-C of `kubectl attach -it` stops the app.
func (a *app) attach(ctx context.Context, workers *sync.WaitGroup) {
	t := tty.New(a.p.Stdin, a.p.Stdout)
	a.out = t
	merged := make(chan workload.Signal, 1)
	in := a.p.Signals
	a.signals = merged
	workers.Go(func() {
		for {
			var s workload.Signal
			select {
			case <-ctx.Done():
				return
			case s = <-in:
			case <-t.Interrupts():
				s = workload.SIGINT
			}
			select {
			case merged <- s:
			case <-ctx.Done():
				return
			}
		}
	})
}

// checkStart is what a careful program does first: say what is missing and
// end, rather than run without it.
func (a *app) checkStart() (code int, failed bool) {
	for _, name := range a.cfg.requiredEnv {
		if v, ok := getenv(a.p, name); !ok || v == "" {
			a.logf("ERROR can't start: environment variable %s is not set", name)
			return exitError, true
		}
	}
	if a.cfg.fail == modeConfig && a.cfg.failAfter == 0 {
		a.logf("ERROR can't start: config file /etc/go-api/config.yaml: no such file or directory")
		return exitError, true
	}
	return 0, false
}

func (a *app) serve(ctx context.Context, workers *sync.WaitGroup) int {
	if a.cfg.listenDelay > 0 {
		a.logf("INFO  go-api %s starting, will listen in %s", a.version, a.cfg.listenDelay)
		if code, ended := a.waitFor(ctx, a.cfg.listenDelay); ended {
			return code
		}
	}
	address := net.JoinHostPort("", strconv.Itoa(a.cfg.port))
	listener, err := a.p.Net.Listen("tcp", address)
	if err != nil {
		a.logf("ERROR can't listen on port %d: %v", a.cfg.port, err)
		return exitError
	}
	server := &http.Server{
		Handler:           a.handler(ctx),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          nil,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	a.logf("INFO  go-api %s listening on :%d (pid %d, host %s)", a.version, a.cfg.port, a.p.PID, a.p.Hostname)
	if a.cfg.startDelay > 0 {
		a.logf("INFO  not ready for another %s (START_DELAY)", a.cfg.startDelay)
	}
	served := make(chan error, 1)
	workers.Go(func() { served <- server.Serve(listener) })
	// On the good path the server is shut down already; here the connections
	// of a killed or crashed process are cut.
	defer func() { _ = server.Close() }()
	return a.untilStopped(ctx, workers, server, served)
}

// untilStopped waits for whatever ends the process and returns its exit code.
func (a *app) untilStopped(ctx context.Context, workers *sync.WaitGroup, server *http.Server, served <-chan error) int {
	for {
		select {
		case <-ctx.Done():
			return exitKilled
		case v := <-a.panics:
			panic(v)
		case e := <-a.exit:
			a.logf("%s", e.reason)
			return e.code
		case mode := <-a.modes:
			a.logf("WARN  failing mode is now %s (POST /fail)", mode)
			a.setMode(ctx, workers, mode)
		case err := <-served:
			a.logf("ERROR server stopped: %v", err)
			return exitError
		case s := <-a.signals:
			if s == workload.SIGHUP {
				continue
			}
			if *a.fail.Load() == modeIgnoreTERM && s == workload.SIGTERM {
				a.logf("WARN  got TERM, ignoring it (FAIL=ignore-term)")
				continue
			}
			return a.shutdown(ctx, server, s)
		}
	}
}

func (a *app) shutdown(ctx context.Context, server *http.Server, s workload.Signal) int {
	a.stopping.Store(true)
	name := "TERM"
	if s == workload.SIGINT {
		name = "INT"
	}
	if d := a.cfg.shutdownDelay; d > 0 {
		a.logf("INFO  got %s, not ready any more, answering for another %s (SHUTDOWN_DELAY)", name, d)
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return exitKilled
		}
	}
	a.logf("INFO  got %s, finishing open requests", name)
	grace, cancel := context.WithTimeout(ctx, a.cfg.shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		if ctx.Err() != nil {
			return exitKilled
		}
		a.logf("WARN  requests still open after %s, giving up", a.cfg.shutdownGrace)
		return exitError
	}
	a.logf("INFO  go-api %s stopped after %d requests", a.version, a.served.Load())
	return exitOK
}

// waitFor waits before the server listens; TERM ends it with 0 as there is
// nothing to finish.
func (a *app) waitFor(ctx context.Context, d time.Duration) (code int, ended bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return 0, false
		case <-ctx.Done():
			return exitKilled, true
		case e := <-a.exit:
			a.logf("%s", e.reason)
			return e.code, true
		case s := <-a.signals:
			if s != workload.SIGHUP {
				a.logf("INFO  stopped before it listened")
				return exitOK, true
			}
		}
	}
}

// failLater begins the failing mode when its time has come.
func (a *app) failLater(ctx context.Context, workers *sync.WaitGroup) {
	if a.cfg.fail == modeNone {
		return
	}
	timer := time.NewTimer(a.cfg.failAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
		a.setMode(ctx, workers, a.cfg.fail)
	case <-ctx.Done():
	}
}

// setMode makes mode the failing mode from now on. Modes that only change
// answers are read by the handlers.
func (a *app) setMode(ctx context.Context, workers *sync.WaitGroup, mode string) {
	a.fail.Store(&mode)
	switch mode {
	case modeConfig:
		a.end(exitError, "ERROR config file /etc/go-api/config.yaml: no such file or directory")
	case modeCrash:
		a.end(a.cfg.exitCode, fmt.Sprintf("FATAL database db:5432: connection refused, exiting with code %d", a.cfg.exitCode))
	case modeExit:
		a.end(exitOK, "INFO  work is done, exiting with code 0")
	case modePanic:
		select {
		case a.panics <- "runtime error: invalid memory address or nil pointer dereference (FAIL=panic)":
		default:
		}
	case modeMemory:
		workers.Go(func() { a.leak(ctx) })
	case modeCPU:
		workers.Go(func() { a.burnForever(ctx) })
	}
}

func (a *app) end(code int, reason string) {
	select {
	case a.exit <- exit{code, reason}:
	default: // it is ending already
	}
}

func (a *app) alloc(n int64) error {
	if a.p.Memory == nil {
		return nil
	}
	return a.p.Memory.Alloc(n)
}

// leak takes memory until the container is killed.
func (a *app) leak(ctx context.Context) {
	const step = 8 << 20
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	held := 0
	for *a.fail.Load() == modeMemory {
		if err := a.alloc(step); err != nil {
			return
		}
		held += step
		if held%(64<<20) == step {
			a.logf("INFO  cache holds %d MiB", held>>20)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	_ = a.alloc(-int64(held)) // giving back can't fail
}

func (a *app) burnForever(ctx context.Context) {
	for ctx.Err() == nil && *a.fail.Load() == modeCPU {
		a.burn(ctx, time.Second)
	}
}

// slice is how long the CPU is used at a time, so that a cancelled context and
// a CPU limit take hold.
const slice = 5 * time.Millisecond

// burn uses the CPU for d, as far as the CPU limit and ctx let it.
func (a *app) burn(ctx context.Context, d time.Duration) {
	for d > 0 && ctx.Err() == nil {
		n := min(slice, d)
		a.p.CPU.Do(func() { spin(n) })
		d -= n
	}
}

func spin(d time.Duration) {
	x := uint64(1)
	for end := time.Now().Add(d); time.Now().Before(end); {
		for range 1000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
	}
	if x == 0 {
		panic("a xorshift generator can't reach 0")
	}
}

// logf writes one line: time, level, text. A log that can't be written must
// not stop the app.
func (a *app) logf(format string, args ...any) {
	line := time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + " " + strings.TrimSuffix(fmt.Sprintf(format, args...), "\n") + "\n"
	a.logMu.Lock()
	defer a.logMu.Unlock()
	_, _ = io.WriteString(a.out, line)
}

// Package supervise keeps the processes of one cluster running: each part is a
// child process with a log file; one that exits is started again after a
// growing pause; a Unix socket tells what is there now and takes the order to
// stop. However the supervisor dies, its children die with it.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// EnvChild is set in the environment of every child. A child that sees it must
// exit when its standard input ends.
const EnvChild = "K8STUTOR_SUPERVISED"

// States of a part.
const (
	StateRunning    = "running"
	StateBackingOff = "backing off"
	StateStopped    = "stopped"
)

// Part is one process to keep running.
type Part struct {
	Name string   // also names its log file
	Args []string // after the program's own name
	Env  []string // added to the environment
	// StopStage orders stopping: parts of stage 0 are told to stop first, and
	// the next stage when they are gone.
	StopStage int
}

// PartStatus is what is known of a part now. The JSON names are those of
// cluster.Part in the main module.
type PartStatus struct {
	Name     string    `json:"name"`
	State    string    `json:"state"`
	PID      int       `json:"pid,omitempty"`
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since"`              // when the state began
	LastLog  []string  `json:"lastLog,omitempty"`  // its last lines before it last stopped
	Exit     string    `json:"exit,omitempty"`     // how it last ended, such as "exit status 1"
	ExitCode int       `json:"exitCode,omitempty"` // 128 + signal when a signal ended it
}

// Status is what the supervisor knows now.
type Status struct {
	PID      int          `json:"pid"` // the supervisor's own
	Started  time.Time    `json:"started"`
	Stopping bool         `json:"stopping,omitempty"`
	Parts    []PartStatus `json:"parts"`
}

// Options are what New needs.
type Options struct {
	Program string // of the children, an absolute path
	Parts   []Part
	LogDir  string
	// StopTimeout is how long a part may take to stop before it is killed.
	StopTimeout time.Duration
	// Backoff is the pause before the first restart; it doubles up to
	// MaxBackoff and starts over when a part ran for ResetAfter.
	Backoff, MaxBackoff, ResetAfter time.Duration
	Log                             *slog.Logger
}

// Supervisor keeps parts running. Its methods are safe for concurrent use.
type Supervisor struct {
	opts    Options
	started time.Time

	mu       sync.Mutex
	stopping bool
	parts    map[string]*part
	changed  chan struct{} // closed and replaced when a status changes
}

// part is a Part with what happens to it. Its fields are guarded by
// Supervisor.mu.
type part struct {
	Part
	status PartStatus
	proc   *os.Process
	stop   chan struct{} // closed: do not start again
	done   chan struct{} // closed: it is stopped for good
}

// New returns a supervisor that has not started anything. Zero durations in o
// get their defaults.
func New(o Options) *Supervisor {
	setDefault := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	setDefault(&o.StopTimeout, 10*time.Second)
	setDefault(&o.Backoff, 200*time.Millisecond)
	setDefault(&o.MaxBackoff, 10*time.Second)
	setDefault(&o.ResetAfter, 30*time.Second)
	s := &Supervisor{opts: o, started: time.Now(), parts: map[string]*part{}, changed: make(chan struct{})}
	for _, p := range o.Parts {
		s.parts[p.Name] = &part{
			Part:   p,
			status: PartStatus{Name: p.Name, State: StateStopped, Since: s.started},
			stop:   make(chan struct{}),
			done:   make(chan struct{}),
		}
	}
	return s
}

// Run starts all parts and keeps them running until ctx ends. Then it stops
// them, stage by stage, and returns when all are gone.
func (s *Supervisor) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, p := range s.opts.Parts {
		wg.Go(func() { s.keep(s.parts[p.Name]) })
	}
	rotate := time.NewTicker(rotateInterval)
	defer rotate.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-rotate.C:
			s.rotateLogs()
		}
	}
	s.stopAll()
	wg.Wait()
}

// Status returns what is known now.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{PID: os.Getpid(), Started: s.started, Stopping: s.stopping}
	for _, p := range s.opts.Parts {
		st.Parts = append(st.Parts, s.parts[p.Name].status)
	}
	return st
}

// WaitChange returns the status of a part as soon as it is not the known run
// any more (a part is in its run n when it was restarted n times) or not
// running any more.
func (s *Supervisor) WaitChange(ctx context.Context, name string, restarts int) (PartStatus, error) {
	for {
		s.mu.Lock()
		p, ok := s.parts[name]
		if !ok {
			s.mu.Unlock()
			return PartStatus{}, fmt.Errorf("there is no part %q", name)
		}
		st, changed := p.status, s.changed
		s.mu.Unlock()
		if st.Restarts != restarts || st.State != StateRunning {
			return st, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return PartStatus{}, ctx.Err()
		}
	}
}

// keep runs one part until it is to stop.
func (s *Supervisor) keep(p *part) {
	// The kernel sends the parent-death signal when the thread that forked
	// ends, not the process: this thread stays until the child is gone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	pause := s.opts.Backoff
	for restarts := 0; ; restarts++ {
		began := time.Now()
		err := s.runOnce(p, restarts)
		select {
		case <-p.stop:
			s.set(p, func(st *PartStatus) { st.State, st.PID = StateStopped, 0 })
			return
		default:
		}
		if time.Since(began) > s.opts.ResetAfter {
			pause = s.opts.Backoff
		}
		last := LastLines(s.logPath(p.Name), lastLogLines)
		s.opts.Log.Warn("part stopped by itself", "part", p.Name, "err", err, "restartIn", pause)
		s.set(p, func(st *PartStatus) {
			st.State, st.PID, st.LastLog = StateBackingOff, 0, last
			st.Exit, st.ExitCode = exitText(err)
		})
		select {
		case <-time.After(pause):
		case <-p.stop:
			s.set(p, func(st *PartStatus) { st.State = StateStopped })
			return
		}
		pause = min(2*pause, s.opts.MaxBackoff)
	}
}

// runOnce starts the part's process and returns when it has ended.
func (s *Supervisor) runOnce(p *part, restarts int) error {
	log, err := openLog(s.logPath(p.Name))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(s.opts.Program, p.Args...)
	cmd.Env = append(childEnv(), p.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = filepath.Dir(s.opts.LogDir)
	// The read end is the child's standard input. This process holds the only
	// write end: when it dies, the child reads EOF.
	leash, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("making the pipe to %s: %w", p.Name, err)
	}
	defer func() { _ = leash.Close() }()
	setDeathSignal(cmd)

	s.mu.Lock()
	select {
	case <-p.stop: // while it was backing off
		s.mu.Unlock()
		return nil
	default:
	}
	if err := cmd.Start(); err != nil {
		s.mu.Unlock()
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	p.proc = cmd.Process
	s.mu.Unlock()
	s.set(p, func(st *PartStatus) {
		st.State, st.PID, st.Restarts = StateRunning, cmd.Process.Pid, restarts
	})
	err = cmd.Wait()
	s.mu.Lock()
	p.proc = nil
	s.mu.Unlock()
	return err
}

// set changes a part's status and wakes who waits for a change.
func (s *Supervisor) set(p *part, change func(*PartStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&p.status)
	p.status.Since = time.Now()
	close(s.changed)
	s.changed = make(chan struct{})
}

// stopAll stops the parts, one stage after the other.
func (s *Supervisor) stopAll() {
	s.mu.Lock()
	s.stopping = true
	last := 0
	for _, p := range s.parts {
		last = max(last, p.StopStage)
	}
	s.mu.Unlock()
	for stage := 0; stage <= last; stage++ {
		var wg sync.WaitGroup
		for _, p := range s.parts {
			if p.StopStage == stage {
				wg.Go(func() { s.stopOne(p) })
			}
		}
		wg.Wait()
	}
}

func (s *Supervisor) stopOne(p *part) {
	s.mu.Lock()
	close(p.stop)
	if p.proc != nil {
		_ = terminate(p.proc)
	}
	s.mu.Unlock()
	select {
	case <-p.done:
		return
	case <-time.After(s.opts.StopTimeout):
	}
	s.opts.Log.Warn("part did not stop in time and is killed", "part", p.Name, "after", s.opts.StopTimeout)
	s.mu.Lock()
	if p.proc != nil {
		_ = p.proc.Kill()
	}
	s.mu.Unlock()
	<-p.done
}

func (s *Supervisor) logPath(name string) string {
	return filepath.Join(s.opts.LogDir, name+".log")
}

func exitText(err error) (string, int) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "exit status 0", 0
	case errors.As(err, &exit):
		return exit.String(), exitStatus(exit.ProcessState)
	default:
		return err.Error(), 1
	}
}

// childEnv is this process's environment without what could change how a part
// behaves: proxies and other clusters' settings. GOGC and GOMEMLIMIT change only
// how much memory it takes for how much less work (https://pkg.go.dev/runtime).
func childEnv() []string {
	env := []string{EnvChild + "=1"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "LANG", "SystemRoot", "TEMP", "TMP", "USERPROFILE", "GOGC", "GOMEMLIMIT"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

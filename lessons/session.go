package lessons

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

// Environment is what a Session does to a cluster; *space.Space is one.
type Environment interface {
	Namespace() string
	// Watch starts to watch; the Session closes the Watcher.
	Watch(ctx context.Context, specs []watch.Spec) *watch.Watcher
	// Requests follows the audit log; nil when there is none.
	Requests(ctx context.Context) (*space.AuditTail, error)
	// Snapshot lists what is there now.
	Snapshot(ctx context.Context, specs []watch.Spec) ([]space.Listing, error)
	// Enter notes the step and returns the resource version of that write.
	Enter(ctx context.Context, step string) (uint64, error)
	// Entered is the step that the namespace holds, "" for none.
	Entered(ctx context.Context) (string, error)
	// Clear empties the namespace.
	Clear(ctx context.Context) error
	Apply(ctx context.Context, manifest []byte) error
	Script(ctx context.Context, dir, script string) (space.ScriptResult, error)
	// Probe asks a Service. A Reply with a Code is an answer, be it an error.
	Probe(ctx context.Context, service, port, path string) (space.Reply, error)
}

// StepState is how far a session is with its step.
type StepState string

// States of a step.
const (
	StateSetup  StepState = "setup"  // the step's beginning is being made
	StateActive StepState = "active" // the learner's turn
	StateFailed StepState = "failed" // the beginning could not be made; Detail says why. Reset tries again
)

// Update is all that a screen shows of a lesson. It is a snapshot: a newer one
// stands for all before it. A step that is met stays in Done and Outcome.Met,
// so that skipping updates loses nothing.
type Update struct {
	Lesson  string
	Step    string
	Seed    int // of the drawn case, 0 when the step has none
	Index   int // of the step, from 0
	Count   int // of steps
	Entry   int // counts how often a step was entered in this session, from 1
	State   StepState
	Detail  string    // in StateFailed: why
	Began   time.Time // when the learner's turn began
	Text    StepText
	Hints   int // how many are open
	Outcome Outcome
	Done    map[string]time.Time // steps met, now or in an earlier session
	Warning string               // progress could not be saved
}

// SessionOptions are what a Session needs.
type SessionOptions struct {
	Lesson      *Lesson
	Environment Environment
	Lang        string
	Step        string    // where to begin; empty resumes, or begins with the first step
	Seed        int       // which case Step begins with, when it has cases; 0 is the last one, or a random one
	Progress    *Progress // may be nil
	TraceTo     io.Writer // when set, gets a trace of every engine input
}

// Session leads through one lesson on one cluster. One goroutine owns the
// engine; the methods only send to it and are safe for concurrent use.
type Session struct {
	options SessionOptions
	lesson  *Lesson
	env     Environment
	engine  *Engine
	watcher *watch.Watcher
	audit   *space.AuditTail
	dir     string // the lesson's files, for scripts
	trace   *TraceWriter
	journal *journal // of the open step; nil when it can't be kept. Owned by run

	updates  chan Update
	commands chan func()
	probes   chan Probe
	prepared chan preparation
	waits    chan *settling
	cancel   context.CancelFunc
	done     sync.WaitGroup

	// Owned by run.
	ctx        context.Context
	step       *Step // with its case, when it has cases
	seed       int   // of the case, else 0
	seeds      map[string]int
	solved     map[string][]string // cases, by step
	state      StepState
	detail     string
	warning    string
	hints      int
	met        map[string]time.Time
	waiting    []*settling
	lastChange time.Time     // of an object, Events left out
	attempt    int           // counts entries, so that a late preparation is dropped
	preparing  chan struct{} // closed when the last preparation has ended
	stopStep   context.CancelFunc
	changed    bool // something that an Update shows, since the last one
	lastUpdate Update
}

// StartSession begins: it starts the watch, enters a step and returns at once.
// Read Updates until it is closed; call Close at the end.
func StartSession(ctx context.Context, options SessionOptions) (*Session, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &Session{
		options: options, lesson: options.Lesson, env: options.Environment,
		updates: make(chan Update, 1), commands: make(chan func()), probes: make(chan Probe, 64),
		prepared: make(chan preparation), waits: make(chan *settling), cancel: cancel, ctx: ctx,
		met: map[string]time.Time{}, seeds: map[string]int{}, solved: map[string][]string{}, stopStep: func() {},
	}
	fail := func(err error) (*Session, error) {
		cancel()
		if s.dir != "" {
			os.RemoveAll(s.dir)
		}
		return nil, err
	}
	first := options.Lesson.Steps[0]
	if options.Step != "" {
		if first = options.Lesson.Step(options.Step); first == nil {
			return fail(fmt.Errorf("lesson %s has no step %q", options.Lesson.Name(), options.Step))
		}
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "k8stutor-lesson-"); err != nil {
		return fail(fmt.Errorf("create a folder for the lesson's files: %w", err))
	}
	if err := os.CopyFS(s.dir, options.Lesson.Files()); err != nil {
		return fail(fmt.Errorf("unpack the lesson's files: %w", err))
	}
	if s.audit, err = options.Environment.Requests(ctx); err != nil {
		return fail(err)
	}
	if s.engine, err = s.newEngine(); err != nil {
		return fail(err)
	}
	if options.TraceTo != nil {
		s.trace = NewTraceWriter(options.TraceTo)
	}
	if options.Progress != nil {
		for id, p := range options.Progress.Lesson(options.Lesson.Name()).Steps {
			if !p.Met.IsZero() {
				s.met[id] = p.Met
			}
			s.seeds[id], s.solved[id] = p.Seed, slices.Clone(p.Solved)
		}
	}
	if options.Progress != nil && options.Step == "" {
		if last := options.Lesson.Step(options.Progress.Lesson(options.Lesson.Name()).Step); last != nil {
			first = last
		}
	}
	s.watcher = options.Environment.Watch(ctx, options.Lesson.WatchSpecs(options.Environment.Namespace()))
	mode := enterFresh
	if options.Step == "" {
		mode = enterResume
	}
	s.enter(first, mode, options.Seed)
	s.done.Go(s.run)
	return s, nil
}

// Updates holds the newest Update. It is closed after Close.
func (s *Session) Updates() <-chan Update { return s.updates }

// View is the coalesced picture of everything that the lesson watches.
func (s *Session) View() *watch.View { return s.watcher.View() }

// Lesson is the session's lesson.
func (s *Session) Lesson() *Lesson { return s.lesson }

// Close ends the session. The cluster is left as it is.
func (s *Session) Close() {
	s.cancel()
	s.done.Wait()
	s.watcher.Close()
	if s.audit != nil {
		s.audit.Close()
	}
	os.RemoveAll(s.dir)
}

func (s *Session) newEngine() (*Engine, error) {
	return NewEngine(s.lesson, EngineOptions{
		Namespace: s.env.Namespace(), Lang: s.options.Lang, NoAudit: s.audit == nil, Done: s.isDone,
		Solved: func(step string) []string { return s.solved[step] },
	})
}

// isDone reports whether a step has been met, now or in an earlier session.
func (s *Session) isDone(step string) bool { return !s.met[step].IsZero() }

// do runs f in the goroutine that owns the session's state.
func (s *Session) do(f func()) {
	select {
	case s.commands <- f:
	case <-s.ctx.Done():
	}
}

// Next goes on to the next step: with the cluster as it is when the present
// step is met; otherwise the namespace is emptied and gets the state in which
// the step begins. At the last step it does nothing.
func (s *Session) Next() {
	s.do(func() {
		i := s.lesson.StepIndex(s.step.ID)
		if i+1 == len(s.lesson.Steps) {
			return
		}
		mode := enterFresh
		if s.state == StateActive && s.engine.met {
			mode = enterContinue
		}
		s.enter(s.lesson.Steps[i+1], mode, 0)
	})
}

// Previous goes back by a step, whose beginning is made again. At the first
// step it does nothing.
func (s *Session) Previous() {
	s.do(func() {
		if i := s.lesson.StepIndex(s.step.ID); i > 0 {
			s.enter(s.lesson.Steps[i-1], enterFresh, 0)
		}
	})
}

// Reset starts the current step over, with the same case when it has cases.
func (s *Session) Reset() { s.do(func() { s.enter(s.step.whole(), enterFresh, s.seed) }) }

// Draw starts a step over with the case of a seed; 0 is the next case after the
// last one. The error says that the step has no cases.
func (s *Session) Draw(step string, seed int) error {
	target := s.lesson.Step(step)
	switch {
	case target == nil:
		return fmt.Errorf("lesson %s has no step %q", s.lesson.Name(), step)
	case len(target.Cases) == 0:
		return fmt.Errorf("step %s/%s has no cases to draw from", s.lesson.Name(), step)
	case seed < 0:
		return fmt.Errorf("invalid seed %d: it must be 1 or more", seed)
	}
	s.do(func() {
		if seed == 0 {
			seed = s.seeds[step] + 1
		}
		s.enter(target, enterFresh, seed)
	})
	return nil
}

// Retry forgets what was violated, and goes on with the cluster as it is.
func (s *Session) Retry() { s.do(func() { s.handle(Retry{}) }) }

// Answer gives an answer to an answer check.
func (s *Session) Answer(check, text string) { s.do(func() { s.handle(Answered{check, text}) }) }

// OpenHint shows one hint more.
func (s *Session) OpenHint() {
	s.do(func() {
		if s.hints < len(s.step.Text(s.options.Lang, nil).Hints) {
			s.hints++
			s.save(func(p *Progress) error { return p.Hints(s.lesson.Name(), s.step.ID, s.hints) })
		}
	})
}

// run owns the engine and everything marked so.
func (s *Session) run() {
	defer close(s.updates)
	defer func() { s.stopStep(); s.closeJournal() }()
	requests := (<-chan space.Request)(nil)
	if s.audit != nil {
		requests = s.audit.Requests()
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	events := s.watcher.Events()
	for {
		s.checkSettled()
		s.publish()
		timer.Reset(s.untilNext())
		select {
		case <-s.ctx.Done():
			return
		case f := <-s.commands:
			f()
			s.changed = true
		case e, ok := <-events:
			if !ok {
				return
			}
			s.handle(Change{e})
			s.drain(events)
		case q, ok := <-requests:
			if !ok {
				return
			}
			s.handle(Requested{q})
		case p := <-s.probes:
			s.handle(p)
		case <-timer.C:
			s.handle(Clock{})
		case w := <-s.waits:
			s.waiting = append(s.waiting, w)
		case p := <-s.prepared:
			s.finish(p)
		}
	}
}

// untilNext is how long nothing will change by time alone.
func (s *Session) untilNext() time.Duration {
	next := time.Hour
	if at, ok := s.engine.NextDeadline(); ok {
		next = min(next, time.Until(at))
	}
	for _, w := range s.waiting {
		if left := time.Until(s.lastChange.Add(w.quiet)); left > 0 {
			next = min(next, left)
		}
	}
	return next
}

// drain takes in what else is there, so that a burst is explained once.
func (s *Session) drain(events <-chan watch.Event) {
	for range 256 {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			s.handle(Change{e})
		default:
			return
		}
	}
}

func (s *Session) handle(in Input) {
	now := time.Now()
	if s.trace != nil {
		if err := s.trace.Write(now, in); err != nil {
			s.warning, s.trace, s.changed = fmt.Sprintf("cannot write the trace: %v", err), nil, true
		}
	}
	if c, ok := in.(Change); ok && c.Resource != eventsResource() {
		s.lastChange = now
	}
	wasMet := s.engine.met
	changed, err := s.engine.Handle(now, in)
	s.changed = s.changed || changed
	if err != nil {
		s.warning, s.changed = err.Error(), true
	}
	if s.journal != nil && s.state == StateActive && !wasMet {
		if err := s.journal.add(now, in); err != nil {
			s.closeJournal()
			s.warning, s.changed = fmt.Sprintf("what comes now won't outlive the session: %v", err), true
		}
	}
	if s.engine.met && !wasMet {
		s.met[s.step.ID] = now
		if name := s.step.CaseName(); name != "" && !slices.Contains(s.solved[s.step.ID], name) {
			s.solved[s.step.ID] = append(s.solved[s.step.ID], name)
		}
		s.save(func(p *Progress) error { return p.Met(s.lesson.Name(), s.step.ID, s.step.CaseName(), now) })
	}
}

func (s *Session) save(f func(*Progress) error) {
	if s.options.Progress == nil {
		return
	}
	s.warning = ""
	if err := f(s.options.Progress); err != nil {
		s.warning = err.Error()
	}
}

// publish replaces the waiting update when something has changed. Working out
// the texts takes far longer than a verdict, so it is done at most once for all
// that came in a turn of the loop.
func (s *Session) publish() {
	if !s.changed {
		return
	}
	s.changed = false
	u := Update{
		Lesson: s.lesson.Name(), Step: s.step.ID, Seed: s.seed, Index: s.lesson.StepIndex(s.step.ID), Count: len(s.lesson.Steps),
		Entry: s.attempt, State: s.state, Detail: s.detail, Began: s.engine.Started(), Hints: s.hints, Done: s.met, Warning: s.warning,
	}
	live := s.engine.Live
	if s.state == StateActive {
		u.Outcome = s.engine.Outcome()
	} else {
		live = s.preludeValue
		u.Outcome = Outcome{Lesson: u.Lesson, Step: u.Step, Problem: s.engine.problem()}
	}
	u.Text = s.step.text(s.options.Lang, live, u.Outcome.Met)
	if sameUpdate(u, s.lastUpdate) {
		return
	}
	u.Done = maps.Clone(s.met)
	s.lastUpdate = u
	for {
		select {
		case s.updates <- u:
			return
		default:
		}
		select { // make room: the one that waits is older
		case <-s.updates:
		default:
		}
	}
}

// preludeValue gives the values that are there before the step has begun.
func (s *Session) preludeValue(name string) (string, bool) {
	switch {
	case name == "namespace":
		return s.env.Namespace(), true
	case name == "seed" && s.seed > 0:
		return strconv.Itoa(s.seed), true
	}
	return "", false
}

// sameUpdate leaves out the time of the outcome, which changes always.
func sameUpdate(a, b Update) bool {
	a.Outcome.At = b.Outcome.At
	return reflect.DeepEqual(a, b)
}

// Dir is where the lesson's files are unpacked, while the session is open.
func (s *Session) Dir() string { return s.dir }

package lessons

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/space"
)

// enterMode says what becomes of the namespace when a step is entered.
type enterMode int

const (
	enterContinue enterMode = iota // it stays as it is
	enterFresh                     // it is emptied and gets the step's start
	enterResume                    // as it is when it holds a step of the lesson, which is entered; else fresh
)

// settleTime is how long start and setup may take until they have settled.
const settleTime = 2 * time.Minute

// preparation is what came of making a step's beginning.
type preparation struct {
	attempt int
	step    *Step // with its case, when it has cases
	seed    int
	marker  uint64
	entry   string  // names this entry of the step; "" when it is not kept
	resumed *Engine // has seen all of this entry up to the last session's end
	warning string
	err     error
}

// settling is a wait of a preparation: for the watch to have caught up, and
// for a condition to hold.
type settling struct {
	attempt  int
	listings []space.Listing
	until    Expr // zero: only catch up
	// quiet is how long nothing must have changed. When it is set, checks that
	// need time or traffic must have had it too.
	quiet time.Duration
	done  chan struct{}
}

// enter begins to enter a step, which is a whole one. With cases, seed says
// which; 0 is the same as last time, or a random one. It is called by the owner
// of the state.
func (s *Session) enter(step *Step, mode enterMode, seed int) {
	step, seed = s.draw(step, seed)
	if seed > 0 && mode == enterContinue {
		mode = enterFresh // what went before is no part of the case
	}
	s.stopStep()
	ctx, cancel := context.WithCancel(s.ctx)
	s.stopStep = cancel
	s.attempt++
	s.step, s.seed, s.state, s.detail, s.hints, s.waiting = step, seed, StateSetup, "", 0, nil
	s.changed = true
	attempt := s.attempt
	before, ended := s.preparing, make(chan struct{})
	s.preparing = ended
	s.done.Go(func() {
		defer close(ended)
		if before != nil {
			<-before // it is cancelled; what it still does must not come after us
		}
		p := s.prepare(ctx, attempt, preparation{step: step, seed: seed}, mode)
		p.attempt = attempt
		select {
		case s.prepared <- p:
		case <-s.ctx.Done():
		}
	})
}

// draw gives the variant of a step that a seed stands for.
func (s *Session) draw(step *Step, seed int) (*Step, int) {
	if len(step.Cases) == 0 {
		return step, 0
	}
	if seed < 1 {
		seed = s.seeds[step.ID]
	}
	if seed < 1 {
		seed = randomSeed()
	}
	return step.Draw(seed), seed
}

// prepare makes a step's beginning. It runs beside the owner and waits for it.
func (s *Session) prepare(ctx context.Context, attempt int, p preparation, mode enterMode) preparation {
	if mode == enterResume {
		mode = enterFresh
		entered, err := s.env.Entered(ctx)
		if err != nil {
			p.err = err
			return p
		}
		id, seed := Entered(entered)
		if held := s.lesson.Step(id); held != nil && (seed > 0) == (len(held.Cases) > 0) {
			p.step, p.seed, mode = held.Draw(seed), seed, enterContinue
			s.resume(&p, entryOf(entered))
		}
	}
	if mode == enterFresh {
		// Whoever is interrupted from here on has no step to resume.
		if _, p.err = s.env.Enter(ctx, ""); p.err != nil {
			return p
		}
		if p.err = s.env.Clear(ctx); p.err != nil {
			return p
		}
		if p.err = s.setUp(ctx, attempt, p.step.Start); p.err != nil {
			return p
		}
	}
	// What goes on is as the learner has left it: half fixed, maybe.
	if p.resumed == nil && (p.seed == 0 || mode == enterFresh) {
		if p.err = s.setUp(ctx, attempt, p.step.Setup); p.err != nil {
			return p
		}
		if p.step.drawn != nil {
			if p.err = s.setUp(ctx, attempt, p.step.drawn.Setup); p.err != nil {
				return p
			}
		}
	}
	if p.err = s.settle(ctx, attempt, Expr{}, 0, settleTime); p.err != nil || p.resumed != nil {
		return p
	}
	if s.options.Progress != nil {
		p.entry = newEntry()
	}
	p.marker, p.err = s.env.Enter(ctx, enteredNote(p.step, p.seed, p.entry))
	return p
}

// journalHead is what the journal of an entry begins with.
func (s *Session) journalHead(p preparation) journalHead {
	return journalHead{journalVersion, s.lesson.digest(), p.step.ID, p.seed, p.entry}
}

// resume takes up the entry of a step where the last session left it, if its
// journal can be had; p.warning says why not.
func (s *Session) resume(p *preparation, entry string) {
	if s.options.Progress == nil || entry == "" {
		return
	}
	p.entry = entry
	path := s.options.Progress.journalPath(s.lesson.Name())
	engine, err := s.newEngine()
	if err == nil {
		err = resumeJournal(path, s.journalHead(*p), engine)
	}
	switch {
	case err == nil:
		p.resumed = engine
	case !errors.Is(err, fs.ErrNotExist):
		aside := path + ".aside-" + time.Now().UTC().Format("20060102T150405.000Z")
		p.warning = fmt.Sprintf("what was seen of this step before can't be used (%v): it begins with the cluster as it is. Reset begins it again", err)
		if err := os.Rename(path, aside); err == nil {
			p.warning += "; the record was kept as " + aside
		}
	}
}

func (s *Session) setUp(ctx context.Context, attempt int, setup *Setup) error {
	if setup == nil {
		return nil
	}
	for _, name := range setup.Manifests {
		data, err := fs.ReadFile(s.lesson.files, name)
		if err != nil {
			return err
		}
		text := fill(string(data), func(string) (string, bool) { return s.env.Namespace(), true })
		if err := s.env.Apply(ctx, []byte(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if strings.TrimSpace(setup.Script) != "" {
		if _, err := s.env.Script(ctx, s.dir, setup.Script); err != nil {
			return err
		}
	}
	return s.settle(ctx, attempt, setup.Until, 0, settleTime)
}

// settle waits until the engine has seen what the cluster holds now, and until
// the condition holds.
func (s *Session) settle(ctx context.Context, attempt int, until Expr, quiet, patience time.Duration) error {
	listings, err := s.env.Snapshot(ctx, s.lesson.WatchSpecs(s.env.Namespace()))
	if err != nil {
		return err
	}
	w := &settling{attempt: attempt, listings: listings, until: until, quiet: quiet, done: make(chan struct{})}
	select {
	case s.waits <- w:
	case <-ctx.Done():
		return ctx.Err()
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return notSettledError{until}
	}
}

// AwaitSettled waits until the session has seen all that the cluster holds,
// until (by default: settled()) holds, nothing has changed for a second, and
// every check that needs time or traffic has had it. It is for the harness,
// which then knows that a verdict is final. The error says that patience ran
// out.
func (s *Session) AwaitSettled(ctx context.Context, until Expr, patience time.Duration) error {
	if until.IsZero() {
		until = s.lesson.settled
	}
	return s.settleNow(ctx, until, time.Second, patience)
}

// CatchUp waits until the session has seen all that the cluster holds now.
func (s *Session) CatchUp(ctx context.Context, patience time.Duration) error {
	return s.settleNow(ctx, Expr{}, 0, patience)
}

// settleNow is settle for the present entry of the step.
func (s *Session) settleNow(ctx context.Context, until Expr, quiet, patience time.Duration) error {
	attempt := make(chan int, 1)
	s.do(func() { attempt <- s.attempt })
	select {
	case n := <-attempt:
		return s.settle(ctx, n, until, quiet, patience)
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// notSettledError is explained by the owner of the engine.
type notSettledError struct{ until Expr }

func (notSettledError) Error() string { return "the setup has not settled" }

// checkSettled ends the waits whose time has come.
func (s *Session) checkSettled() {
	kept := s.waiting[:0]
	for _, w := range s.waiting {
		switch {
		case w.attempt != s.attempt:
		case s.isSettled(w):
			close(w.done)
		default:
			kept = append(kept, w)
		}
	}
	s.waiting = kept
}

func (s *Session) isSettled(w *settling) bool {
	switch {
	case !s.engine.CaughtUp(w.listings), !w.until.IsZero() && !s.engine.Holds(w.until):
		return false
	case w.quiet == 0:
		return true
	}
	return time.Since(s.lastChange) >= w.quiet && s.engine.hadItsTime()
}

// finish takes the result of a preparation: the learner's turn begins.
func (s *Session) finish(p preparation) {
	if p.attempt != s.attempt || errors.Is(p.err, context.Canceled) {
		return
	}
	s.changed = true
	s.step, s.seed = p.step, p.seed
	if s.seed > 0 {
		s.seeds[s.step.ID] = s.seed
	}
	s.stopStep()
	if p.err != nil {
		s.state, s.detail = StateFailed, p.err.Error()
		var late notSettledError
		if errors.As(p.err, &late) {
			lines := append([]string{s.engine.say.text("setup-waiting", "Step", s.step.Text(s.options.Lang, nil).Title,
				"After", s.engine.say.duration(settleTime))}, s.engine.Explain(late.until)...)
			s.detail = strings.Join(lines, "\n")
		}
		return
	}
	s.state = StateActive
	if s.options.Progress != nil {
		s.save(func(f *Progress) error { return f.Enter(s.lesson.Name(), s.step.ID, s.seed, time.Now()) })
		s.hints = s.options.Progress.Lesson(s.lesson.Name()).Steps[s.step.ID].Hints
	}
	s.begin(p)
	if s.step.Traffic != nil {
		ctx, cancel := context.WithCancel(s.ctx)
		s.stopStep = cancel
		traffic := *s.step.Traffic
		s.done.Go(func() { s.probe(ctx, traffic) })
	}
}

// begin begins the learner's turn, or goes on with it.
func (s *Session) begin(p preparation) {
	s.closeJournal()
	if p.warning != "" {
		s.warning = p.warning
	}
	now := time.Now()
	if p.resumed != nil {
		inputs := p.resumed.missed(now, s.engine.store)
		s.engine = p.resumed
		s.keep(openJournal(s.options.Progress.journalPath(s.lesson.Name())))
		for _, in := range inputs {
			s.handle(in)
		}
		return
	}
	begin := Begin{Step: s.step.ID, Seed: p.seed, Marker: p.marker}
	held := s.engine.store.clone()
	held.synced = s.engine.store.synced
	s.handle(begin)
	if p.entry != "" {
		s.keep(beginJournal(s.options.Progress.journalPath(s.lesson.Name()), s.journalHead(p), now, held, begin))
	}
}

// keep goes on with a journal, or says why it can't be kept.
func (s *Session) keep(j *journal, err error) {
	s.journal = j
	if err != nil {
		s.journal, s.warning = nil, fmt.Sprintf("this step won't outlive the session: %v", err)
	}
}

func (s *Session) closeJournal() {
	if s.journal != nil {
		_ = s.journal.close() // each entry was written when it came
		s.journal = nil
	}
}

package lessons

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

// Input is something that an Engine is told.
type Input interface{ isInput() }

// Change is what the watch saw.
type Change struct{ watch.Event }

// Requested is something that the learner asked the API server for.
type Requested struct{ space.Request }

// Probe is one request of the step's traffic prober and what came of it.
type Probe struct {
	At      time.Time
	Status  int    // HTTP status, 0 when there was no answer
	Version string // as the answer tells it, may be empty
	Pod     string
	Err     string
}

func (p Probe) ok() bool { return p.Status >= 200 && p.Status < 300 }

// Answered is what the learner typed or chose for an answer check.
type Answered struct{ Check, Text string }

// Begin enters a step. What the cluster held at resource version Marker, or
// what the engine was told before, is not the learner's doing.
type Begin struct {
	Step   string
	Seed   int `json:",omitempty"` // of a step with cases: which one is drawn
	Marker uint64
}

// Retry forgets what was violated, or lost with a gap, so that the learner can
// try again from now on.
type Retry struct{}

// Clock says only what time it is.
type Clock struct{}

func (Change) isInput()    {}
func (Requested) isInput() {}
func (Probe) isInput()     {}
func (Answered) isInput()  {}
func (Begin) isInput()     {}
func (Retry) isInput()     {}
func (Clock) isInput()     {}

// Engine judges the steps of one lesson. It is a state machine without I/O and
// without a clock of its own: all it knows came through Handle. It is not safe
// for concurrent use.
type Engine struct {
	lesson    *Lesson
	namespace string
	say       *speaker
	noAudit   bool
	done      func(step string) bool
	solved    func(step string) []string

	store *store
	act   *activation
	specs []watch.Spec
	now   time.Time

	step    *Step
	shown   map[schema.GroupVersionResource]bool // what explanations and live values of the step are made of
	seed    int
	began   bool // the baseline is taken
	marker  uint64
	started time.Time
	checks  []*judged
	met     bool
	metAt   time.Time

	lost      error
	lostSince time.Time
	gaps      map[schema.GroupVersionResource]bool
	history   map[schema.GroupVersionResource][]Change // since the step began, bounded
	probes    []probeMark                              // until the step is met, bounded
	explainer *explainer
}

// maxHistory and maxProbes bound what is recorded of a step: of the changes of
// each resource, so that no flood of Pods pushes a Deployment's out, and of the
// answers. Texts are made of them, and no verdict is.
const (
	maxHistory = 1024
	maxProbes  = 16384
)

// EngineOptions are the circumstances of an Engine.
type EngineOptions struct {
	Namespace string // where the lesson happens
	Lang      string
	NoAudit   bool // requests can't be seen on this cluster
	// Done says of another step whether it has been met; nil: none has.
	Done func(step string) bool
	// Solved lists the cases of a step that were ever solved; nil: none.
	Solved func(step string) []string
}

// judged is a check with its present verdict.
type judged struct {
	check   *Check
	impl    checker
	verdict Verdict
	since   time.Time
	metAt   time.Time
}

// reset makes what the check counts begin again, if it counts anything.
func (j *judged) reset() {
	if j.impl.reset() {
		j.metAt = time.Time{}
	}
}

// NewEngine makes an engine for a lesson. It judges nothing before Begin, and
// nothing before every resource of the lesson has been Synced.
func NewEngine(lesson *Lesson, options EngineOptions) (*Engine, error) {
	say, err := newSpeaker(options.Lang)
	if err != nil {
		return nil, err
	}
	if options.Namespace == "" {
		options.Namespace = lesson.Namespace()
	}
	s := newStore()
	e := &Engine{
		lesson: lesson, namespace: options.Namespace, say: say, noAudit: options.NoAudit, done: options.Done, solved: options.Solved,
		store: s, specs: lesson.WatchSpecs(options.Namespace), gaps: map[schema.GroupVersionResource]bool{},
	}
	e.act = newActivation(options.Namespace, s, e.liveSource())
	e.explainer = newExplainer(e)
	return e, nil
}

// Handle takes in one input. It reports whether a verdict changed, or an
// explanation or a live value may have. The only error is a Begin or an answer
// that names what does not exist.
func (e *Engine) Handle(now time.Time, in Input) (changed bool, err error) {
	e.now = now
	var relevant *schema.GroupVersionResource
	changed = true
	switch x := in.(type) {
	case Begin:
		return true, e.begin(x)
	case Change:
		e.change(x)
		switch x.Type {
		case watch.Added, watch.Modified, watch.Deleted:
			relevant = &x.Resource
			changed = e.shown[x.Resource]
		}
	case Requested:
		changed = slices.ContainsFunc(e.checks, func(j *judged) bool { return j.check.kind.audited })
	case Clock:
		changed = false
	case Answered:
		if j := e.judged(x.Check); j == nil || !j.check.IsQuestion() {
			return false, fmt.Errorf("step has no question %q", x.Check)
		}
	case Retry:
		e.retry()
	}
	if e.step != nil && !e.began && e.Synced() {
		e.takeBaseline()
		relevant, changed = nil, true
	}
	if !e.began || e.met {
		return changed, nil
	}
	if p, ok := in.(Probe); ok && !p.At.Before(e.started) {
		e.probes = append(bounded(e.probes, maxProbes), probeMark{p.At, p.Version, p.ok()})
	}
	for _, j := range e.checks {
		j.impl.observe(e, in)
	}
	return e.judge(relevant) || changed, nil
}

func (e *Engine) begin(b Begin) error {
	step := e.lesson.Step(b.Step)
	if step == nil {
		return fmt.Errorf("lesson %s has no step %q", e.lesson.Name(), b.Step)
	}
	if len(step.Cases) > 0 && b.Seed < 1 {
		return fmt.Errorf("step %s/%s has cases: invalid seed %d, it must be 1 or more", e.lesson.Name(), b.Step, b.Seed)
	}
	step, e.seed = step.Draw(b.Seed), b.Seed
	e.step, e.marker, e.began, e.met, e.metAt = step, b.Marker, false, false, time.Time{}
	e.shown = shownResources(step)
	e.checks, e.history, e.probes = nil, map[schema.GroupVersionResource][]Change{}, nil
	clear(e.gaps)
	for _, c := range step.Checks {
		e.checks = append(e.checks, &judged{check: c, impl: c.fields.checker(c), verdict: Unmet, since: e.now})
	}
	if e.Synced() {
		e.takeBaseline()
		e.judge(nil)
	}
	return nil
}

// shownResources are those that a change of can show in a text about the step:
// what the checks and values read, and what explanations add about the objects
// they name.
func shownResources(step *Step) map[schema.GroupVersionResource]bool {
	shown := map[schema.GroupVersionResource]bool{}
	for _, name := range contextResources() {
		shown[wellKnown()[name]] = true
	}
	for _, c := range step.Checks {
		maps.Copy(shown, c.watches)
	}
	for _, x := range step.Values {
		if x.program != nil {
			for _, dep := range x.program.watches {
				shown[dep.gvr] = true
			}
		}
	}
	return shown
}

func (e *Engine) takeBaseline() {
	e.began, e.started = true, e.now
	e.act.base, e.act.started = e.store.clone(), e.now
}

// Synced reports whether the first list of everything that the lesson watches has
// arrived.
func (e *Engine) Synced() bool {
	for _, spec := range e.specs {
		if !e.store.synced[spec] {
			return false
		}
	}
	return true
}

func (e *Engine) change(c Change) {
	switch c.Type {
	case watch.Lost:
		e.lost, e.lostSince = c.Err, e.now
	case watch.Recovered:
		e.lost = nil
	case watch.Gap:
		if !e.began || e.met {
			return
		}
		for _, j := range e.checks {
			if j.check.kind.historic && j.verdict != Met && j.check.watches[c.Resource] {
				e.gaps[c.Resource] = true
				j.impl.gap(e)
			}
		}
	default:
		e.store.apply(c.Event)
		if !e.began || c.Type == watch.Synced {
			return
		}
		if e.isOld(c) {
			// Seen late, but it had happened before the step began.
			e.act.base.apply(c.Event)
			return
		}
		e.history[c.Resource] = append(bounded(e.history[c.Resource], maxHistory), c)
	}
}

// isOld reports whether a change had happened when the step began.
func (e *Engine) isOld(c Change) bool {
	return c.Initial || e.marker > 0 && !(c.Inferred && c.New == nil) && revision(c.Object()) > 0 && revision(c.Object()) <= e.marker
}

// counts reports whether a change is one that the history checks may count: a
// single step that was seen, after the step began.
func (e *Engine) counts(c Change) bool {
	switch c.Type {
	case watch.Added, watch.Modified, watch.Deleted:
		return !c.Inferred && !e.isOld(c)
	}
	return false
}

func (e *Engine) retry() {
	clear(e.gaps)
	for _, j := range e.checks {
		j.impl.retry(e)
	}
}

func (e *Engine) judged(id string) *judged {
	for _, j := range e.checks {
		if j.check.ID == id {
			return j
		}
	}
	return nil
}

// judge brings the verdicts up to date; with a resource, those that depend on
// it. Checks that wait for others come after them, so two rounds settle all.
func (e *Engine) judge(resource *schema.GroupVersionResource) bool {
	changed := false
	for range 2 {
		for _, j := range e.checks {
			if resource != nil && !j.check.watches[*resource] && !j.check.linked() {
				continue
			}
			if v := j.impl.judge(e); v != j.verdict {
				j.verdict, j.since, changed = v, e.now, true
				if v == Met {
					j.metAt = e.now // the last time: what was met and lost again took no part in the tick
				}
			}
		}
	}
	for _, j := range e.checks {
		if j.verdict != Met || e.lost != nil {
			return changed
		}
	}
	e.met, e.metAt = true, e.now
	return true
}

// onlyGuardsLeft reports whether all checks are met except those that last
// until the others are.
func (e *Engine) onlyGuardsLeft() bool {
	for _, j := range e.checks {
		if !j.check.guards() && j.verdict != Met {
			return false
		}
	}
	return true
}

// NextDeadline is when a verdict may change by time alone; false when it
// can't.
func (e *Engine) NextDeadline() (time.Time, bool) {
	var next time.Time
	if !e.began || e.met || e.lost != nil {
		return next, false
	}
	for _, j := range e.checks {
		if at := j.impl.deadline(); j.verdict != Met && !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, !next.IsZero()
}

// hadItsTime reports whether no verdict waits for time to pass, or for more traffic.
func (e *Engine) hadItsTime() bool {
	if _, waits := e.NextDeadline(); waits {
		return false
	}
	for _, j := range e.checks {
		if j.verdict == Unmet && j.impl.pending() {
			return false
		}
	}
	return true
}

// Outcome is how the step stands. It explains every verdict, which costs more
// than Handle: ask for it when the inputs at hand are taken in.
func (e *Engine) Outcome() Outcome {
	out := Outcome{Lesson: e.lesson.Name(), At: e.now, Met: e.met, MetAt: e.metAt, Problem: e.problem()}
	if e.step == nil {
		return out
	}
	out.Step = e.step.ID
	for _, j := range e.checks {
		r := CheckResult{ID: j.check.ID, Title: e.step.checkTitle(e.say.lang, j.check.ID), Verdict: j.verdict, Since: j.since}
		if e.met {
			r.Verdict = Met
		}
		if j.check.IsQuestion() {
			r.Question = e.step.string(e.say.lang, func(t stepText) map[string]string { return t.Questions }, j.check.ID)
			r.Options = j.impl.options(e)
		}
		if r.Verdict != Met && e.began {
			r.Why = e.why(j)
		}
		out.Checks = append(out.Checks, r)
	}
	return out
}

func (e *Engine) why(j *judged) []string {
	custom := e.step.string(e.say.lang, func(t stepText) map[string]string { return t.Why }, j.check.ID)
	var lines []string
	if custom != "" && j.verdict != Violated {
		lines = []string{custom}
	} else {
		lines = j.impl.why(e)
	}
	if j.check.kind.historic && j.verdict != Violated && e.gapOf(j) {
		lines = append(slices.Clone(lines), e.say.text("gap-why"))
	}
	return lines
}

func (e *Engine) problem() string {
	switch {
	case e.step == nil:
		return ""
	case e.lost != nil:
		return e.say.text("lost", "Since", e.lostSince.Format(time.TimeOnly), "Error", e.lost.Error())
	case !e.began:
		return e.say.text("syncing")
	case len(e.gaps) > 0 && !e.met:
		for _, j := range e.checks {
			if j.check.kind.historic && j.verdict != Met && e.gapOf(j) {
				return e.say.text("gap", "Check", e.step.checkTitle(e.say.lang, j.check.ID))
			}
		}
	case e.noAudit && !e.met:
		for _, j := range e.checks {
			if j.check.kind.audited && j.verdict != Met {
				return e.say.text("no-audit")
			}
		}
	}
	return ""
}

func (e *Engine) gapOf(j *judged) bool {
	for gvr := range e.gaps {
		if j.check.watches[gvr] {
			return true
		}
	}
	return false
}

// Holds evaluates an `until` of the lesson on the present state.
func (e *Engine) Holds(expr Expr) bool {
	if expr.program == nil || !e.Synced() || e.lost != nil {
		return false
	}
	return expr.program.holds(e.act, map[string]any{"object": nil, "baseline": nil})
}

// Explain says why an `until` does not hold.
func (e *Engine) Explain(expr Expr) []string {
	return e.explainer.explain(expr.program, map[string]any{"object": nil, "baseline": nil}, "").lines
}

// CaughtUp reports whether the engine has seen at least what the listings hold.
func (e *Engine) CaughtUp(listings []space.Listing) bool {
	if !e.Synced() || e.lost != nil {
		return false
	}
	for _, l := range listings {
		held := e.store.objects[l.Resource]
		listed := make(map[objectKey]bool, len(l.Objects))
		for _, o := range l.Objects {
			key := objectKey{o.Namespace, o.Name}
			listed[key] = true
			if e.store.newest[l.Resource] >= o.Revision {
				continue // this or something later has arrived, and they come in order
			}
			if u := held[key]; u == nil || revision(u) < o.Revision {
				return false
			}
		}
		for key, u := range held {
			if (l.Namespace == "" || key.namespace == l.Namespace) && !listed[key] && revision(u) <= l.Revision {
				return false // its deletion is still to come
			}
		}
	}
	return true
}

func eventsResource() schema.GroupVersionResource { return wellKnown()["events"] }

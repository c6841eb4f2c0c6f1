package lessons

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster"
)

func newChecker(c *Check) checker {
	switch c.Kind {
	case KindHappened:
		return &happenedCheck{check: c, seen: map[string]bool{}}
	case KindSequence:
		return &sequenceCheck{check: c, matches: make([][]uint64, len(c.Moments))}
	case KindAlways:
		return &alwaysCheck{check: c}
	case KindUntouched:
		return &untouchedCheck{check: c, forgiven: map[string]bool{}}
	case KindSteady:
		return &steadyCheck{check: c}
	case KindEvent:
		return &eventCheck{check: c}
	case KindRequest:
		return &requestCheck{check: c}
	case KindTraffic:
		return newTrafficCheck(c)
	case KindAnswer:
		return &answerCheck{check: c}
	default: // the loader lets no other kind through
		return &stateCheck{check: c}
	}
}

// dependencies are the resources whose changes can change the verdict.
func dependencies(c *Check) map[schema.GroupVersionResource]bool {
	deps := map[schema.GroupVersionResource]bool{}
	if c.Resource != "" && c.Kind != KindRequest {
		deps[c.gvr] = true
	}
	if c.Kind == KindEvent {
		deps[eventsResource()] = true
	}
	for _, gvr := range c.guarded {
		deps[gvr] = true
	}
	exprs := []Expr{c.Expr, c.Spec, c.Status, c.Expect}
	for _, m := range c.Moments {
		deps[m.gvr] = true
		exprs = append(exprs, m.Expr)
	}
	for _, x := range exprs {
		if x.program != nil {
			for _, w := range x.program.watches {
				deps[w.gvr] = true
			}
		}
	}
	return deps
}

// stateCheck looks at the present.
type stateCheck struct{ check *Check }

func (s *stateCheck) observe(*Engine, Input) {}
func (s *stateCheck) retry(*Engine)          {}

func (s *stateCheck) judge(e *Engine) Verdict {
	vars, missing := e.stateVars(s.check)
	switch {
	case missing:
		return Unmet
	case !s.check.Expr.IsZero():
		if s.check.Expr.program.holds(e.act, vars) {
			return Met
		}
		return Unmet
	case !s.check.Spec.program.holds(e.act, vars):
		return Unmet
	case !s.check.Status.program.holds(e.act, vars):
		return Converging
	}
	return Met
}

func (s *stateCheck) why(e *Engine) []string {
	vars, missing := e.stateVars(s.check)
	if missing {
		return []string{e.say.text("no-object", "Object", objectTitle(s.check.gvr, s.check.Name))}
	}
	subject := ""
	if s.check.Resource != "" {
		subject = objectTitle(s.check.gvr, s.check.Name)
	}
	p := s.check.Expr.program
	if p == nil {
		p = s.check.Spec.program
		if p.holds(e.act, vars) {
			p = s.check.Status.program
		}
	}
	return e.explainer.explain(p, vars, subject).withContext(e)
}

// happenedCheck counts the objects with a change that fits.
type happenedCheck struct {
	check *Check
	seen  map[string]bool // by UID
}

func (h *happenedCheck) observe(e *Engine, in Input) {
	c, ok := in.(Change)
	if !ok || !e.counts(c) || !matches(c, h.check.gvr, e.in(h.check), h.check.Name) {
		return
	}
	if h.check.Expr.program.holds(e.act, deltaVars(c)) {
		h.seen[string(c.Object().GetUID())] = true
	}
}

func (h *happenedCheck) judge(*Engine) Verdict {
	if len(h.seen) >= h.check.AtLeast {
		return Met
	}
	return Unmet
}

func (h *happenedCheck) why(e *Engine) []string {
	if h.check.AtLeast == 1 {
		return []string{e.say.text("not-happened")}
	}
	return []string{e.say.text("happened-count", "Observed", len(h.seen), "Wanted", h.check.AtLeast)}
}

func (h *happenedCheck) retry(*Engine) {}
func (h *happenedCheck) gap(*Engine)   {}
func (h *happenedCheck) reset()        { clear(h.seen) }

// in is the namespace of a check's objects.
func (e *Engine) in(c *Check) string {
	switch {
	case clusterScoped(c.gvr):
		return ""
	case c.Namespace != "":
		return c.Namespace
	}
	return e.namespace
}

func matches(c Change, gvr schema.GroupVersionResource, namespace, name string) bool {
	u := c.Object()
	return c.Resource == gvr && (u.GetNamespace() == namespace || u.GetNamespace() == "") && (name == "" || u.GetName() == name)
}

func deltaVars(c Change) map[string]any {
	vars := map[string]any{"old": nil, "new": nil}
	if c.Old != nil {
		vars["old"] = c.Old.Object
	}
	if c.New != nil {
		vars["new"] = c.New.Object
	}
	return vars
}

// sequenceCheck finds its moments in order. Each resource has a watch of its
// own, so changes of two resources may arrive out of order: the order is that
// of the resource versions, which the API server gives out as one count.
type sequenceCheck struct {
	check   *Check
	matches [][]uint64 // for each moment the versions of the changes that fit
}

// maxMatches bounds the memory of one moment; the first ones decide.
const maxMatches = 1024

func (s *sequenceCheck) observe(e *Engine, in Input) {
	c, ok := in.(Change)
	if !ok || !e.counts(c) {
		return
	}
	for i, m := range s.check.Moments {
		namespace := e.namespace
		if clusterScoped(m.gvr) {
			namespace = ""
		}
		if len(s.matches[i]) < maxMatches && matches(c, m.gvr, namespace, m.Name) && m.Expr.program.holds(e.act, deltaVars(c)) {
			s.matches[i] = append(s.matches[i], revision(c.Object()))
			slices.Sort(s.matches[i])
		}
	}
}

// reached is how many moments were seen in order.
func (s *sequenceCheck) reached() int {
	last := uint64(0)
	for i, versions := range s.matches {
		at := slices.IndexFunc(versions, func(v uint64) bool { return v > last })
		if at < 0 {
			return i
		}
		last = versions[at]
	}
	return len(s.matches)
}

func (s *sequenceCheck) judge(*Engine) Verdict {
	if s.reached() == len(s.matches) {
		return Met
	}
	return Unmet
}

func (s *sequenceCheck) why(e *Engine) []string {
	n := s.reached()
	id := s.check.Moments[n].ID
	title := e.step.string(e.say.lang, func(t stepText) map[string]string { return t.Checks }, s.check.ID+"."+id)
	return []string{e.say.text("sequence", "Observed", n, "Wanted", len(s.matches), "Next", either(title, id))}
}

func (s *sequenceCheck) retry(*Engine) {}
func (s *sequenceCheck) gap(*Engine)   {}
func (s *sequenceCheck) reset()        { s.matches = make([][]uint64, len(s.check.Moments)) }

// alwaysCheck guards an invariant between two points.
type alwaysCheck struct {
	check    *Check
	running  bool
	done     bool
	evidence []string // set when it was broken
}

func (a *alwaysCheck) observe(e *Engine, in Input) {
	c, ok := in.(Change)
	if !ok || !a.running || a.done || a.evidence != nil || !e.judged(a.check.ID).deps[c.Resource] {
		return
	}
	switch c.Type {
	case cluster.Added, cluster.Modified, cluster.Deleted:
		a.test(e)
	}
}

// test looks once, and keeps the evidence when the invariant does not hold.
func (a *alwaysCheck) test(e *Engine) {
	vars, missing := e.stateVars(a.check)
	at := e.now.Format(time.TimeOnly)
	switch {
	case missing:
		a.evidence = []string{e.say.text("broken-gone", "At", at, "Object", objectTitle(a.check.gvr, a.check.Name))}
	case !a.check.Expr.program.holds(e.act, vars):
		subject := ""
		if a.check.Resource != "" {
			subject = objectTitle(a.check.gvr, a.check.Name)
		}
		a.evidence = []string{e.say.text("broken", "At", at)}
		a.evidence = append(a.evidence, e.explainer.explain(a.check.Expr.program, vars, subject).lines...)
	}
}

func (a *alwaysCheck) judge(e *Engine) Verdict {
	if !a.running && !a.done && a.evidence == nil {
		a.begin(e)
	}
	switch {
	case a.evidence != nil:
		return Violated
	case a.done:
		return Met
	case !a.running:
		return Unmet
	case a.ended(e):
		a.done = true
		return Met
	}
	return Converging
}

func (a *alwaysCheck) begin(e *Engine) {
	if from := e.judged(a.check.From); from != nil {
		if from.verdict == Met {
			a.running = true
			a.test(e)
		}
		return
	}
	vars, missing := e.stateVars(a.check)
	a.running = !missing && a.check.Expr.program.holds(e.act, vars)
}

func (a *alwaysCheck) ended(e *Engine) bool {
	if until := e.judged(a.check.Until); until != nil {
		return until.verdict == Met
	}
	return e.othersMet()
}

// othersMet says that only the checks that guard something are still open.
func (e *Engine) othersMet() bool {
	for _, j := range e.checks {
		if j.check.Kind != KindAlways && j.check.Kind != KindUntouched && j.verdict != Met {
			return false
		}
	}
	return true
}

func (a *alwaysCheck) why(e *Engine) []string {
	switch {
	case a.evidence != nil:
		return append(slices.Clone(a.evidence), e.say.text("retry"))
	case a.running:
		return []string{e.say.text("holds-so-far")}
	case a.check.From != "":
		return []string{e.say.text("begins-with", "Check", e.step.checkTitle(e.say.lang, a.check.From))}
	}
	return (&stateCheck{check: a.check}).why(e)
}

// gap: nobody can vouch for what was not seen.
func (a *alwaysCheck) gap(e *Engine) {
	if a.running && !a.done && a.evidence == nil {
		a.evidence = []string{e.say.text("gap-always")}
	}
}

func (a *alwaysCheck) retry(e *Engine) {
	if a.evidence == nil {
		return
	}
	a.evidence, a.running = nil, false
	// The end that it was waiting for has to come anew, and so has the
	// beginning.
	for _, id := range []string{a.check.From, a.check.Until} {
		if j := e.judged(id); j != nil {
			if r, ok := j.impl.(interface{ reset() }); ok {
				r.reset()
				j.metAt = time.Time{}
			}
		}
	}
	if a.check.Until == "" {
		for _, j := range e.checks {
			if r, ok := j.impl.(interface{ reset() }); ok && j.check.ID != a.check.From {
				r.reset()
				j.metAt = time.Time{}
			}
		}
	}
}

// steadyCheck waits until a state has held for a while.
type steadyCheck struct {
	check *Check
	since time.Time
	done  bool
}

func (s *steadyCheck) observe(e *Engine, in Input) {
	if c, ok := in.(Change); ok && (c.Type == cluster.Lost || c.Type == cluster.Recovered) {
		s.since = time.Time{} // unseen time does not count
	}
}

func (s *steadyCheck) judge(e *Engine) Verdict {
	if s.done {
		return Met
	}
	vars, missing := e.stateVars(s.check)
	if missing || e.lost != nil || !s.check.Expr.program.holds(e.act, vars) {
		s.since = time.Time{}
		return Unmet
	}
	if s.since.IsZero() {
		s.since = e.now
	}
	if e.now.Sub(s.since) >= s.check.For {
		s.done = true
		return Met
	}
	return Converging
}

func (s *steadyCheck) why(e *Engine) []string {
	if s.since.IsZero() {
		return (&stateCheck{check: s.check}).why(e)
	}
	return []string{e.say.text("steady", "Since", s.since.Format(time.TimeOnly), "For", e.say.duration(s.check.For))}
}

func (s *steadyCheck) deadline() time.Time {
	if s.since.IsZero() {
		return time.Time{}
	}
	return s.since.Add(s.check.For)
}

func (s *steadyCheck) gap(*Engine)   { s.since = time.Time{} }
func (s *steadyCheck) retry(*Engine) {}
func (s *steadyCheck) reset()        { s.since, s.done = time.Time{}, false }

// eventCheck counts occurrences of an Event since the step began.
type eventCheck struct {
	check *Check
	count int64
}

func (v *eventCheck) observe(e *Engine, in Input) {
	c, ok := in.(Change)
	if !ok || c.Resource != eventsResource() || c.New == nil || e.isOld(c) || c.Type == cluster.Synced {
		return
	}
	o := object(c.New.Object)
	want := v.check
	switch {
	case len(want.Reason) > 0 && !slices.Contains(want.Reason, o.str("reason")),
		want.Type != "" && want.Type != o.str("type"),
		want.Object != "" && want.Object != o.str("involvedObject", "kind"),
		want.Name != "" && want.Name != o.str("involvedObject", "name"),
		// Times of Events are whole seconds.
		cluster.EventTime(c.New).Before(e.started.Truncate(time.Second)),
		!want.Expr.IsZero() && !want.Expr.program.holds(e.act, map[string]any{"event": c.New.Object}):
		return
	}
	n := occurrences(c.New)
	switch {
	case c.Old != nil:
		n = max(n-occurrences(c.Old), 0)
	case c.New.GetCreationTimestamp().Time.Before(e.started.Truncate(time.Second)):
		n = 1
	}
	v.count += n
}

func occurrences(u *unstructured.Unstructured) int64 {
	o := object(u.Object)
	n, _ := o.number("count")
	series, _ := o.number("series", "count")
	return max(n, series, 1)
}

func (v *eventCheck) judge(*Engine) Verdict {
	if v.count >= int64(v.check.AtLeast) {
		return Met
	}
	return Unmet
}

func (v *eventCheck) why(e *Engine) []string {
	return []string{e.say.text("event-count", "Observed", v.count, "Wanted", v.check.AtLeast)}
}

func (v *eventCheck) gap(*Engine)   {}
func (v *eventCheck) retry(*Engine) {}
func (v *eventCheck) reset()        { v.count = 0 }

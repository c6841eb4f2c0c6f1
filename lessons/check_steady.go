package lessons

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

func steadyKind() *checkKind {
	return &checkKind{
		name:     "steady",
		fields:   func() checkFields { return &steadyFields{} },
		scope:    objectScope(),
		historic: true,
		doc: kindDoc{
			title: "a state that held for a while",
			text: "It follows the cluster until the step is met. The time starts over whenever `expr` stops holding, the connection is lost, or changes " +
				"may have been missed; and with every new spec of the object, or of a workload that the expression reads: what held before " +
				"that says nothing about it. A change of `replicas` alone is no new spec.",
			example: `
- id: stays-up
  kind: steady
  resource: deployments
  name: go-api
  expr: rolledOut(object)
  for: 15s
`,
			fields: append(objectDocs(),
				fieldDoc{"expr", "condition on the present state"},
				fieldDoc{"for", "how long it must hold without a break, such as `15s`"},
			),
			verdicts: []verdictDoc{
				{Met, "`expr` has held for that long"},
				{Converging, "`expr` holds, but not for long enough yet"},
				{Unmet, "the object does not exist, or `expr` does not hold"},
			},
		},
	}
}

type steadyFields struct {
	objectFields
	Expr Expr          `yaml:"expr,required"`
	For  time.Duration `yaml:"for,required"`
}

func (f *steadyFields) load(l *checkLoader) {
	f.loadObject(l)
	l.condition(&f.Expr)
	if l.check.has("for") && f.For <= 0 {
		l.problem("for", "for must be more than 0")
	}
}

func (f *steadyFields) checker(c *Check) checker { return &steadyCheck{steadyFields: f, check: c} }

// steadyCheck waits until a state has held for a while.
type steadyCheck struct {
	noMemory
	*steadyFields
	check *Check
	since time.Time
}

func (s *steadyCheck) observe(_ *Engine, in Input) {
	c, ok := in.(Change)
	if ok && (c.Type == watch.Lost || c.Type == watch.Recovered || s.check.watches[c.Resource] && s.concerns(c) && newSpec(c)) {
		s.since = time.Time{} // unseen time does not count, nor does that of another spec
	}
}

// concerns reports whether a change is one of the check's object; without one,
// of any workload.
func (s *steadyCheck) concerns(c Change) bool {
	u := c.Object()
	if u == nil {
		return false
	}
	if s.Resource != "" {
		return c.Resource == s.gvr && u.GetName() == s.Name
	}
	_, isWorkload, _ := unstructured.NestedMap(u.Object, "spec", "template")
	return isWorkload
}

// newSpec reports whether a change made another object, or another spec of the
// same one, replicas apart.
func newSpec(c Change) bool {
	if c.Old == nil || c.New == nil || c.Old.GetUID() != c.New.GetUID() {
		return true
	}
	if g := c.New.GetGeneration(); g > 0 && g == c.Old.GetGeneration() {
		return false
	}
	return !keepsSpec(c.New.Object, c.Old.Object)
}

func (s *steadyCheck) judge(e *Engine) Verdict {
	vars, missing := s.vars(e)
	if missing || e.lost != nil || !s.Expr.program.holds(e.act, vars) {
		s.since = time.Time{}
		return Unmet
	}
	if s.since.IsZero() {
		s.since = e.now
	}
	if e.now.Sub(s.since) >= s.For {
		return Met
	}
	return Converging
}

func (s *steadyCheck) why(e *Engine) []string {
	if s.since.IsZero() {
		return s.whyNot(e, s.Expr.program)
	}
	return []string{e.say.text("steady", "Since", s.since.Format(time.TimeOnly), "For", e.say.duration(s.For))}
}

func (s *steadyCheck) deadline() time.Time {
	if s.since.IsZero() {
		return time.Time{}
	}
	return s.since.Add(s.For)
}

func (s *steadyCheck) gap(*Engine) { s.since = time.Time{} }

func (s *steadyCheck) reset() bool {
	s.since = time.Time{}
	return true
}

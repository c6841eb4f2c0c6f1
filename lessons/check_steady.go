package lessons

import (
	"time"

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
			text:  "The time starts over whenever `expr` stops holding, the connection is lost, or changes may have been missed. Once met, it stays met.",
			example: `
- id: stays-up
  kind: steady
  expr: "list('pods', {'app': 'go-api'}).all(p, ready(p))"
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

func (f *steadyFields) checker(*Check) checker { return &steadyCheck{steadyFields: f} }

// steadyCheck waits until a state has held for a while.
type steadyCheck struct {
	noMemory
	*steadyFields
	since time.Time
	done  bool
}

func (s *steadyCheck) observe(_ *Engine, in Input) {
	if c, ok := in.(Change); ok && (c.Type == watch.Lost || c.Type == watch.Recovered) {
		s.since = time.Time{} // unseen time does not count
	}
}

func (s *steadyCheck) judge(e *Engine) Verdict {
	if s.done {
		return Met
	}
	vars, missing := s.vars(e)
	if missing || e.lost != nil || !s.Expr.program.holds(e.act, vars) {
		s.since = time.Time{}
		return Unmet
	}
	if s.since.IsZero() {
		s.since = e.now
	}
	if e.now.Sub(s.since) >= s.For {
		s.done = true
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
	s.since, s.done = time.Time{}, false
	return true
}

package lessons

import (
	"slices"
	"time"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

func alwaysKind() *checkKind {
	return &checkKind{
		name:     "always",
		fields:   func() checkFields { return &alwaysFields{} },
		scope:    objectScope(),
		rank:     guard,
		historic: true,
		doc: kindDoc{
			title: "an invariant that no change broke",
			text: "Begins with the check `from`; without it, as soon as `expr` holds for the first time. Ends with the check `until`; without it, " +
				"when all other checks are met. Deleting the object breaks the invariant too. A retry starts over: what `from` and `until` wait " +
				"for must happen again. A gap in the watch counts as broken, since nobody can vouch for what was not seen.",
			example: `
- id: same-ip
  kind: always
  resource: services
  name: go-api
  expr: object.spec.clusterIP == baseline.spec.clusterIP
  from: pod-deleted
  until: three-ready
`,
			fields: append(objectDocs(),
				fieldDoc{"expr", "the invariant"},
				fieldDoc{"from", "id of the check that begins it when it is met"},
				fieldDoc{"until", "id of the check that ends it when it is met"},
			),
			verdicts: []verdictDoc{
				{Met, "it held from the beginning to the end"},
				{Converging, "it has begun, and holds so far"},
				{Unmet, "it has not begun"},
				{Violated, "a change broke it; the learner sees the evidence and can retry"},
			},
		},
	}
}

type alwaysFields struct {
	objectFields
	Expr  Expr   `yaml:"expr,required"`
	From  string `yaml:"from"`
	Until string `yaml:"until"`
}

func (f *alwaysFields) load(l *checkLoader) {
	f.loadObject(l)
	l.condition(&f.Expr)
	l.waitFor("from", f.From)
	l.waitFor("until", f.Until)
}

func (f *alwaysFields) checker(c *Check) checker { return &alwaysCheck{alwaysFields: f, check: c} }

// alwaysCheck guards an invariant between two points.
type alwaysCheck struct {
	noMemory
	*alwaysFields
	check    *Check
	running  bool
	done     bool
	evidence []string // set when it was broken
}

func (a *alwaysCheck) observe(e *Engine, in Input) {
	c, ok := in.(Change)
	if !ok || !a.running || a.done || a.evidence != nil || !a.check.watches[c.Resource] {
		return
	}
	switch c.Type {
	case watch.Added, watch.Modified, watch.Deleted:
		a.test(e)
	}
}

// test looks once, and keeps the evidence when the invariant does not hold.
func (a *alwaysCheck) test(e *Engine) {
	vars, missing := a.vars(e)
	at := e.now.Format(time.TimeOnly)
	switch {
	case missing:
		a.evidence = []string{e.say.text("broken-gone", "At", at, "Object", a.title())}
	case !a.Expr.program.holds(e.act, vars):
		a.evidence = []string{e.say.text("broken", "At", at)}
		a.evidence = append(a.evidence, e.explainer.explain(a.Expr.program, vars, a.title()).lines...)
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
	if from := e.judged(a.From); from != nil {
		if from.verdict == Met {
			a.running = true
			a.test(e)
		}
		return
	}
	vars, missing := a.vars(e)
	a.running = !missing && a.Expr.program.holds(e.act, vars)
}

func (a *alwaysCheck) ended(e *Engine) bool {
	if until := e.judged(a.Until); until != nil {
		return until.verdict == Met
	}
	return e.onlyGuardsLeft()
}

func (a *alwaysCheck) why(e *Engine) []string {
	switch {
	case a.evidence != nil:
		return append(slices.Clone(a.evidence), e.say.text("retry"))
	case a.running:
		return []string{e.say.text("holds-so-far")}
	case a.From != "":
		return []string{e.say.text("begins-with", "Check", e.step.checkTitle(e.say.lang, a.From))}
	}
	return a.whyNot(e, a.Expr.program)
}

// gap breaks the invariant: nobody can vouch for what was not seen.
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
	// The end it was waiting for must come again, and so must the beginning.
	for _, j := range e.checks {
		if id := j.check.ID; id == a.From || id == a.Until || a.Until == "" {
			j.reset()
		}
	}
}

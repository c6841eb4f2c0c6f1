package lessons

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func sequenceKind() *checkKind {
	return &checkKind{
		name:     "sequence",
		fields:   func() checkFields { return &sequenceFields{} },
		scope:    changeScope(),
		historic: true,
		doc: kindDoc{
			title: "several changes, in this order",
			text: "Finds its moments among the changes since the step began, each later than the one before, and stays met. A moment may have a " +
				"title under `checks` in the Markdown, as `surge-first.new-ready`.",
			example: `
- id: surge-first
  kind: sequence
  moments:
    - {id: new-ready, resource: pods, expr: "new != null && ready(new) && new.spec.containers[0].image == 'go-api:0.0.2'"}
    - {id: old-gone,  resource: pods, expr: "new == null && old.spec.containers[0].image == 'go-api:0.0.1'"}
`,
			fields: []fieldDoc{
				{"moments", "two or more, each with `id`, `resource` and `expr` (a condition on one change), and optionally `name` (only changes of the object with this name)"},
			},
			verdicts: []verdictDoc{
				{Met, "every moment was seen, in order"},
				{Unmet, "a moment is missing; the reason names the next one"},
			},
		},
	}
}

type sequenceFields struct {
	Moments []*Moment `yaml:"moments,required"`
}

// Moment is one part of a sequence.
type Moment struct {
	located
	ID       string `yaml:"id"`
	Resource string `yaml:"resource"`
	Name     string `yaml:"name"`
	Expr     Expr   `yaml:"expr"`

	gvr schema.GroupVersionResource
}

func (f *sequenceFields) load(l *checkLoader) {
	if l.check.has("moments") && len(f.Moments) < 2 {
		l.problem("moments", "a sequence needs two moments or more; for one there is the kind happened")
	}
	seen := map[string]bool{}
	for _, m := range f.Moments {
		l.name(m.of("id"), "id of a moment", m.ID)
		if seen[m.ID] {
			l.problems.add(m.of("id"), "duplicate moment %q in this check", m.ID)
		}
		seen[m.ID] = true
		l.check.titles = append(l.check.titles, l.check.ID+"."+m.ID)
		m.gvr = l.resource(m.Resource, "", m.of("resource"))
		if m.Expr.IsZero() {
			l.problems.add(m.at, "moment %q needs expr", m.ID)
		}
		l.condition(&m.Expr)
	}
}

func (f *sequenceFields) checker(c *Check) checker {
	return &sequenceCheck{sequenceFields: f, check: c, matches: make([][]uint64, len(f.Moments))}
}

// sequenceCheck finds its moments in order. Each resource has a watch of its
// own, so changes of two resources may arrive out of order: the order is that
// of the resource versions, which the API server hands out from one counter.
type sequenceCheck struct {
	noMemory
	*sequenceFields
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
	for i, m := range s.Moments {
		if len(s.matches[i]) < maxMatches && matches(c, m.gvr, e.namespaceOf(m.gvr, ""), m.Name) && m.Expr.program.holds(e.act, changeVars(c)) {
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
	id := s.Moments[n].ID
	title := e.step.string(e.say.lang, func(t stepText) map[string]string { return t.Checks }, s.check.ID+"."+id)
	return []string{e.say.text("sequence", "Observed", n, "Wanted", len(s.matches), "Next", cmp.Or(title, id))}
}

func (s *sequenceCheck) reset() bool {
	s.matches = make([][]uint64, len(s.Moments))
	return true
}

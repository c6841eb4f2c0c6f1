package lessons

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A kind of check has a file of its own, check_NAME.go, which holds everything
// that is particular to it: the fields it has in lesson.yaml, the rules the
// loader enforces, how it judges and explains, and its section of the
// reference. To add a kind, write such a file and add a line to checkKinds.

// checkKinds lists the kinds of check in the order of the reference.
var checkKinds = sync.OnceValue(func() []*checkKind {
	return []*checkKind{
		stateKind(),
		happenedKind(),
		sequenceKind(),
		alwaysKind(),
		untouchedKind(),
		steadyKind(),
		eventKind(),
		requestKind(),
		trafficKind(),
		answerKind(),
	}
})

// checkKind describes a kind of check.
type checkKind struct {
	name string
	// fields returns an empty set of the kind's fields for the decoder to fill.
	fields func() checkFields
	// scope holds the variables of the kind's expressions.
	scope scope

	// rank limits which checks a check may wait for: only those of a lower rank.
	rank rank
	// historic kinds cannot be met by the present state alone, so a gap in the
	// watch may have hidden what they wait for.
	historic bool
	// audited kinds need the audit log.
	audited bool
	// question kinds are answered by the learner: the text asks a question.
	question bool
	// unreliable kinds must not be a step's only check.
	unreliable bool

	doc kindDoc
}

// rank orders the kinds by what their verdicts may depend on.
type rank int

const (
	independent rank = iota // judged by the cluster or the learner alone
	dependent               // may begin when another check is met
	guard                   // lasts until all other checks are met
)

// kindDoc is a kind's section of the reference. The texts are Markdown.
type kindDoc struct {
	title    string // completes the heading "name: title"
	text     string
	example  string // YAML: an entry of checks
	fields   []fieldDoc
	verdicts []verdictDoc
}

// fieldDoc describes a field or a variable.
type fieldDoc struct{ name, text string }

// verdictDoc says when a check has a verdict.
type verdictDoc struct {
	verdict Verdict
	text    string
}

// checkFields holds the fields that a check of one kind has besides id and
// kind. It is a pointer to a struct whose exported fields have yaml tags;
// the option "required" makes the loader insist on a field.
type checkFields interface {
	// load enforces the kind's rules, compiles its expressions and declares
	// what it watches.
	load(l *checkLoader)
	// checker returns a new checker, for one entry of a step.
	checker(c *Check) checker
}

// checker judges one check from the moment its step is entered. Embed
// noMemory for the methods that a kind has no use for.
type checker interface {
	// observe takes in an input; the store has already applied it.
	observe(e *Engine, in Input)
	// judge returns the verdict at e.now.
	judge(e *Engine) Verdict
	// why explains a verdict other than met.
	why(e *Engine) []string
	// options returns the choices of a question in the learner's language; nil
	// when the answer is typed.
	options(e *Engine) []string
	// retry forgets what keeps the check from being met.
	retry(e *Engine)
	// reset forgets what has been counted, so that it must happen again. It
	// reports whether there is such a count.
	reset() bool
	// gap is called when changes of a watched resource may have been missed.
	gap(e *Engine)
	// deadline is when the verdict changes by the passing of time alone; zero
	// when it does not.
	deadline() time.Time
	// pending reports whether the step's own traffic can still change the
	// verdict.
	pending() bool
	// tally returns what has been counted, for trafficOf; nil when the kind
	// counts no traffic.
	tally() map[string]any
}

// noMemory implements the methods of a checker that only looks at the present.
type noMemory struct{}

func (noMemory) observe(*Engine, Input)   {}
func (noMemory) options(*Engine) []string { return nil }
func (noMemory) retry(*Engine)            {}
func (noMemory) reset() bool              { return false }
func (noMemory) gap(*Engine)              {}
func (noMemory) deadline() time.Time      { return time.Time{} }
func (noMemory) pending() bool            { return false }
func (noMemory) tally() map[string]any    { return nil }

// kindNamed finds a kind of check by its name, nil when there is none.
func kindNamed(name string) *checkKind {
	for _, k := range checkKinds() {
		if k.name == name {
			return k
		}
	}
	return nil
}

// kindNames lists the kinds of check for a message: "a, b or c".
func kindNames() string {
	var names []string
	for _, k := range checkKinds() {
		names = append(names, k.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// checkLoader loads one check. What it declares is watched for the lesson, and
// each change of it makes the check be judged again.
type checkLoader struct {
	*loader
	step  *Step
	check *Check
}

// problem reports that a field, or a missing one, is wrong.
func (l *checkLoader) problem(field, format string, args ...any) {
	l.problems.add(l.check.of(field), format, args...)
}

// watch declares a resource that the verdict depends on. namespace is
// ownNamespace, another one by name, or "" for cluster-scoped resources.
func (l *checkLoader) watch(gvr schema.GroupVersionResource, namespace string, at Pos) {
	l.check.watches[gvr] = true
	l.addWatch(watchDep{gvr, namespace}, at)
}

// resource parses a resource and declares it; the zero value when it is wrong.
func (l *checkLoader) resource(name, namespace string, at Pos) schema.GroupVersionResource {
	gvr, err := ParseResource(name)
	if err != nil {
		l.problems.add(at, "%v", err)
		return gvr
	}
	switch {
	case clusterScoped(gvr):
		namespace = ""
	case namespace == "":
		namespace = ownNamespace
	}
	l.watch(gvr, namespace, at)
	return gvr
}

// condition compiles an expression that is true or false.
func (l *checkLoader) condition(e *Expr) { l.compile(e, true) }

// value compiles an expression of any type.
func (l *checkLoader) value(e *Expr) { l.compile(e, false) }

func (l *checkLoader) compile(e *Expr, wantBool bool) {
	l.expr(e, l.check.kind.scope, wantBool)
	if e.IsZero() {
		return
	}
	l.check.exprs = append(l.check.exprs, e)
	if e.program != nil {
		for _, dep := range e.program.watches {
			l.check.watches[dep.gvr] = true
		}
	}
}

// atLeast enforces the rule of the field of that name; its default is 1.
func (l *checkLoader) atLeast(n *int) {
	if *n < 0 || l.check.has("atLeast") && *n == 0 {
		l.problem("atLeast", "atLeast must be 1 or more")
	}
	*n = max(*n, 1)
}

// waitFor ensures that a field such as from or until names a check whose own
// verdict does not depend on this one.
func (l *checkLoader) waitFor(field, id string) {
	if id == "" {
		return
	}
	l.check.waits = true
	other := l.step.Check(id)
	switch {
	case other == nil:
		l.problem(field, "%s: there is no check %q in this step", field, id)
	case other.kind != nil && (other.kind.rank >= l.check.kind.rank || other.guards()):
		l.problem(field, "%s: check %q of kind %s can't be the one that it waits for", field, id, other.Kind)
	}
}

// check loads a check of a step.
func (v *loader) check(s *Step, c *Check) {
	if c.kind == nil {
		v.problems.add(c.of("kind"), "unknown kind of check %q: expected %s", c.Kind, kindNames())
		return
	}
	for _, f := range taggedFields(reflect.ValueOf(c.fields).Elem()) {
		if f.required && !c.has(f.name) {
			v.problems.add(c.at, "check %q of kind %s needs %q", c.ID, c.Kind, f.name)
		}
	}
	c.watches = map[schema.GroupVersionResource]bool{}
	c.fields.load(&checkLoader{loader: v, step: s, check: c})
}

// check decodes a check: which fields it has depends on its kind. An unknown
// kind is left for the loader to report.
func (d *decoder) check(n *yaml.Node, c *Check) {
	fields := taggedFields(reflect.ValueOf(c).Elem())
	c.kind = kindNamed(scalarIn(n, "kind"))
	if c.kind == nil {
		d.fields(n, fields, c, func(string, []string) string { return "" })
		return
	}
	c.fields = c.kind.fields()
	fields = append(fields, taggedFields(reflect.ValueOf(c.fields).Elem())...)
	d.fields(n, fields, c, func(name string, known []string) string {
		return fmt.Sprintf("a check of kind %s has no field %q%s", c.kind.name, name, meant(name, known))
	})
}

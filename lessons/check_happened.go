package lessons

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func happenedKind() *checkKind {
	return &checkKind{
		name:     "happened",
		fields:   func() checkFields { return &happenedFields{} },
		scope:    changeScope(),
		historic: true,
		doc: kindDoc{
			title: "a change was seen since the step began",
			text: "Counts the objects with a change that fits, and stays met. A Pod that is deleted is first *modified* (`metadata.deletionTimestamp` " +
				"is set) and gone later. `before('pods', old.metadata.name) != null` says that it existed when the step began.",
			example: `
- id: pod-deleted
  kind: happened
  resource: pods
  expr: new == null && old.metadata.labels.app == 'go-api'
  atLeast: 1
`,
			fields: []fieldDoc{
				{"resource", "the resource whose changes are looked at"},
				{"name", "only changes of the object with this name"},
				{"namespace", "namespace of the objects; default: the lesson's. Declare another one in `touches`"},
				{"expr", "condition on one change"},
				{"atLeast", "how many different objects must have had such a change; default 1"},
			},
			verdicts: []verdictDoc{
				{Met, "`atLeast` objects had a change that fits"},
				{Unmet, "fewer had one"},
			},
		},
	}
}

type happenedFields struct {
	Resource  string `yaml:"resource,required"`
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace"`
	Expr      Expr   `yaml:"expr,required"`
	AtLeast   int    `yaml:"atLeast"`

	gvr schema.GroupVersionResource
}

func (f *happenedFields) load(l *checkLoader) {
	l.atLeast(&f.AtLeast)
	if f.Resource != "" {
		f.gvr = l.resource(f.Resource, f.Namespace, l.check.of("resource"))
	}
	l.condition(&f.Expr)
}

func (f *happenedFields) checker(*Check) checker {
	return &happenedCheck{happenedFields: f, seen: map[string]bool{}}
}

// happenedCheck counts the objects with a change that fits.
type happenedCheck struct {
	noMemory
	*happenedFields
	seen map[string]bool // by UID
}

func (h *happenedCheck) observe(e *Engine, in Input) {
	c, ok := in.(Change)
	if !ok || !e.counts(c) || !matches(c, h.gvr, e.namespaceOf(h.gvr, h.Namespace), h.Name) {
		return
	}
	if h.Expr.program.holds(e.act, changeVars(c)) {
		h.seen[string(c.Object().GetUID())] = true
	}
}

func (h *happenedCheck) judge(*Engine) Verdict {
	if len(h.seen) >= h.AtLeast {
		return Met
	}
	return Unmet
}

func (h *happenedCheck) why(e *Engine) []string {
	if h.AtLeast == 1 {
		return []string{e.say.text("not-happened")}
	}
	return []string{e.say.text("happened-count", "Observed", len(h.seen), "Wanted", h.AtLeast)}
}

func (h *happenedCheck) reset() bool { clear(h.seen); return true }

// changeScope is the scope of expressions about one change.
func changeScope() scope {
	return scope{variables: []variable{
		{name: "old", doc: "the object before the change; null when it is new"},
		{name: "new", doc: "the object after the change; null when it is gone"},
	}}
}

func changeVars(c Change) map[string]any {
	vars := map[string]any{"old": nil, "new": nil}
	if c.Old != nil {
		vars["old"] = c.Old.Object
	}
	if c.New != nil {
		vars["new"] = c.New.Object
	}
	return vars
}

// namespaceOf is where objects of a resource are looked for; namespace "" is the
// lesson's own.
func (e *Engine) namespaceOf(gvr schema.GroupVersionResource, namespace string) string {
	switch {
	case clusterScoped(gvr):
		return ""
	case namespace != "":
		return namespace
	}
	return e.namespace
}

// matches reports whether a change is one of the named object; name "" is any.
func matches(c Change, gvr schema.GroupVersionResource, namespace, name string) bool {
	u := c.Object()
	return c.Resource == gvr && (u.GetNamespace() == namespace || u.GetNamespace() == "") && (name == "" || u.GetName() == name)
}

package lessons

import (
	"cmp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// objectFields name the object that a check is about. Several kinds embed them;
// their expressions see the object in the variables of objectScope.
type objectFields struct {
	Resource  string `yaml:"resource"`
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace"`

	gvr schema.GroupVersionResource
}

func objectDocs() []fieldDoc {
	return []fieldDoc{
		{"resource", "with `name`: the object that the check is about, which the expressions see as `object` and `baseline`. While it does not exist, the check is not met and says so. Leave both out to write about several objects, or about absence"},
		{"name", "name of the object; required with `resource`"},
		{"namespace", "namespace of the object; default: the lesson's. Declare another one in `touches`"},
	}
}

// objectScope is the scope of expressions about the present.
func objectScope() scope {
	return scope{variables: []variable{
		{name: "object", doc: "the object given by `resource` and `name`, as it is now; null when they are left out"},
		{name: "baseline", doc: "the same object when the step began; null when it did not exist"},
	}}
}

func (f *objectFields) loadObject(l *checkLoader) {
	if (f.Resource == "") != (f.Name == "") {
		l.problems.add(l.check.at, "check %q needs resource and name together", l.check.ID)
	}
	if f.Resource != "" {
		f.gvr = l.resource(f.Resource, f.Namespace, l.check.of("resource"))
	}
}

// title is the object's name for a learner, "" when the check names none.
func (f *objectFields) title() string {
	if f.Resource == "" {
		return ""
	}
	return objectTitle(f.gvr, f.Name)
}

// in returns the object as it is in a store, nil when it does not exist.
func (f *objectFields) in(e *Engine, s *store) *unstructured.Unstructured {
	return s.get(f.gvr, cmp.Or(f.Namespace, e.namespace), f.Name)
}

// vars are the variables of objectScope; missing reports that the object does
// not exist.
func (f *objectFields) vars(e *Engine) (vars map[string]any, missing bool) {
	vars = map[string]any{"object": nil, "baseline": nil}
	if f.Resource == "" {
		return vars, false
	}
	if u := f.in(e, e.act.base); u != nil {
		vars["baseline"] = u.Object
	}
	u := f.in(e, e.store)
	if u == nil {
		return vars, true
	}
	vars["object"] = u.Object
	return vars, false
}

// whyNot explains why a condition about the object does not hold.
func (f *objectFields) whyNot(e *Engine, p *program) []string {
	vars, missing := f.vars(e)
	if missing {
		return []string{e.say.text("no-object", "Object", f.title())}
	}
	return e.explainer.explain(p, vars, f.title()).withContext(e)
}

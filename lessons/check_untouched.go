package lessons

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func untouchedKind() *checkKind {
	return &checkKind{
		name:   "untouched",
		fields: func() checkFields { return &untouchedFields{} },
		rank:   guard,
		doc: kindDoc{
			title: "nothing else was changed",
			text: "What was in the namespace when the step began must still be there, with the same labels and everything but status and " +
				"annotations as it was. What `mayChange` names may change, together with all that it owns; new objects are allowed. It looks at " +
				"the present: a change that is undone is forgiven.",
			example: `
- id: blast-radius
  kind: untouched
  resources: [deployments, services]
  mayChange: [deployments/web, pods/*]
`,
			fields: []fieldDoc{
				{"resources", "the resources that are guarded; default: `" + strings.Join(strings.Fields(guardedByDefault), "`, `") + "`"},
				{"mayChange", "objects that may change, besides those of the drawn case: `resource/name`, or `resource/*`"},
			},
			verdicts: []verdictDoc{
				{Met, "nothing is different, and all other checks are met"},
				{Converging, "nothing is different so far"},
				{Unmet, "something is different; putting it back is enough"},
				{Violated, "something was deleted, which cannot be undone; a retry forgives it"},
			},
		},
	}
}

// guardedByDefault is what learners and their controllers change.
const guardedByDefault = "pods services deployments replicasets statefulsets daemonsets jobs configmaps secrets horizontalpodautoscalers"

type untouchedFields struct {
	Resources []string `yaml:"resources"`
	MayChange []string `yaml:"mayChange"`

	guarded []schema.GroupVersionResource
}

func (f *untouchedFields) load(l *checkLoader) {
	names := f.Resources
	if len(names) == 0 {
		names = strings.Fields(guardedByDefault)
	}
	for _, name := range names {
		if gvr := l.resource(name, "", l.check.at); !gvr.Empty() {
			f.guarded = append(f.guarded, gvr)
		}
	}
	l.namedObjects(f.MayChange, l.check.of("mayChange"))
}

func (f *untouchedFields) checker(*Check) checker {
	return &untouchedCheck{untouchedFields: f, forgiven: map[string]bool{}}
}

// untouchedCheck guards what was in the namespace when the step began. It looks
// at the present: what is put back is forgiven, what was deleted is not.
type untouchedCheck struct {
	noMemory
	*untouchedFields
	forgiven map[string]bool // UIDs that are gone, after a retry
}

// touched is one thing that is not as it was.
type touched struct {
	object  *unstructured.Unstructured
	gvr     schema.GroupVersionResource
	deleted bool
	field   string // what differs, when it is not deleted
	was, is any
}

// find looks for the first thing that is not as it was; things that are gone
// first, since they can't be put back.
func (u *untouchedCheck) find(e *Engine) *touched {
	var changed *touched
	for _, gvr := range u.guarded {
		for _, was := range e.act.base.list(gvr, e.namespace) {
			if u.forgiven[string(was.GetUID())] || u.allowed(e, gvr, was) {
				continue
			}
			is := e.store.get(gvr, was.GetNamespace(), was.GetName())
			switch {
			case object(was.Object).terminating(): // it was on its way out already
			case is == nil || is.GetUID() != was.GetUID() || object(is.Object).terminating():
				return &touched{object: was, gvr: gvr, deleted: true}
			case changed == nil:
				if field, a, b := difference(was.Object, is.Object); field != "" {
					changed = &touched{object: was, gvr: gvr, field: field, was: a, is: b}
				}
			}
		}
	}
	return changed
}

// allowed reports whether an object, or one that owns it, may be changed.
func (u *untouchedCheck) allowed(e *Engine, gvr schema.GroupVersionResource, o *unstructured.Unstructured) bool {
	lists := u.MayChange
	if e.step.drawn != nil {
		lists = slices.Concat(lists, e.step.drawn.MayChange)
	}
	if mayChange(lists, gvr, o.GetName()) {
		return true
	}
	for range 10 { // no chain of owners is longer
		refs := object(o.Object).maps("metadata", "ownerReferences")
		if len(refs) == 0 {
			return false
		}
		owner := object(refs[0])
		gvr, o = e.act.base.byUID(owner.str("uid"))
		if o == nil {
			gvr, err := ParseResource(strings.ToLower(owner.str("kind")) + "s")
			return err == nil && mayChange(lists, gvr, owner.str("name"))
		}
		if mayChange(lists, gvr, o.GetName()) {
			return true
		}
	}
	return false
}

func (s *store) byUID(uid string) (schema.GroupVersionResource, *unstructured.Unstructured) {
	for gvr, objects := range s.objects {
		for _, u := range objects {
			if string(u.GetUID()) == uid {
				return gvr, u
			}
		}
	}
	return schema.GroupVersionResource{}, nil
}

// difference is the first field that differs, of those that people set: labels
// and everything outside metadata and status.
func difference(was, is map[string]any) (field string, a, b any) {
	if field, a, b := firstDifference("metadata.labels", labelsOf(was), labelsOf(is)); field != "" {
		return field, a, b
	}
	for _, name := range unionKeys(was, is) {
		switch name {
		case "metadata", "status", "apiVersion", "kind":
			continue
		}
		if field, a, b := firstDifference(name, was[name], is[name]); field != "" {
			return field, a, b
		}
	}
	return "", nil, nil
}

func labelsOf(o map[string]any) any {
	metadata, _ := o["metadata"].(map[string]any)
	if l, ok := metadata["labels"].(map[string]any); ok {
		return l
	}
	return map[string]any{}
}

func unionKeys(a, b map[string]any) []string {
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return sortedKeys(keys)
}

// firstDifference walks down two values to the first that differs.
func firstDifference(path string, a, b any) (field string, was, is any) {
	if reflect.DeepEqual(a, b) {
		return "", nil, nil
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			for _, k := range unionKeys(x, y) {
				if field, was, is := firstDifference(path+"."+k, x[k], y[k]); field != "" {
					return field, was, is
				}
			}
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				if field, was, is := firstDifference(path+"["+plain(i)+"]", x[i], y[i]); field != "" {
					return field, was, is
				}
			}
		}
	}
	return path, a, b
}

func (u *untouchedCheck) judge(e *Engine) Verdict {
	found := u.find(e)
	switch {
	case found == nil && e.onlyGuardsLeft():
		return Met
	case found == nil:
		return Converging
	case found.deleted:
		return Violated
	}
	return Unmet
}

func (u *untouchedCheck) why(e *Engine) []string {
	found := u.find(e)
	if found == nil {
		return []string{e.say.text("holds-so-far")}
	}
	title := objectTitle(found.gvr, found.object.GetName())
	if found.deleted {
		return []string{e.say.text("broken-gone", "At", e.goneAt(found.gvr, found.object).Format(time.TimeOnly), "Object", title), e.say.text("retry")}
	}
	return []string{e.say.text("touched", "What", title+": "+found.field, "Was", shown(found.was), "Is", shown(found.is))}
}

func shown(v any) string {
	if v == nil {
		return "–"
	}
	return show(v)
}

// goneAt is when an object was first seen on its way out.
func (e *Engine) goneAt(gvr schema.GroupVersionResource, o *unstructured.Unstructured) time.Time {
	for _, c := range e.history[gvr] {
		if c.Object() == nil || c.Object().GetUID() != o.GetUID() {
			continue
		}
		if c.New == nil || object(c.New.Object).terminating() {
			return c.At
		}
	}
	return e.now
}

// retry forgives what is gone; what is changed has to be put back.
func (u *untouchedCheck) retry(e *Engine) {
	for found := u.find(e); found != nil && found.deleted; found = u.find(e) {
		u.forgiven[string(found.object.GetUID())] = true
	}
}

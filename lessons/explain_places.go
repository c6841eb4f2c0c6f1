package lessons

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// locate finds which object and which field an expression reads; an
// expression that is no path is its own description.
func (w *walk) locate(text string) place {
	p := w.compiled(text)
	if p == nil {
		return place{path: oneLine(text)}
	}
	n := node{w, p.ast.NativeRep().SourceInfo(), p.ast.NativeRep().Expr()}
	at, ok := w.locateNode(n)
	if !ok {
		return place{path: oneLine(text)}
	}
	return at
}

func (w *walk) locateNode(n node) (place, bool) {
	switch n.expr.Kind() {
	case ast.IdentKind:
		name := n.expr.AsIdent()
		if at, ok := w.places[name]; ok && (at.subject != "" || at.path != "") {
			return at, true
		}
		return place{path: name}, true
	case ast.SelectKind:
		at, ok := w.locateNode(node{w, n.info, n.expr.AsSelect().Operand()})
		at.path = join(at.path, n.expr.AsSelect().FieldName())
		return at, ok
	case ast.CallKind:
		return w.locateCall(n)
	}
	return place{}, false
}

func (w *walk) locateCall(n node) (place, bool) {
	call := n.expr.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.Index, operators.OptSelect, operators.OptIndex:
		at, ok := w.locateNode(node{w, n.info, args[0]})
		key := n.child(args[1])
		if name, isText := literal(args[1]); isText {
			at.path = join(at.path, name)
		} else {
			at.path += "[" + key + "]"
		}
		return at, ok
	case "get":
		name := n.child(args[len(args)-1])
		return place{subject: w.objectOf(n.child(args[0]), name)}, true
	case "orValue", "value":
		if call.IsMemberFunction() {
			return w.locateNode(node{w, n.info, call.Target()})
		}
	case "condition":
		at, ok := w.locateNode(node{w, n.info, args[0]})
		name, _ := literal(args[1])
		at.path = join(at.path, "status.conditions["+name+"]")
		return at, ok
	}
	if f := w.engine.act.table[call.FunctionName()]; f.describe != nil {
		return place{path: f.describe(w, n)}, true
	}
	return place{}, false
}

// objectOf titles an object by the texts of a resource and a name.
func (w *walk) objectOf(resource, name string) string {
	r, n := strings.Trim(resource, `"'`), strings.Trim(name, `"'`)
	if v, ok := w.value(name); ok {
		n = plain(native(v))
	}
	if gvr, err := ParseResource(r); err == nil {
		r = singular(gvr)
	}
	return r + "/" + n
}

// missingObject names the object at the root of a path when it does not exist.
func (w *walk) missingObject(text string) string {
	p := w.compiled(text)
	if p == nil {
		return ""
	}
	n := node{w, p.ast.NativeRep().SourceInfo(), p.ast.NativeRep().Expr()}
	for {
		switch {
		case n.expr.Kind() == ast.SelectKind:
			n.expr = n.expr.AsSelect().Operand()
			continue
		case n.expr.Kind() == ast.CallKind:
			call := n.expr.AsCall()
			switch call.FunctionName() {
			case operators.Index, operators.OptSelect, operators.OptIndex, "condition", "images", "owned":
				n.expr = call.Args()[0]
				continue
			case "get":
				if v, ok := w.value(n.text()); ok && v == types.NullValue {
					at := w.locate(n.text())
					w.note(at.subject)
					return at.subject
				}
			}
		}
		return ""
	}
}

// sizeOf recognises size(x) and x.size().
func (w *walk) sizeOf(text string) (string, bool) {
	p := w.compiled(text)
	if p == nil || p.ast.NativeRep().Expr().Kind() != ast.CallKind {
		return "", false
	}
	n := node{w, p.ast.NativeRep().SourceInfo(), p.ast.NativeRep().Expr()}
	call := n.expr.AsCall()
	switch {
	case call.FunctionName() != "size":
		return "", false
	case call.IsMemberFunction():
		return n.child(call.Target()), true
	}
	return n.child(call.Args()[0]), true
}

// describeList names the items of a list in words.
func (w *walk) describeList(text string) string {
	p := w.compiled(text)
	if p == nil {
		return oneLine(text)
	}
	n := node{w, p.ast.NativeRep().SourceInfo(), p.ast.NativeRep().Expr()}
	if n.expr.Kind() == ast.ComprehensionKind {
		if macro, ok := n.info.GetMacroCall(n.expr.ID()); ok {
			call := macro.AsCall()
			if call.FunctionName() == "filter" && len(call.Args()) == 2 {
				return w.engine.say.text("with", "Resource", w.describeList(n.child(call.Target())), "Selector", oneLine(n.child(call.Args()[1])))
			}
		}
		return oneLine(text)
	}
	if n.expr.Kind() != ast.CallKind {
		return w.locate(text).title()
	}
	if f := w.engine.act.table[n.expr.AsCall().FunctionName()]; f.describe != nil {
		return f.describe(w, n)
	}
	return oneLine(text)
}

// contextResources are those that withContext reads.
func contextResources() []string {
	return []string{"events", "pods", "services", "deployments", "replicasets", "statefulsets", "daemonsets"}
}

// withContext adds what the cluster itself says about the objects: the Pods
// that are not ready, and the last Event.
func (x explanation) withContext(e *Engine) []string {
	lines := x.lines
	for _, title := range x.about {
		kind, name, _ := strings.Cut(title, "/")
		pods := e.unreadyPods(kind, name)
		for i, pod := range pods {
			if i == 3 {
				break
			}
			o := object(pod.Object)
			state, message := o.podStatus()
			lines = append(lines, e.say.text("pod-state", "What", "pod/"+o.name(), "State", state, "Message", message))
		}
		if event := e.lastEvent(kind, name); event != nil {
			o := object(event.Object)
			lines = append(lines, e.say.text("last-event", "What", title, "Reason", o.str("reason"), "Message", oneLine(o.str("message"))))
		} else if len(pods) > 0 {
			if event := e.lastEvent("pod", pods[0].GetName()); event != nil {
				o := object(event.Object)
				lines = append(lines, e.say.text("last-event", "What", "pod/"+pods[0].GetName(), "Reason", o.str("reason"), "Message", oneLine(o.str("message"))))
			}
		}
		if len(lines) > len(x.lines) {
			break // one object is enough
		}
	}
	return lines
}

// unreadyPods are the Pods behind a workload or Service that are not ready.
func (e *Engine) unreadyPods(kind, name string) []*unstructured.Unstructured {
	resources := wellKnown()
	var pods []*unstructured.Unstructured
	switch kind {
	case "deployment", "replicaset", "statefulset", "daemonset":
		if owner := e.store.get(resources[kind+"s"], e.namespace, name); owner != nil {
			pods = e.act.ownedBy(string(owner.GetUID()), resources["pods"])
		}
	case "service":
		service := e.store.get(resources["services"], e.namespace, name)
		if service == nil {
			return nil
		}
		selector, found, _ := unstructured.NestedMap(service.Object, "spec", "selector")
		if !found || len(selector) == 0 {
			return nil
		}
		parsed, err := parseSelector(selector)
		if err != nil {
			return nil
		}
		for _, pod := range e.store.list(resources["pods"], e.namespace) {
			if parsed.Matches(object(pod.Object).labels()) {
				pods = append(pods, pod)
			}
		}
	}
	var out []*unstructured.Unstructured
	for _, pod := range pods {
		if !object(pod.Object).ready() {
			out = append(out, pod)
		}
	}
	return out
}

// lastEvent is the newest Event about an object.
func (e *Engine) lastEvent(kind, name string) *unstructured.Unstructured {
	var last *unstructured.Unstructured
	for _, u := range e.store.objects[eventsResource()] {
		o := object(u.Object)
		if !strings.EqualFold(o.str("involvedObject", "kind"), kind) || o.str("involvedObject", "name") != name {
			continue
		}
		if last == nil || watch.EventTime(u).After(watch.EventTime(last)) {
			last = u
		}
	}
	return last
}

package lessons

import (
	"cmp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// serviceFunctions say where a Service's requests go.
func serviceFunctions() functionGroup {
	return functionGroup{
		title: "Where a Service leads",
		functions: []function{{
			name:   "leadsTo",
			calls:  oneCall(anyParam("service"), anyParam("port"), anyParam("workload"), anyParam("target")),
			result: cel.BoolType, reads: []string{"endpointslices", "pods", "replicasets"},
			doc: "whether the TCP port `port` of a Service reaches every ready Pod of a workload (or this one Pod) on its port `target`, and those are as " +
				"many as it wants, at least one. The Service's selector must match the template, so that later Pods are found as well; " +
				"a named target port is looked up in each Pod. Only EndpointSlices that Kubernetes keeps for this Service count, " +
				"and only once they agree with its present spec. Pods of others may be behind it, too",
			example: "leadsTo(object, 80, get('deployments', 'go-api'), 8080)",
			read: func(a *activation, args []ref.Val) ref.Val {
				l, ok := a.leading(args)
				return types.Bool(ok && l.problem == nil)
			},
			why: whyNotLeading,
		}},
	}
}

// leading is what was found out about a Service and a workload.
type leading struct {
	problem []any // id of a message and its values; nil: it leads there
}

// leading follows a Service to a workload; false when one of them is none.
func (a *activation) leading(args []ref.Val) (leading, bool) {
	service, ok1 := native(args[0]).(map[string]any)
	workload, ok2 := native(args[2]).(map[string]any)
	port, ok3 := args[1].(types.Int)
	target, ok4 := args[3].(types.Int)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return leading{}, false
	}
	return leading{a.whyNotLeadsTo(object(service), int64(port), object(workload), int64(target))}, true
}

func (a *activation) whyNotLeadsTo(service object, port int64, workload object, target int64) []any {
	spec, isPort := service.tcpPort(port)
	given, wanted, title := workload.labelsOfPods(), workload.wanted(), strings.ToLower(workload.kind())+"/"+workload.name()
	if workload.kind() == "Pod" {
		wanted = 1
	}
	raw, _, _ := unstructured.NestedMap(service, "spec", "selector")
	selector, err := parseSelector(raw)
	switch {
	case !isPort:
		return []any{"leads-no-port", "Service", service.name(), "Wanted", port, "Observed", show(service.portNumbers())}
	case len(raw) == 0:
		return []any{"leads-no-selector", "Service", service.name()}
	case err != nil || !selector.Matches(given):
		return []any{"leads-not-selected", "Service", service.name(), "Selector", show(raw), "What", title, "Labels", given.String()}
	case wanted == 0:
		return []any{"wants-none", "What", title}
	}
	reached, all := int64(0), true
	for _, pod := range a.readyPodsOf(workload) {
		at, known := targetPort(spec, pod)
		if known && at != target {
			return []any{"leads-wrong-port", "Service", service.name(), "Port", port, "Observed", at, "Wanted", target}
		}
		if known && a.inSlices(service, spec.str("name"), at, pod) {
			reached++
		} else {
			all = false
		}
	}
	if !all || reached < wanted {
		return []any{"leads-not-yet", "Service", service.name(), "Observed", reached, "Wanted", wanted, "What", title}
	}
	return nil
}

// labelsOfPods are the labels that a workload gives to its Pods.
func (o object) labelsOfPods() labels.Set {
	if o.kind() == "Pod" {
		return o.labels()
	}
	template, _, _ := unstructured.NestedMap(o, "spec", "template")
	return object(template).labels()
}

// tcpPort is the entry of a Service for one of its TCP ports.
func (o object) tcpPort(number int64) (object, bool) {
	for _, p := range o.maps("spec", "ports") {
		if n, _ := object(p).number("port"); n == number && cmp.Or(object(p).str("protocol"), "TCP") == "TCP" {
			return p, true
		}
	}
	return nil, false
}

func (o object) portNumbers() []any {
	out := []any{}
	for _, p := range o.maps("spec", "ports") {
		n, _ := object(p).number("port")
		out = append(out, n)
	}
	return out
}

// targetPort is where a Service's port leads in a Pod; false when it is named
// and the Pod has no such port.
func targetPort(port, pod object) (int64, bool) {
	if n, ok := port.number("targetPort"); ok && n > 0 {
		return n, true
	}
	name := port.str("targetPort")
	if name == "" {
		return port.number("port")
	}
	for _, c := range pod.maps("spec", "containers") {
		for _, p := range object(c).maps("ports") {
			if object(p).str("name") == name && cmp.Or(object(p).str("protocol"), "TCP") == "TCP" {
				return object(p).number("containerPort")
			}
		}
	}
	return 0, false
}

// readyPodsOf are the ready Pods of a workload, or the one Pod itself.
func (a *activation) readyPodsOf(workload object) []object {
	var out []object
	for _, u := range a.now.list(wellKnown()["pods"], a.namespace) {
		pod := object(u.Object)
		if pod.ready() && (pod.uid() == workload.uid() || a.ownedThrough(pod.uid(), u.Object, workload.uid())) {
			out = append(out, pod)
		}
	}
	return out
}

// inSlices reports whether the slices that Kubernetes keeps for this Service
// hold a Pod as ready at a port.
func (a *activation) inSlices(service object, portName string, port int64, pod object) bool {
	for _, u := range a.now.list(wellKnown()["endpointslices"], a.namespace) {
		slice := object(u.Object)
		if !ownedByAny(u, map[string]bool{service.uid(): true}) {
			continue
		}
		hasPort := slices.ContainsFunc(slice.maps("ports"), func(p map[string]any) bool {
			n, _ := object(p).number("port")
			return n == port && object(p).str("name") == portName && cmp.Or(object(p).str("protocol"), "TCP") == "TCP"
		})
		if hasPort && slices.ContainsFunc(slice.maps("endpoints"), func(e map[string]any) bool {
			ready, set, _ := unstructured.NestedBool(e, "conditions", "ready")
			return object(e).str("targetRef", "uid") == pod.uid() && (ready || !set) // the API says: absent means ready
		}) {
			return true
		}
	}
	return false
}

func whyNotLeading(w *walk, args []string) []string {
	values := make([]ref.Val, len(args))
	for i, text := range args {
		v, ok := w.value(text)
		if _, isObject := native(v).(map[string]any); i%2 == 0 && (!ok || !isObject) {
			return w.say("no-object", "Object", w.locate(text).title())
		}
		values[i] = v
	}
	l, ok := w.engine.act.leading(values)
	if !ok || l.problem == nil {
		return nil
	}
	for _, i := range []int{0, 2} {
		w.note(w.locate(args[i]).subject)
	}
	return []string{w.engine.say.text(l.problem[0].(string), l.problem[1:]...)}
}

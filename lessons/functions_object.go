package lessons

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// objectFunctions ask something of one object.
func objectFunctions() functionGroup {
	return functionGroup{
		title: "Asking about an object",
		functions: []function{
			{
				name: "ready", calls: oneCall(anyParam("object")), result: cel.BoolType,
				doc: "Pod: its condition Ready is true; Deployment, StatefulSet and DaemonSet: as `rolledOut`; ReplicaSet: it wants Pods, and " +
					"so many are ready; any other object: its condition Ready is true. What is terminating is not ready",
				example: "list('pods', 'app=go-api').exists(p, ready(p))",
				pure:    func(args ...ref.Val) ref.Val { return onObject(args[0], func(o object) any { return o.ready() }) },
				why:     whyNotReady,
			},
			{
				name: "rolledOut", calls: oneCall(anyParam("object")), result: cel.BoolType,
				doc: "what `kubectl rollout status` waits for, and of at least one Pod: the controller has seen the present spec, all Pods are of the newest " +
					"template and available, and no older one is left. A workload that wants no Pods is not rolled out",
				example: "rolledOut(get('deployments', 'go-api'))",
				pure:    func(args ...ref.Val) ref.Val { return onObject(args[0], func(o object) any { return o.rolledOut() }) },
				why:     whyNotReady,
			},
			{
				name: "condition", calls: oneCall(anyParam("object"), textParam("type")), result: cel.StringType,
				doc:     "the status of a condition: `'True'`, `'False'`, `'Unknown'`, or `''` when there is none",
				example: "condition(object, 'Progressing') == 'False'",
				pure: func(args ...ref.Val) ref.Val {
					return onObject(args[0], func(o object) any { return o.condition(textOf(args[1])) })
				},
			},
			{
				name: "images", calls: oneCall(anyParam("object")), result: cel.ListType(cel.StringType),
				doc:      "the images of a Pod, or of a workload's Pod template",
				example:  "'go-api:0.0.2' in images(object)",
				pure:     func(args ...ref.Val) ref.Val { return onObject(args[0], func(o object) any { return o.images() }) },
				describe: describeImages,
			},
			{
				name: "selects", calls: oneCall(anyParam("selector"), anyParam("object")), result: cel.BoolType,
				doc:     "whether a selector (see `list`) matches the object's labels",
				example: "selects(object.spec.selector, get('pods', 'go-api'))",
				pure:    selects,
				why:     whyNotSelected,
			},
		},
	}
}

// numberFunctions turn what Kubernetes writes into numbers.
func numberFunctions() functionGroup {
	return functionGroup{
		title: "Numbers",
		functions: []function{
			{
				name: "quantity", calls: oneCall(anyParam("quantity")), result: cel.DoubleType,
				doc:     "a quantity as a number: `'500m'` is 0.5, `'64Mi'` is 67108864.0",
				example: "quantity(object.spec.containers[0].resources.limits.memory) <= quantity('64Mi')",
				pure:    parseQuantity,
			},
			{
				name: "scaled", calls: oneCall(anyParam("value"), param{name: "total", typ: cel.IntType}, param{name: "roundUp", typ: cel.BoolType}), result: cel.IntType,
				doc:     "a number or percentage, such as `maxSurge`, as a number: `scaled('25%', 4, true)` is 1",
				example: "scaled(object.spec.strategy.rollingUpdate.maxSurge, object.spec.replicas, true) == 1",
				pure:    scaled,
			},
		},
	}
}

// onObject calls f with v as a Kubernetes object.
func onObject(v ref.Val, f func(object) any) ref.Val {
	m, ok := native(v).(map[string]any)
	if !ok {
		return types.NewErr("no such object")
	}
	return toVal(f(object(m)))
}

// whyNotReady explains ready and rolledOut.
func whyNotReady(w *walk, args []string) []string {
	v, ok := w.value(args[0])
	m, isObject := map[string]any(nil), false
	if ok {
		m, isObject = native(v).(map[string]any)
	}
	at := w.locate(args[0])
	if !isObject {
		return w.say("no-object", "Object", at.title())
	}
	o := object(m)
	w.note(at.subject)
	switch o.kind() {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		if o.wanted() == 0 {
			return w.say("wants-none", "What", at.title())
		}
		available, _ := o.number("status", "readyReplicas")
		updated, _ := o.number("status", "updatedReplicas")
		return w.say("not-rolled-out", "What", at.title(), "Ready", available, "Wanted", o.wanted(), "Updated", updated)
	}
	state, _ := o.podStatus()
	return w.say("not-ready", "What", at.title(), "State", state)
}

func describeImages(w *walk, call node) string {
	at := w.locate(call.child(call.expr.AsCall().Args()[0]))
	return place{at.subject, "images"}.title()
}

func selects(args ...ref.Val) ref.Val {
	return onObject(args[1], func(o object) any {
		s, err := parseSelector(native(args[0]))
		if err != nil {
			return err
		}
		return s.Matches(o.labels())
	})
}

func whyNotSelected(w *walk, args []string) []string {
	selector, ok1 := w.value(args[0])
	v, ok2 := w.value(args[1])
	if !ok1 || !ok2 {
		return nil
	}
	m, ok := native(v).(map[string]any)
	if !ok {
		return nil
	}
	return w.say("selects", "Selector", show(native(selector)), "What", w.locate(args[1]).title(), "Labels", object(m).labels().String())
}

func parseQuantity(args ...ref.Val) ref.Val {
	switch x := args[0].(type) {
	case types.Int:
		return types.Double(x)
	case types.Double:
		return x
	case types.String:
		q, err := resource.ParseQuantity(string(x))
		if err != nil {
			return types.NewErr("%q is no quantity", string(x))
		}
		return types.Double(q.AsApproximateFloat64())
	}
	return types.NewErr("no such quantity")
}

func scaled(args ...ref.Val) ref.Val {
	var value intstr.IntOrString
	switch x := args[0].(type) {
	case types.Int:
		value = intstr.FromInt32(int32(x))
	case types.String:
		value = intstr.FromString(string(x))
	default:
		return types.NewErr("no such number or percentage")
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(&value, int(args[1].(types.Int)), bool(args[2].(types.Bool)))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Int(n)
}

package lessons

import (
	"maps"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// functionDecls declare the functions of docs/LESSONS.md §5. Those that read
// the cluster are bound late, to the activation of an engine.
func functionDecls() []cel.EnvOption {
	dyn, str, boolean := cel.DynType, cel.StringType, cel.BoolType
	list := cel.ListType(dyn)
	late := func(name string, result *cel.Type, overloads ...[]*cel.Type) cel.EnvOption {
		options := make([]cel.FunctionOpt, 0, len(overloads))
		for i, args := range overloads {
			id := name + "_" + string(rune('a'+i))
			options = append(options, cel.Overload(id, args, result, cel.LateFunctionBinding()))
		}
		return cel.Function(name, options...)
	}
	unary := func(name string, arg, result *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_a", []*cel.Type{arg}, result, cel.UnaryBinding(f)))
	}
	args := func(t ...*cel.Type) []*cel.Type { return t }
	return []cel.EnvOption{
		late("get", dyn, args(str, str), args(str, str, str)),
		late("list", list, args(str), args(str, dyn)),
		late("listIn", list, args(str, str)),
		late("exists", boolean, args(str, str)),
		late("before", dyn, args(str, dyn)),
		late("listBefore", list, args(str)),
		late("owned", list, args(dyn, str)),
		late("owners", cel.ListType(str), args(dyn)),
		late("endpoints", list, args(str)),
		late("readyEndpoints", list, args(str)),
		late("settled", boolean, args()),
		unary("ready", dyn, boolean, func(v ref.Val) ref.Val { return onObject(v, func(u object) any { return u.ready() }) }),
		unary("rolledOut", dyn, boolean, func(v ref.Val) ref.Val { return onObject(v, func(u object) any { return u.rolledOut() }) }),
		unary("images", dyn, cel.ListType(str), func(v ref.Val) ref.Val { return onObject(v, func(u object) any { return u.images() }) }),
		unary("quantity", dyn, cel.DoubleType, parseQuantity),
		cel.Function("condition", cel.Overload("condition_a", args(dyn, str), str, cel.BinaryBinding(func(v, name ref.Val) ref.Val {
			return onObject(v, func(u object) any { return u.condition(string(name.(types.String))) })
		}))),
		cel.Function("selects", cel.Overload("selects_a", args(dyn, dyn), boolean, cel.BinaryBinding(func(selector, v ref.Val) ref.Val {
			return onObject(v, func(u object) any {
				s, err := parseSelector(native(selector))
				if err != nil {
					return err
				}
				return s.Matches(u.labels())
			})
		}))),
		cel.Function("scaled", cel.Overload("scaled_a", args(dyn, cel.IntType, boolean), cel.IntType, cel.FunctionBinding(scaled))),
	}
}

// toVal turns a Go value into CEL's; an error becomes CEL's error.
func toVal(v any) ref.Val {
	switch x := v.(type) {
	case nil:
		return types.NullValue
	case error:
		return types.WrapErr(x)
	case *unstructured.Unstructured:
		if x == nil {
			return types.NullValue
		}
		return types.DefaultTypeAdapter.NativeToValue(x.Object)
	case []*unstructured.Unstructured:
		items := make([]any, len(x))
		for i := range x {
			items[i] = x[i].Object
		}
		return types.DefaultTypeAdapter.NativeToValue(items)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// native turns a CEL value back into Go's: maps, slices, strings, numbers.
func native(v ref.Val) any {
	if v == nil || v == types.NullValue {
		return nil
	}
	switch x := v.Value().(type) {
	case map[ref.Val]ref.Val:
		out := make(map[string]any, len(x))
		for k, item := range x {
			if name, ok := k.Value().(string); ok {
				out[name] = native(item)
			}
		}
		return out
	case []ref.Val:
		out := make([]any, len(x))
		for i := range x {
			out[i] = native(x[i])
		}
		return out
	case ref.Val:
		return native(x)
	default:
		return x
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

func parseQuantity(v ref.Val) ref.Val {
	switch x := v.(type) {
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

// activation binds the late functions to one engine's picture of the cluster.
type activation struct {
	namespace string
	now       *store // the present
	base      *store // when the step began
	started   time.Time
	recorded  *recording

	functions map[string]cel.LateBoundFunction
}

func newActivation(namespace string, now *store, recorded *recording) *activation {
	a := &activation{namespace: namespace, now: now, base: newStore(), recorded: recorded}
	a.functions = map[string]cel.LateBoundFunction{
		"get":        a.get,
		"list":       a.list,
		"listIn":     func(_ string, v ...ref.Val) ref.Val { return a.listOf(a.now, text(v[0]), text(v[1])) },
		"exists":     func(_ string, v ...ref.Val) ref.Val { return types.Bool(a.find(a.now, v[0], v[1]) != nil) },
		"before":     func(_ string, v ...ref.Val) ref.Val { return toVal(a.find(a.base, v[0], v[1])) },
		"listBefore": func(_ string, v ...ref.Val) ref.Val { return a.listOf(a.base, text(v[0]), a.namespace) },
		"owned":      a.owned,
		"owners":     a.owners,
		"endpoints":  func(_ string, v ...ref.Val) ref.Val { return toVal(a.endpoints(text(v[0]), false)) },
		"readyEndpoints": func(_ string, v ...ref.Val) ref.Val {
			return toVal(a.endpoints(text(v[0]), true))
		},
		"settled": func(string, ...ref.Val) ref.Val { return types.Bool(a.settled()) },
	}
	maps.Copy(a.functions, a.recorded.functions())
	return a
}

// with adds the variables of a scope.
func (a *activation) with(vars map[string]any) (cel.Activation, error) {
	all := make(map[string]any, len(vars)+2)
	maps.Copy(all, vars)
	all["ns"] = a.namespace // CEL reserves the word namespace
	all["started"] = a.started
	return cel.FunctionVars(all, a.functions)
}

func text(v ref.Val) string { s, _ := v.Value().(string); return s }

func (a *activation) find(s *store, resource, name ref.Val) *unstructured.Unstructured {
	gvr, err := ParseResource(text(resource))
	if err != nil {
		return nil
	}
	return s.get(gvr, a.namespace, text(name))
}

func (a *activation) get(_ string, v ...ref.Val) ref.Val {
	if len(v) == 2 {
		return toVal(a.find(a.now, v[0], v[1]))
	}
	gvr, err := ParseResource(text(v[0]))
	if err != nil {
		return types.WrapErr(err)
	}
	return toVal(a.now.get(gvr, text(v[1]), text(v[2])))
}

func (a *activation) listOf(s *store, resource, namespace string) ref.Val {
	gvr, err := ParseResource(resource)
	if err != nil {
		return types.WrapErr(err)
	}
	return toVal(s.list(gvr, namespace))
}

func (a *activation) list(_ string, v ...ref.Val) ref.Val {
	if len(v) == 1 {
		return a.listOf(a.now, text(v[0]), a.namespace)
	}
	gvr, err := ParseResource(text(v[0]))
	if err != nil {
		return types.WrapErr(err)
	}
	selector, err := parseSelector(native(v[1]))
	if err != nil {
		return types.WrapErr(err)
	}
	var out []*unstructured.Unstructured
	for _, u := range a.now.list(gvr, a.namespace) {
		if selector.Matches(object(u.Object).labels()) {
			out = append(out, u)
		}
	}
	return toVal(out)
}

func (a *activation) owned(_ string, v ...ref.Val) ref.Val {
	owner, ok := native(v[0]).(map[string]any)
	if !ok {
		return types.NewErr("no such object")
	}
	gvr, err := ParseResource(text(v[1]))
	if err != nil {
		return types.WrapErr(err)
	}
	return toVal(a.ownedBy(object(owner).uid(), gvr))
}

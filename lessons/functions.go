package lessons

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// functionGroups lists the CEL functions of lessons in the order of the
// reference. To add a function, add an entry to one of the groups.
var functionGroups = sync.OnceValue(func() []functionGroup {
	return []functionGroup{
		clusterFunctions(),
		objectFunctions(),
		identityFunctions(),
		serviceFunctions(),
		rolloutFunctions(),
		runningFunctions(),
		numberFunctions(),
		recordedFunctions(),
		drawingFunctions(),
	}
})

// functionGroup holds the functions of one matter.
type functionGroup struct {
	title     string
	text      string // Markdown
	values    bool   // only a step's values may use them
	functions []function
}

// function is a CEL function: its signature, its documentation and its
// implementation.
type function struct {
	name   string
	calls  [][]param // the ways to call it; each has a number of parameters of its own
	result *cel.Type
	// reads lists resources that it reads without being given them.
	reads []string

	doc     string // Markdown
	example string // CEL

	// Exactly one of these implements it. pure depends on its arguments alone,
	// read on what the engine has seen as well.
	pure func(args ...ref.Val) ref.Val
	read func(a *activation, args []ref.Val) ref.Val

	// why explains a call that is not true, given the texts of its arguments.
	// It and what it returns may be nil: then the expression itself is shown.
	why func(w *walk, args []string) []string
	// describe puts the list that a call returns into words; may be nil.
	describe func(w *walk, call node) string
}

// param is a parameter of a function.
type param struct {
	name string
	typ  *cel.Type
	role paramRole
}

// paramRole tells what the loader does with an argument.
type paramRole int

const (
	plainArgument  paramRole = iota
	namesResource            // a literal: it says what to watch
	namesNamespace           // a literal: where to watch it
)

func resourceParam() param  { return param{"resource", cel.StringType, namesResource} }
func namespaceParam() param { return param{"namespace", cel.StringType, namesNamespace} }

func textParam(name string) param { return param{name: name, typ: cel.StringType} }
func anyParam(name string) param  { return param{name: name, typ: cel.DynType} }
func listParam(name string) param { return param{name: name, typ: cel.ListType(cel.DynType)} }
func timeParam(name string) param { return param{name: name, typ: cel.TimestampType} }

// oneCall is the calls of a function that can be called in one way only.
func oneCall(params ...param) [][]param { return [][]param{params} }

// functionTable holds the functions by name; CEL's own are not among them.
var functionTable = sync.OnceValue(func() map[string]function {
	out := map[string]function{}
	for _, g := range functionGroups() {
		for _, f := range g.functions {
			out[f.name] = f
		}
	}
	return out
})

// signatures shows the ways to call f, such as "get(resource, name)".
func (f function) signatures() []string {
	out := make([]string, len(f.calls))
	for i, params := range f.calls {
		names := make([]string, len(params))
		for j, p := range params {
			names[j] = p.name
		}
		out[i] = fmt.Sprintf("%s(%s)", f.name, strings.Join(names, ", "))
	}
	return out
}

// params returns the parameters of the call with so many arguments.
func (f function) params(arguments int) []param {
	i := slices.IndexFunc(f.calls, func(params []param) bool { return len(params) == arguments })
	if i < 0 {
		return nil
	}
	return f.calls[i]
}

// declare makes f known to CEL. A function that reads is bound late, to the
// activation of an engine.
func (f function) declare() cel.EnvOption {
	options := make([]cel.FunctionOpt, 0, len(f.calls))
	for i, params := range f.calls {
		arguments := make([]*cel.Type, len(params))
		for j, p := range params {
			arguments[j] = p.typ
		}
		id := f.name + "_" + string(rune('a'+i))
		options = append(options, cel.Overload(id, arguments, f.result, f.binding(len(params))))
	}
	return cel.Function(f.name, options...)
}

func (f function) binding(arguments int) cel.OverloadOpt {
	switch {
	case f.read != nil:
		return cel.LateFunctionBinding()
	case arguments == 1:
		return cel.UnaryBinding(func(v ref.Val) ref.Val { return f.pure(v) })
	case arguments == 2:
		return cel.BinaryBinding(func(a, b ref.Val) ref.Val { return f.pure(a, b) })
	}
	return cel.FunctionBinding(f.pure)
}

// declarations are the functions of all scopes, or those of values alone.
func declarations(values bool) []cel.EnvOption {
	var out []cel.EnvOption
	for _, g := range functionGroups() {
		if g.values != values {
			continue
		}
		for _, f := range g.functions {
			out = append(out, f.declare())
		}
	}
	return out
}

// activation binds the functions that read to what one engine has seen.
type activation struct {
	namespace string
	now       *store // the present
	base      *store // when the step began
	started   time.Time
	live      *liveSource

	table map[string]function // all functions, for explanations
	bound map[string]cel.LateBoundFunction
}

func newActivation(namespace string, now *store, live *liveSource) *activation {
	a := &activation{namespace: namespace, now: now, base: newStore(), live: live, table: functionTable(), bound: map[string]cel.LateBoundFunction{}}
	for name, f := range a.table {
		if f.read != nil {
			a.bound[name] = func(_ string, args ...ref.Val) ref.Val { return f.read(a, args) }
		}
	}
	return a
}

// with adds the variables of a scope.
func (a *activation) with(vars map[string]any) (cel.Activation, error) {
	all := make(map[string]any, len(vars)+2)
	maps.Copy(all, vars)
	all["ns"] = a.namespace // CEL reserves the word namespace
	all["started"] = a.started
	return cel.FunctionVars(all, a.bound)
}

// textOf is the text that a CEL value holds, "" when it holds none.
func textOf(v ref.Val) string { s, _ := v.Value().(string); return s }

// orNoValue is v, or CEL's error that there is none.
func orNoValue(v any, ok bool) ref.Val {
	if !ok {
		return types.WrapErr(errNoValue)
	}
	return toVal(v)
}

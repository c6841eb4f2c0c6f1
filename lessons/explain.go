package lessons

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// explainer says why an expression does not hold: it walks down to the first
// part that is false and evaluates the two sides of it.
type explainer struct {
	engine *Engine
	cache  map[cacheKey]*program
}

type cacheKey struct {
	env  *cel.Env
	vars string
	text string
}

func newExplainer(e *Engine) *explainer {
	return &explainer{engine: e, cache: map[cacheKey]*program{}}
}

// explanation is what a learner reads, and the objects it is about as
// "kind/name".
type explanation struct {
	lines []string
	about []string
}

// explain explains why p is not true. subject names the check's object.
func (x *explainer) explain(p *program, vars map[string]any, subject string) explanation {
	if p == nil {
		return explanation{}
	}
	w := &walk{explainer: x, env: p.env, vars: vars, places: map[string]place{"object": {subject: subject}}}
	w.note(subject)
	lines := w.explain(p.text, 0)
	return explanation{lines: lines, about: w.about}
}

// place is where a variable's value comes from: a path in an object.
type place struct{ subject, path string }

// title is how a place is shown: "service/go-api: spec.type".
func (p place) title() string {
	switch {
	case p.subject == "":
		return p.path
	case p.path == "":
		return p.subject
	}
	return p.subject + ": " + p.path
}

// walk is one way down through an expression.
type walk struct {
	*explainer
	env    *cel.Env
	vars   map[string]any
	places map[string]place // of the variables
	about  []string
}

// maxDepth keeps a pathological expression from being walked for ever.
const maxDepth = 24

func (w *walk) note(subject string) {
	if strings.Contains(subject, "/") && !slices.Contains(w.about, subject) {
		w.about = append(w.about, subject)
	}
}

// compiled compiles a part of an expression; parts are compiled once.
func (w *walk) compiled(text string) *program {
	names := strings.Join(slices.Sorted(maps.Keys(w.places)), " ")
	key := cacheKey{w.env, names, text}
	if p, ok := w.cache[key]; ok {
		return p
	}
	env := w.env
	var extra []cel.EnvOption
	for name := range w.places {
		if name != "object" {
			extra = append(extra, cel.Variable(name, cel.DynType))
		}
	}
	if len(extra) > 0 {
		if extended, err := env.Extend(extra...); err == nil {
			env = extended
		}
	}
	p, problems := compileIn(env, text)
	if len(problems) > 0 {
		p = nil
	}
	w.cache[key] = p
	return p
}

func (w *walk) value(text string) (ref.Val, bool) {
	p := w.compiled(text)
	if p == nil {
		return nil, false
	}
	v, err := p.eval(w.engine.act, w.vars)
	return v, err == nil
}

func (w *walk) holds(text string) bool {
	v, ok := w.value(text)
	return ok && v == types.True
}

func (w *walk) say(id string, pairs ...any) []string {
	return []string{w.engine.say.text(id, pairs...)}
}

// explain says why text, which is not true, is not.
func (w *walk) explain(text string, depth int) []string {
	p := w.compiled(text)
	if p == nil || depth > maxDepth {
		return w.say("expr", "Expr", oneLine(text))
	}
	n := node{w: w, info: p.ast.NativeRep().SourceInfo(), expr: p.ast.NativeRep().Expr()}
	switch n.expr.Kind() {
	case ast.CallKind:
		return w.explainCall(n, text, depth)
	case ast.ComprehensionKind:
		if macro, ok := n.info.GetMacroCall(n.expr.ID()); ok {
			return w.explainMacro(node{w, n.info, macro}, text, depth)
		}
	case ast.SelectKind:
		if n.expr.AsSelect().IsTestOnly() {
			inner := node{w, n.info, n.expr.AsSelect().Operand()}
			at := w.locate(inner.text())
			at.path = join(at.path, n.expr.AsSelect().FieldName())
			return w.say("not-set", "What", at.title())
		}
		return w.explainCompare(text, "==", "true")
	case ast.IdentKind:
		return w.explainCompare(text, "==", "true")
	}
	return w.say("expr", "Expr", oneLine(text))
}

// node is a part of an expression with the source that it belongs to.
type node struct {
	w    *walk
	info *ast.SourceInfo
	expr ast.Expr
}

func (n node) text() string {
	s, err := cel.ExprToString(n.expr, n.info)
	if err != nil {
		return ""
	}
	return s
}

func (n node) child(e ast.Expr) string { return node{n.w, n.info, e}.text() }

func (w *walk) explainCall(n node, text string, depth int) []string {
	call := n.expr.AsCall()
	args := make([]string, len(call.Args()))
	for i, a := range call.Args() {
		args[i] = n.child(a)
	}
	switch call.FunctionName() {
	case operators.LogicalAnd:
		if !w.holds(args[0]) {
			return w.explain(args[0], depth+1)
		}
		return w.explain(args[1], depth+1)
	case operators.LogicalOr:
		out := w.say("either")
		out = append(out, w.explain(args[0], depth+1)...)
		out = append(out, w.engine.say.text("or"))
		return append(out, w.explain(args[1], depth+1)...)
	case operators.Conditional:
		if w.holds(args[0]) {
			return w.explain(args[1], depth+1)
		}
		return w.explain(args[2], depth+1)
	case operators.LogicalNot:
		return w.explainNot(args[0])
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.In:
		op, _ := operators.FindReverse(call.FunctionName())
		return w.explainCompare(args[0], op, args[1])
	}
	return w.explainFunction(call.FunctionName(), args, text)
}

// explainFunction explains a call of one of our functions that is a condition
// by itself.
func (w *walk) explainFunction(name string, args []string, text string) []string {
	if f := w.engine.act.table[name]; f.why != nil {
		if lines := f.why(w, args); lines != nil {
			return lines
		}
	}
	return w.say("expr", "Expr", oneLine(text))
}

func (w *walk) explainNot(inner string) []string {
	p := w.compiled(inner)
	if p != nil {
		root := p.ast.NativeRep().Expr()
		if root.Kind() == ast.CallKind && root.AsCall().FunctionName() == "exists" && len(root.AsCall().Args()) == 2 {
			n := node{w, p.ast.NativeRep().SourceInfo(), root}
			return w.say("still-there", "Object", w.objectOf(n.child(root.AsCall().Args()[0]), n.child(root.AsCall().Args()[1])))
		}
	}
	if _, ok := w.value(inner); !ok {
		return w.explain(inner, maxDepth) // not evaluable is not false either
	}
	return w.say("must-not", "Expr", oneLine(inner))
}

// explainCompare names the observed side and both values.
func (w *walk) explainCompare(left, op, right string) []string {
	if op != "in" && w.isConstant(left) && !w.isConstant(right) {
		left, right = right, left
		op = mirrored(op)
	}
	wanted := oneLine(right)
	wantedValue, wantedOK := w.value(right)
	if wantedOK {
		wanted = show(native(wantedValue))
	}
	switch op {
	case "!=":
		wanted = "≠ " + wanted
	case "<", ">", "<=", ">=":
		wanted = map[string]string{"<": "< ", ">": "> ", "<=": "≤ ", ">=": "≥ "}[op] + wanted
	}
	if inner, ok := w.sizeOf(left); ok {
		if v, ok := w.value(left); ok {
			return w.say("count", "What", w.describeList(inner), "Observed", show(native(v)), "Wanted", wanted)
		}
		left = inner
	}
	at := w.locate(left)
	w.note(at.subject)
	v, ok := w.value(left)
	if !ok || v == types.NullValue {
		if missing := w.missingObject(left); missing != "" {
			if op == "==" && wantedOK && wantedValue == types.NullValue {
				return w.say("expr", "Expr", oneLine(left+" "+op+" "+right))
			}
			return w.say("no-object", "Object", missing)
		}
		return w.say("not-set-wanted", "What", at.title(), "Wanted", wanted)
	}
	if wantedOK && wantedValue == types.NullValue && op == "==" {
		return w.say("still-there", "Object", at.title())
	}
	if !wantedOK {
		if missing := w.missingObject(right); missing != "" {
			return w.say("no-object", "Object", missing)
		}
		return w.say("not-set", "What", w.locate(right).title())
	}
	id := "field"
	if op == "in" {
		id = "one-of"
	}
	return w.say(id, "What", at.title(), "Observed", show(native(v)), "Wanted", wanted)
}

func mirrored(op string) string {
	switch op {
	case "<":
		return ">"
	case ">":
		return "<"
	case "<=":
		return ">="
	case ">=":
		return "<="
	}
	return op
}

func (w *walk) isConstant(text string) bool {
	p := w.compiled(text)
	if p == nil {
		return false
	}
	constant := true
	ast.PostOrderVisit(p.ast.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if k := e.Kind(); k == ast.IdentKind || k == ast.CallKind || k == ast.SelectKind || k == ast.ComprehensionKind {
			constant = false
		}
	}))
	return constant
}

// explainMacro explains all, exists and exists_one over a list.
func (w *walk) explainMacro(n node, text string, depth int) []string {
	call := n.expr.AsCall()
	if !call.IsMemberFunction() || len(call.Args()) != 2 {
		return w.say("expr", "Expr", oneLine(text))
	}
	list := n.child(call.Target())
	variable, condition := n.child(call.Args()[0]), n.child(call.Args()[1])
	v, ok := w.value(list)
	items, isList := []any(nil), false
	if ok {
		items, isList = native(v).([]any)
	}
	if !isList {
		if missing := w.missingObject(list); missing != "" {
			return w.say("no-object", "Object", missing)
		}
		return w.say("not-set", "What", w.locate(list).title())
	}
	what := w.describeList(list)
	// The first item that fails is explained; only exists_one counts them all.
	fits, counting := 0, strings.HasPrefix(call.FunctionName(), "exists_") || call.FunctionName() == "existsOne"
	var failing *walk
	at := w.locate(list)
	for i, item := range items {
		if failing != nil && !counting {
			break
		}
		inner := w.bind(variable, item, at, i)
		switch {
		case inner.holds(condition):
			fits++
		case failing == nil:
			failing = inner
		}
	}
	switch {
	case call.FunctionName() == "exists" && len(items) == 0:
		return w.say("none", "What", what)
	case counting:
		return w.say("how-many-fit", "Observed", fits, "Count", len(items), "What", what)
	case failing == nil:
		return w.say("expr", "Expr", oneLine(text))
	}
	lines := failing.explain(condition, depth+1)
	for _, subject := range failing.about {
		w.note(subject)
	}
	if call.FunctionName() == "exists" && len(items) > 1 {
		lines = append(w.say("none-fits", "Count", len(items), "What", what), lines...)
	}
	return lines
}

// bind gives a list's item to the macro's variable.
func (w *walk) bind(variable string, item any, list place, index int) *walk {
	inner := &walk{explainer: w.explainer, env: w.env, vars: maps.Clone(w.vars), places: maps.Clone(w.places)}
	inner.vars[variable] = item
	at := place{list.subject, list.path + "[" + plain(index) + "]"}
	if m, ok := item.(map[string]any); ok {
		if o := object(m); o.name() != "" && o.kind() != "" {
			at = place{subject: strings.ToLower(o.kind()) + "/" + o.name()}
			inner.note(at.subject)
		}
	}
	inner.places[variable] = at
	return inner
}

// show is a value in a message.
func show(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return plain(v)
	}
	const limit = 160
	if r := []rune(string(data)); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return string(data)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

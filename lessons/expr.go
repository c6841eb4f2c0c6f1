package lessons

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// scope is the set of variables that an expression may use besides ns.
type scope struct {
	variables []variable
	values    bool // the functions for values as well
}

// variable is one variable of a scope.
type variable struct {
	name string
	typ  *cel.Type // nil: any
	doc  string    // Markdown
}

// valuesScope is the scope of a step's values.
func valuesScope() scope {
	return scope{values: true, variables: []variable{{name: "started", typ: cel.TimestampType, doc: "when the step began, a time"}}}
}

// key tells scopes apart.
func (s scope) key() string {
	names := make([]string, len(s.variables))
	for i, v := range s.variables {
		names[i] = v.name
	}
	if s.values {
		names = append(names, "and the functions for values")
	}
	return strings.Join(names, " ")
}

// compiler compiles the expressions of lessons. It is safe for concurrent use.
type compiler struct {
	base *cel.Env

	mu       sync.Mutex
	envs     map[string]*cel.Env // by the key of their scope
	programs map[programKey]*program
}

// programKey tells apart what is compiled once and shared: many expressions,
// such as the default of until, stand in many places.
type programKey struct{ scope, text string }

// sharedCompiler returns the compiler of all lessons: setting up CEL takes longer
// than compiling a lesson.
var sharedCompiler = sync.OnceValues(newCompiler)

func newCompiler() (*compiler, error) {
	base, err := cel.NewEnv(append(declarations(false),
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableMacroCallTracking(),
		ext.Strings(), ext.Lists(), ext.Sets(), ext.Math(), ext.Bindings(),
		cel.Variable("ns", cel.StringType),
	)...)
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	return &compiler{base: base, envs: map[string]*cel.Env{}, programs: map[programKey]*program{}}, nil
}

// env returns the environment of a scope.
func (c *compiler) env(s scope) (*cel.Env, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := s.key()
	if env := c.envs[key]; env != nil {
		return env, nil
	}
	var options []cel.EnvOption
	for _, v := range s.variables {
		typ := v.typ
		if typ == nil {
			typ = cel.DynType
		}
		options = append(options, cel.Variable(v.name, typ))
	}
	if s.values {
		options = append(options, declarations(true)...)
	}
	env, err := c.base.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("set up CEL for %s: %w", key, err)
	}
	c.envs[key] = env
	return env, nil
}

// program is a compiled expression.
type program struct {
	text    string
	env     *cel.Env
	ast     *cel.Ast
	prog    cel.Program
	watches []watchDep
}

// watchDep is a resource that an expression reads.
type watchDep struct {
	gvr schema.GroupVersionResource
	// namespace is ownNamespace, or another one by name, or "" for
	// cluster-scoped.
	namespace string
}

// ownNamespace stands for the lesson's namespace, which is not known when the
// lesson is loaded. No real namespace has such a name.
const ownNamespace = "$lesson"

// compile compiles text. A problem carries line (from 1) and column (from 0)
// in the text.
func (c *compiler) compile(s scope, text string, wantBool bool) (*program, []exprProblem) {
	key := programKey{s.key(), text}
	c.mu.Lock()
	p := c.programs[key]
	c.mu.Unlock()
	if p == nil {
		var problems []exprProblem
		if p, problems = c.compileNew(s, text); len(problems) > 0 {
			return nil, problems
		}
		c.mu.Lock()
		c.programs[key] = p
		c.mu.Unlock()
	}
	if wantBool {
		if t := p.ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
			return nil, []exprProblem{{line: 1, message: fmt.Sprintf("must be true or false, but has type %s", t)}}
		}
	}
	return p, nil
}

func (c *compiler) compileNew(s scope, text string) (*program, []exprProblem) {
	env, err := c.env(s)
	if err != nil {
		return nil, []exprProblem{{line: 1, message: err.Error()}}
	}
	p, problems := compileIn(env, text)
	if len(problems) > 0 {
		return nil, problems
	}
	w := &watchFinder{info: p.ast.NativeRep().SourceInfo(), found: map[watchDep]bool{}}
	ast.PostOrderVisit(p.ast.NativeRep().Expr(), ast.NewExprVisitor(w.visit))
	if len(w.problems) > 0 {
		return nil, w.problems
	}
	p.watches = slices.Collect(maps.Keys(w.found))
	return p, nil
}

type exprProblem struct {
	line, col int
	message   string
}

func compileIn(env *cel.Env, text string) (*program, []exprProblem) {
	checked, issues := env.Compile(text)
	if errs := issues.Errors(); len(errs) > 0 {
		out := make([]exprProblem, 0, len(errs))
		for _, e := range errs {
			out = append(out, exprProblem{line: e.Location.Line(), col: e.Location.Column(), message: e.Message})
		}
		return nil, out
	}
	prog, err := env.Program(checked)
	if err != nil {
		return nil, []exprProblem{{line: 1, message: err.Error()}}
	}
	return &program{text: text, env: env, ast: checked, prog: prog}, nil
}

// watchFinder collects the resources that the functions of an expression
// read.
type watchFinder struct {
	info     *ast.SourceInfo
	found    map[watchDep]bool
	problems []exprProblem
}

func (w *watchFinder) visit(e ast.Expr) {
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	f, ok := functionTable()[call.FunctionName()]
	if !ok {
		return
	}
	for _, name := range f.reads {
		w.add(wellKnown()[name], ownNamespace)
	}
	args := call.Args()
	var gvr schema.GroupVersionResource
	namespace := ownNamespace
	for i, p := range f.params(len(args)) {
		switch p.role {
		case namesResource:
			name, ok := literal(args[i])
			if !ok {
				w.fail(args[i], "the resource must be written out as a literal, because it says what to watch")
				return
			}
			var err error
			if gvr, err = ParseResource(name); err != nil {
				w.fail(args[i], err.Error())
				return
			}
		case namesNamespace:
			if namespace, ok = literal(args[i]); !ok && !clusterScoped(gvr) {
				w.fail(args[i], "the namespace must be written out as a literal, because it says what to watch")
				return
			}
		}
	}
	switch {
	case gvr.Empty():
	case clusterScoped(gvr):
		w.add(gvr, "")
	default:
		w.add(gvr, namespace)
	}
}

func (w *watchFinder) add(gvr schema.GroupVersionResource, namespace string) {
	w.found[watchDep{gvr, namespace}] = true
}

func (w *watchFinder) fail(e ast.Expr, message string) {
	at := w.info.GetStartLocation(e.ID())
	w.problems = append(w.problems, exprProblem{line: at.Line(), col: at.Column(), message: message})
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// eval runs the program. The error is a missing field, a null or a value of
// another type than expected: for a check that is the same as false.
func (p *program) eval(in *activation, vars map[string]any) (ref.Val, error) {
	act, err := in.with(vars)
	if err != nil {
		return nil, err
	}
	out, _, err := p.prog.Eval(act)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// holds reports whether the program yields true.
func (p *program) holds(in *activation, vars map[string]any) bool {
	out, err := p.eval(in, vars)
	return err == nil && out == types.True
}

// compileExpr compiles an expression of a lesson in place and reports problems
// at their places in the file.
func (c *compiler) compileExpr(e *Expr, s scope, wantBool bool, problems *Problems) {
	if e.IsZero() {
		return
	}
	p, found := c.compile(s, e.Text, wantBool)
	for _, f := range found {
		problems.add(e.pos(f.line, f.col), "CEL: %s", strings.TrimSpace(f.message))
	}
	e.program = p
}

// mentions reports whether an expression uses a variable.
func (e Expr) mentions(variable string) bool {
	if e.program == nil {
		return false
	}
	found := false
	ast.PostOrderVisit(e.program.ast.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		found = found || x.Kind() == ast.IdentKind && x.AsIdent() == variable
	}))
	return found
}

var errNoValue = errors.New("no value")

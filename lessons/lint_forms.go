package lessons

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// A check that is written in one of these forms has ticked on a near miss, or
// refused a correct way, in one lesson or another. Lint names the form to use
// instead; whoever needs the form all the same says why under `allow`.

// formRule is one dangerous form.
type formRule struct {
	kind    int // of lie, as docs/LESSONS.md numbers them
	name    string
	danger  string // what is wrong with it
	instead string
	// finds returns the place of the form in a check, as text; "" when the
	// check is free of it.
	finds func(c *Check, forms []form) string
}

// formRules lists the dangerous forms in the order of the reference.
func formRules() []formRule {
	return []formRule{
		{10, "vacuous-all", "`all` holds of an empty list", "`size(list) > 0 && list.all(…)`", findVacuousAll},
		{4, "endpoints-counted", "a number of endpoints fits those of others, and those of the spec before", "`leadsTo(service, port, workload, target)`", findCountedEndpoints},
		{11, "containers-twice", "two conditions on containers may be met by two different ones", "one `exists` with both conditions", findContainersTwice},
		{3, "identity-by-name", "what was deleted and created again has the same name", "`isNew(object)`, `same(a, b)` or `ownedBy(object, owner)`", findIdentityByName},
		{9, "differs-from-baseline", "what was changed and put back has happened all the same, and what differs need not have been rolled out", "`rollouts(name)`, or the kind `happened`", findDifference},
		{13, "whole-namespace", "the learner's own objects change a list of the whole namespace", "`owned(object, resource)`, or a selector", findWholeNamespace},
		{11, "unbound-request", "a request for the log of any Pod fits", "`name`, or a condition on `object`", findUnboundRequest},
		{9, "latched-end", "a state that was reached once may be lost again before the step is met", "the kind `state` for the end, and `rollouts(name)` for what was before it", findLatchedEnd},
	}
}

// lintForms reports the dangerous forms of a check, and reasons that are not
// needed.
func lintForms(c *Check, problems *Problems) {
	if c.kind.question {
		return // an answer can't be reached by accident
	}
	forms := formsOf(c)
	known := map[string]bool{}
	for _, rule := range formRules() {
		known[rule.name] = true
		found := rule.finds(c, forms)
		reason, allowed := c.Allow[rule.name]
		switch {
		case found != "" && !allowed:
			problems.warn(c.at, "check %q: %s (kind %d): %s: %s; use %s, or give the reason under `allow: {%s: …}`", c.ID, rule.name, rule.kind, found, rule.danger, rule.instead, rule.name)
		case allowed && found == "":
			problems.warn(c.of("allow"), "check %q allows %s, and has no such form", c.ID, rule.name)
		case allowed && strings.TrimSpace(reason) == "":
			problems.warn(c.of("allow"), "check %q allows %s without a reason", c.ID, rule.name)
		}
	}
	for _, name := range sortedKeys(c.Allow) {
		if !known[name] {
			problems.warn(c.of("allow"), "check %q allows %q, which is no rule", c.ID, name)
		}
	}
}

// form is one call, macro or comparison in an expression of a check.
type form struct {
	name   string // of the function, the macro or the operator
	target string // what a macro or a method is called on
	args   []string
	whole  string   // the expression that it is in
	expr   ast.Expr // the call
}

// formsOf are the calls in all expressions of a check, in order.
func formsOf(c *Check) []form {
	var out []form
	for _, e := range c.exprs {
		if e.program == nil {
			continue
		}
		native := e.program.ast.NativeRep()
		whole, err := cel.ExprToString(native.Expr(), native.SourceInfo())
		if err != nil {
			whole = e.Text
		}
		add := func(x ast.Expr) {
			if x.Kind() != ast.CallKind {
				return
			}
			call := x.AsCall()
			f := form{name: call.FunctionName(), whole: whole, expr: x}
			if call.IsMemberFunction() {
				f.target, _ = cel.ExprToString(call.Target(), native.SourceInfo())
			}
			for _, a := range call.Args() {
				text, _ := cel.ExprToString(a, native.SourceInfo())
				f.args = append(f.args, text)
			}
			out = append(out, f)
		}
		ast.PostOrderVisit(native.Expr(), ast.NewExprVisitor(add))
		macros := native.SourceInfo().MacroCalls()
		for _, id := range sortedKeys(macros) {
			add(macros[id])
		}
	}
	return out
}

func findVacuousAll(_ *Check, forms []form) string {
	for _, f := range forms {
		// A list that is written down has items, and so has a Pod: containers.
		if f.name != "all" || f.target == "" || strings.HasPrefix(f.target, "[") || strings.HasSuffix(f.target, ".containers") {
			continue
		}
		guards := []string{"size(" + f.target + ") > 0", f.target + ".size() > 0", "size(" + f.target + ") == ", f.target + ".size() == ", f.target + ".exists("}
		if filter := strings.LastIndex(f.target, ".filter("); filter > 0 {
			guards = append(guards, f.target[:filter]+".exists("+f.target[filter+len(".filter("):])
		}
		if !slices.ContainsFunc(guards, func(g string) bool { return strings.Contains(f.whole, g) }) {
			return f.target + ".all(…)"
		}
	}
	return ""
}

// sizeOf is the list whose size a form asks for.
func (f form) sizeOf() (string, bool) {
	switch {
	case f.name != "size":
		return "", false
	case f.target != "":
		return f.target, true
	case len(f.args) == 1:
		return f.args[0], true
	}
	return "", false
}

// compared reports whether one side of a comparison of the check is this text,
// and the other is not 0: that there is one, or none, is no count.
func compared(forms []form, text string) bool {
	return slices.ContainsFunc(forms, func(f form) bool {
		i := slices.Index(f.args, text)
		return i >= 0 && len(f.args) == 2 && comparisons[f.name] && f.args[1-i] != "0"
	})
}

var comparisons = map[string]bool{
	operators.Equals: true, operators.NotEquals: true, operators.Less: true, operators.LessEquals: true, operators.Greater: true, operators.GreaterEquals: true,
}

func (f form) text() string {
	if f.target != "" {
		return f.target + "." + f.name + "(" + strings.Join(f.args, ", ") + ")"
	}
	return f.name + "(" + strings.Join(f.args, ", ") + ")"
}

func findCountedEndpoints(_ *Check, forms []form) string {
	for _, f := range forms {
		if list, ok := f.sizeOf(); ok && countedEndpoints.MatchString(list) && compared(forms, f.text()) {
			return f.text()
		}
	}
	return ""
}

var countedEndpoints = regexp.MustCompile(`^(readyEndpoints|endpoints)\(`)

func findContainersTwice(_ *Check, forms []form) string {
	seen := map[string]string{}
	for _, f := range forms {
		if f.name == "exists" && containerList.MatchString(f.target) {
			if seen[f.whole] == f.target {
				return f.target
			}
			seen[f.whole] = f.target
		}
	}
	return ""
}

var containerList = regexp.MustCompile(`(containers|containerStatuses)$`)

func findIdentityByName(_ *Check, forms []form) string {
	byName := func(call string) bool { return nameOfAnother.MatchString(call) }
	for _, f := range forms {
		switch {
		case f.name == "exists" && f.target == "" && byName(f.text()):
			return f.text()
		case comparisons[f.name] && slices.Contains(f.args, "null") && slices.ContainsFunc(f.args, byName):
			return strings.Join(f.args, " and ")
		}
	}
	return ""
}

// nameOfAnother fits a call whose name is no literal.
var nameOfAnother = regexp.MustCompile(`^(before|exists)\("[^"]*", [^"]`)

func findDifference(_ *Check, forms []form) string {
	for _, f := range forms {
		if f.name == operators.NotEquals && slices.ContainsFunc(f.args, func(a string) bool { return strings.HasPrefix(a, "baseline.") }) {
			return strings.Join(f.args, " != ")
		}
	}
	return ""
}

func findWholeNamespace(_ *Check, forms []form) string {
	for _, f := range forms {
		if list, ok := f.sizeOf(); ok && wholeList.MatchString(list) && compared(forms, f.text()) {
			return f.text()
		}
		if f.name == "all" && wholeList.MatchString(f.target) {
			return f.target + ".all(…)"
		}
	}
	return ""
}

var wholeList = regexp.MustCompile(`^list\("[^"]*"\)`)

func findUnboundRequest(c *Check, _ []form) string {
	r, ok := c.fields.(*requestFields)
	if !ok || r.Name != "" || len(r.Subresource) == 0 || r.Expr.mentions("object") {
		return ""
	}
	return r.Resource + "/" + strings.Join(r.Subresource, "|")
}

func findLatchedEnd(c *Check, _ []form) string {
	s, ok := c.fields.(*sequenceFields)
	if !ok || len(s.Moments) == 0 {
		return ""
	}
	last := s.Moments[len(s.Moments)-1]
	if last.Expr.program == nil {
		return ""
	}
	found := ""
	ast.PostOrderVisit(last.Expr.program.ast.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.CallKind && slices.Contains([]string{"ready", "rolledOut"}, x.AsCall().FunctionName()) {
			found = fmt.Sprintf("%s in moment %q", x.AsCall().FunctionName(), last.ID)
		}
	}))
	return found
}

package lessons

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types/ref"

	"github.com/k8stutor/k8stutor/cluster"
)

// requestCheck counts what the learner asked the API server for.
type requestCheck struct {
	check *Check
	count int
}

func (r *requestCheck) observe(e *Engine, in Input) {
	q, ok := in.(Requested)
	if !ok || !q.At.After(e.started) {
		return
	}
	want := r.check
	gvr, _ := ParseResource(want.Resource)
	resource := either(gvr.Resource, want.Resource)
	namespace := either(want.Namespace, e.namespace)
	switch {
	case len(want.Verb) > 0 && !slices.Contains(want.Verb, q.Verb),
		resource != q.Resource || gvr.Group != q.Group,
		!want.asksFor(q.Subresource),
		want.Name != "" && want.Name != q.Name,
		namespace != "*" && q.Namespace != "" && namespace != q.Namespace,
		want.Failed != (q.Code >= 400):
		return
	}
	for key, value := range want.Query {
		if q.Query.Get(key) != value {
			return
		}
	}
	if !want.Expr.IsZero() && !want.Expr.program.holds(e.act, map[string]any{"request": requestValue(q.Request)}) {
		return
	}
	r.count++
}

// asksFor says whether a request of this subresource, "" for the object itself,
// is one that the check is about.
func (c *Check) asksFor(subresource string) bool {
	if len(c.Subresource) == 0 {
		return subresource == ""
	}
	return slices.Contains(c.Subresource, subresource)
}

func requestValue(q cluster.Request) map[string]any {
	query := map[string]any{}
	for key := range q.Query {
		query[key] = q.Query.Get(key)
	}
	return map[string]any{
		"verb": q.Verb, "group": q.Group, "resource": q.Resource, "subresource": q.Subresource, "name": q.Name,
		"namespace": q.Namespace, "query": query, "code": int64(q.Code), "userAgent": q.UserAgent,
	}
}

func (r *requestCheck) judge(*Engine) Verdict {
	if r.count >= r.check.AtLeast {
		return Met
	}
	return Unmet
}

func (r *requestCheck) why(e *Engine) []string {
	c := r.check
	what := c.Resource
	if c.Name != "" {
		what += "/" + c.Name
	}
	if len(c.Subresource) > 0 {
		what += "/" + strings.Join(c.Subresource, "|")
	}
	if len(c.Verb) > 0 {
		what = strings.Join(c.Verb, "|") + " " + what
	}
	keys := make([]string, 0, len(c.Query))
	for key, value := range c.Query {
		keys = append(keys, key+"="+value)
	}
	if len(keys) > 0 {
		slices.Sort(keys)
		what += "?" + strings.Join(keys, "&")
	}
	return []string{e.say.text("request", "What", what, "Observed", r.count, "Wanted", c.AtLeast)}
}

func (r *requestCheck) retry(*Engine) {}
func (r *requestCheck) reset()        { r.count = 0 }

// answerCheck compares what the learner says with what the cluster says.
type answerCheck struct {
	check *Check
	right bool
	wrong string
}

func (a *answerCheck) observe(e *Engine, in Input) {
	given, ok := in.(Answered)
	if !ok || given.Check != a.check.ID || a.right {
		return
	}
	expected, err := e.Expected(a.check)
	value := e.option(given.Text)
	a.right = err == nil && slices.ContainsFunc(expected, func(want string) bool { return sameAnswer(value, want) })
	a.wrong = given.Text
}

// Expected are the right answers of an answer check, as the cluster is now.
func (e *Engine) Expected(c *Check) ([]string, error) {
	return e.strings(c, c.Expect)
}

// options are the choices of an answer check, in the learner's language.
func (e *Engine) options(c *Check) []string {
	if c.Options.IsZero() {
		return nil
	}
	out, err := e.strings(c, c.Options)
	if err != nil {
		return nil
	}
	for i := range out {
		out[i] = either(e.step.string(e.say.lang, func(t stepText) map[string]string { return t.Options }, out[i]), out[i])
	}
	return out
}

// option turns a translated option back into the value that is compared.
func (e *Engine) option(given string) string {
	for _, lang := range []string{e.say.lang, english} {
		for value, shown := range e.step.texts[lang].Options {
			if shown == given {
				return value
			}
		}
	}
	return given
}

func (e *Engine) strings(c *Check, x Expr) ([]string, error) {
	vars, _ := e.stateVars(c)
	v, err := x.program.eval(e.act, vars)
	if err != nil {
		return nil, err
	}
	return stringsOf(v), nil
}

func stringsOf(v ref.Val) []string {
	switch x := native(v).(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, 0, len(x))
		for _, item := range x {
			out = append(out, plain(item))
		}
		return out
	case []string:
		return x
	default:
		return []string{plain(x)}
	}
}

// plain is a value as a learner would type it.
func plain(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case time.Duration:
		return fmt.Sprintf("%.1f s", x.Seconds())
	case time.Time:
		return x.Local().Format(time.TimeOnly)
	}
	return fmt.Sprint(v)
}

func sameAnswer(given, want string) bool {
	given, want = strings.TrimSpace(given), strings.TrimSpace(want)
	if strings.EqualFold(given, want) {
		return true
	}
	a, errA := strconv.ParseFloat(given, 64)
	b, errB := strconv.ParseFloat(want, 64)
	return errA == nil && errB == nil && a == b
}

func (a *answerCheck) judge(*Engine) Verdict {
	if a.right {
		return Met
	}
	return Unmet
}

func (a *answerCheck) why(e *Engine) []string {
	if a.wrong == "" {
		return []string{e.say.text("no-answer")}
	}
	if expected, err := e.Expected(a.check); err != nil || len(expected) == 0 {
		return []string{e.say.text("no-answer-yet")}
	}
	return []string{e.say.text("wrong-answer", "Answer", a.wrong)}
}

func (a *answerCheck) retry(*Engine) {}

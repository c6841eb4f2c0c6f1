package lessons

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/width"
)

func answerKind() *checkKind {
	return &checkKind{
		name:     "answer",
		fields:   func() checkFields { return &answerFields{} },
		scope:    objectScope(),
		question: true,
		doc: kindDoc{
			title: "the learner knows it",
			text: "The question stands in the Markdown, under `questions:`. Case, surrounding blanks and the width of digits and letters (３ or 3) do not matter, and numbers are compared as " +
				"numbers. Fixed options are a CEL list as well: `\"['ClusterIP', 'NodePort', 'neither']\"`; their translations go under " +
				"`options:` in the front matter. Once met, it stays met.",
			example: `
- id: cluster-ip
  kind: answer
  expect: get('services', 'go-api').spec.clusterIP
  options: "list('services').map(s, s.spec.clusterIP)"
`,
			fields: append(objectDocs(),
				fieldDoc{"expect", "the right answer, or a list of right answers"},
				fieldDoc{"options", "a list of choices, which makes the question multiple choice; default: the answer is typed"},
			),
			verdicts: []verdictDoc{
				{Met, "a right answer was given"},
				{Unmet, "no answer was given, a wrong one was, or `expect` has no value yet"},
			},
		},
	}
}

type answerFields struct {
	objectFields
	Expect  Expr `yaml:"expect,required"`
	Options Expr `yaml:"options"`
}

func (f *answerFields) load(l *checkLoader) {
	f.loadObject(l)
	l.value(&f.Expect)
	l.value(&f.Options)
}

func (f *answerFields) checker(c *Check) checker { return &answerCheck{answerFields: f, check: c} }

// answerCheck compares what the learner says with what the cluster says.
type answerCheck struct {
	noMemory
	*answerFields
	check *Check
	right bool
	wrong string
}

func (a *answerCheck) observe(e *Engine, in Input) {
	given, ok := in.(Answered)
	if !ok || given.Check != a.check.ID || a.right {
		return
	}
	expected, err := a.strings(e, a.Expect)
	value := e.option(given.Text)
	a.right = err == nil && slices.ContainsFunc(expected, func(want string) bool { return sameAnswer(value, want) })
	a.wrong = given.Text
}

func (a *answerCheck) options(e *Engine) []string {
	if a.Options.IsZero() {
		return nil
	}
	out, err := a.strings(e, a.Options)
	if err != nil {
		return nil
	}
	for i := range out {
		out[i] = cmp.Or(e.step.string(e.say.lang, func(t stepText) map[string]string { return t.Options }, out[i]), out[i])
	}
	return out
}

// option turns a translated option back into the value that is compared.
func (e *Engine) option(given string) string {
	for _, lang := range []string{e.say.lang, english} {
		for value, shown := range e.step.texts[lang].Options {
			if folded(shown) == folded(given) {
				return value
			}
		}
	}
	return given
}

func (a *answerCheck) strings(e *Engine, x Expr) ([]string, error) {
	vars, _ := a.vars(e)
	v, err := x.program.eval(e.act, vars)
	if err != nil {
		return nil, err
	}
	return stringsOf(v), nil
}

// folded is an answer without what an input method adds to it: spaces around it,
// and full-width digits and letters in place of the usual ones.
func folded(s string) string { return strings.TrimSpace(width.Fold.String(s)) }

func sameAnswer(given, want string) bool {
	given, want = folded(given), folded(want)
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
	if expected, err := a.strings(e, a.Expect); err != nil || len(expected) == 0 {
		return []string{e.say.text("no-answer-yet")}
	}
	return []string{e.say.text("wrong-answer", "Answer", a.wrong)}
}

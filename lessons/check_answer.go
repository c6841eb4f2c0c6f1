package lessons

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

func answerKind() *checkKind {
	return &checkKind{
		name:     "answer",
		fields:   func() checkFields { return &answerFields{} },
		scope:    objectScope(),
		question: true,
		doc: kindDoc{
			title: "the learner knows it",
			text: "The question stands in the Markdown, under `questions:`. Its `type` says which spellings mean the same; with every type case, " +
				"blanks, quotes and full-width characters do not matter. A longer text, such as a line that kubectl printed, is right when it " +
				"holds values of that type and all of them are right. `expect` is looked at whenever the cluster changes, and every value that it " +
				"had during the step is right: no deed can take the answer away. Fixed options are a CEL list as well: " +
				"`\"['ClusterIP', 'NodePort', 'neither']\"`; their translations go under `options:` in the front matter. Once met, it stays met, " +
				"also when the learner leaves and comes back.",
			example: `
- id: cluster-ip
  kind: answer
  type: address
  expect: get('services', 'go-api').spec.clusterIP
`,
			fields: append(objectDocs(),
				fieldDoc{"expect", "the right answer, or a list of right answers"},
				fieldDoc{"type", "what is asked for; default: `choice` with `options`, else `text`. " + answerTypesText()},
				fieldDoc{"options", "a list of choices, which makes the question multiple choice; default: the answer is typed"},
			),
			verdicts: []verdictDoc{
				{Met, "a right answer was given"},
				{Unmet, "no answer was given, a wrong one was, or `expect` has no value yet"},
			},
		},
	}
}

// answerTypesText lists the types of answers for the reference.
func answerTypesText() string {
	var types []string
	for _, d := range answerTypes() {
		types = append(types, fmt.Sprintf("`%s`: %s", d.name, d.text))
	}
	return strings.Join(types, "; ")
}

type answerFields struct {
	objectFields
	Expect  Expr   `yaml:"expect,required"`
	Options Expr   `yaml:"options"`
	Type    string `yaml:"type"`

	typ answerType
}

func (f *answerFields) load(l *checkLoader) {
	f.loadObject(l)
	l.value(&f.Expect)
	l.value(&f.Options)
	var err error
	switch {
	case !f.Options.IsZero():
		f.typ = answerChoice
		if f.Type != "" && f.Type != string(answerChoice) {
			l.problem("type", "a question with options is of type %s", answerChoice)
		}
	case f.Type == string(answerChoice):
		l.problem("type", "type %s needs options", answerChoice)
	case f.Type == "":
		f.typ = answerText
	default:
		if f.typ, err = parseAnswerType(f.Type); err != nil {
			l.problem("type", "%v", err)
		}
	}
}

func (f *answerFields) checker(c *Check) checker { return &answerCheck{answerFields: f, check: c} }

// answerCheck compares what the learner says with what the cluster says, or has
// said since the step began.
type answerCheck struct {
	noMemory
	*answerFields
	check *Check
	keys  []string // the values that expect had, newest last, bounded
	given string   // the last answer
	right bool
}

// maxKeys bounds how many values of a key are kept.
const maxKeys = 256

func (a *answerCheck) observe(e *Engine, in Input) {
	if given, ok := in.(Answered); ok && given.Check == a.check.ID && !a.right {
		a.given = given.Text
		a.gather(e)
		a.compare(e)
	}
}

// gather takes the present values of the key in.
func (a *answerCheck) gather(e *Engine) (grown bool) {
	expected, err := a.strings(e, a.Expect)
	if err != nil {
		return false
	}
	for _, key := range expected {
		if key != "" && !slices.Contains(a.keys, key) {
			a.keys, grown = append(bounded(a.keys, maxKeys), key), true
		}
	}
	return grown
}

func (a *answerCheck) compare(e *Engine) {
	a.right = a.right || a.given != "" && a.typ.accepts(e.option(a.given), a.keys)
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

// option turns an option, translated into any language, back into the value
// that is compared.
func (e *Engine) option(given string) string {
	for _, lang := range Languages() {
		for value, shown := range e.step.texts[lang].Options {
			if normalAnswer(shown) == normalAnswer(given) {
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

// judge looks again when the key has a value more: an answer may come before
// the deed that makes it right.
func (a *answerCheck) judge(e *Engine) Verdict {
	if !a.right && a.gather(e) {
		a.compare(e)
	}
	if a.right {
		return Met
	}
	return Unmet
}

func (a *answerCheck) why(e *Engine) []string {
	switch {
	case a.given == "":
		return []string{e.say.text("no-answer")}
	case len(a.keys) == 0:
		return []string{e.say.text("no-answer-yet")}
	}
	return []string{e.say.text("wrong-answer", "Answer", shortAnswer(a.given))}
}

// shortAnswer is an answer as it can be shown.
func shortAnswer(s string) string {
	const most = 60
	if len(s) > maxAnswer {
		s = s[:maxAnswer]
	}
	r := []rune(normalAnswer(strings.ToValidUTF8(s, "")))
	if len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return string(r)
}

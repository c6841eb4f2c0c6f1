package lessons

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// Languages are those that lessons may be written in; the first is required
// and stands in for what the others lack.
func Languages() []string { return []string{"en", "zh-TW", "zh-CN"} }

const english = "en"

// lessonText is one lesson.<lang>.md.
type lessonText struct {
	located
	Title   string `yaml:"title"`
	Summary string `yaml:"summary"`
	body    string
}

// stepText is one steps/<id>.<lang>.md.
type stepText struct {
	located
	Title     string            `yaml:"title"`
	Checks    map[string]string `yaml:"checks"`
	Questions map[string]string `yaml:"questions"`
	Options   map[string]string `yaml:"options"`
	Why       map[string]string `yaml:"why"`
	body      string
	hints     []string
	debrief   string
}

// LessonText is what a learner reads of a lesson.
type LessonText struct {
	Title, Summary string
	Body           string // Markdown, may be empty
}

// StepText is what a learner reads of a step: Markdown with live values
// filled in by Session, or as "…" placeholders.
type StepText struct {
	Title   string
	Body    string
	Hints   []string // in order, each revealing more
	Debrief string   // in an Update only when the step is met
}

// Text is the lesson's text in a language, each string of it in English where
// the translation lacks it.
func (l *Lesson) Text(lang string) LessonText {
	t, en := l.texts[lang], l.texts[english]
	return LessonText{Title: cmp.Or(t.Title, en.Title), Summary: cmp.Or(t.Summary, en.Summary), Body: cmp.Or(t.body, en.body)}
}

// Text is the step's text in a language. live gives the value of a name for
// `{{ live "name" }}`; nil shows placeholders.
func (s *Step) Text(lang string, live func(name string) (string, bool)) StepText {
	return s.text(lang, live, true)
}

// text leaves the debrief out unless it is wanted: its values are the ones that
// take long to work out, and a step that is not met does not show it.
func (s *Step) text(lang string, live func(name string) (string, bool), debrief bool) StepText {
	t, en := s.texts[lang], s.texts[english]
	hints := t.hints
	for i := len(hints); i < len(en.hints); i++ {
		hints = append(hints[:i:i], en.hints[i])
	}
	out := StepText{Title: cmp.Or(t.Title, en.Title), Body: fill(cmp.Or(t.body, en.body), live)}
	if debrief {
		out.Debrief = fill(cmp.Or(t.debrief, en.debrief), live)
	}
	for _, h := range hints {
		out.Hints = append(out.Hints, fill(h, live))
	}
	return out
}

// string finds one of a step's strings, such as the title of a check.
func (s *Step) string(lang string, from func(stepText) map[string]string, key string) string {
	return cmp.Or(from(s.texts[lang])[key], from(s.texts[english])[key])
}

func (s *Step) checkTitle(lang, id string) string {
	return cmp.Or(s.string(lang, func(t stepText) map[string]string { return t.Checks }, id), id)
}

// placeholder matches `{{ live "name" }}`, with a width if wanted,
// `{{ namespace }}`, `{{ seed }}` and, so that they can be refused, any other
// double braces.
var placeholder = regexp.MustCompile(`\{\{\s*(?:live\s+"([^"{}]*)"(?:\s+([0-9]{1,2}))?|(namespace|seed)|([^{}]*))\s*\}\}`)

// The groups of placeholder.
const (
	groupName = iota + 1
	groupWidth
	groupBuiltin
	groupOther
)

// missingValue stands where a live value can't be worked out yet.
const missingValue = "…"

// fill puts live values into Markdown. A value of several lines becomes a code
// block of its own where it stands alone; in a code block its lines go below
// one another where it begins.
func fill(text string, live func(string) (string, bool)) string {
	lines := strings.Split(text, "\n")
	fenced := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if strings.Contains(line, "{{") {
			lines[i] = fillLine(line, fenced, live)
		}
	}
	return strings.Join(lines, "\n")
}

func fillLine(line string, fenced bool, live func(string) (string, bool)) string {
	out := ""
	for {
		at := placeholder.FindStringSubmatchIndex(line)
		if at == nil {
			return out + line
		}
		value, known := valueOf(line, at, live)
		if !known {
			out, line = out+line[:at[1]], line[at[1]:]
			continue
		}
		before, after := out+line[:at[0]], line[at[1]:]
		parts := strings.Split(value, "\n")
		switch {
		case len(parts) == 1:
		case fenced:
			begin := columnsOf(before[strings.LastIndex(before, "\n")+1:])
			value = strings.Join(parts, "\n"+strings.Repeat(" ", begin))
		case strings.TrimSpace(before+after) == "":
			value = "```\n" + value + "\n```"
		default:
			value = strings.Join(parts, " ")
		}
		out, line = before+value, after
	}
}

// valueOf is what stands for the placeholder at so in line; false when it is
// none.
func valueOf(line string, at []int, live func(string) (string, bool)) (string, bool) {
	group := func(n int) string {
		if at[2*n] < 0 {
			return ""
		}
		return line[at[2*n]:at[2*n+1]]
	}
	name := group(groupName)
	switch {
	case group(groupBuiltin) != "":
		name = group(groupBuiltin)
	case at[2*groupOther] >= 0:
		return "", false
	}
	value, ok := "", false
	if live != nil {
		value, ok = live(name)
	}
	if !ok {
		value = missingValue
	}
	if width := group(groupWidth); width != "" {
		n, _ := strconv.Atoi(width) // the expression lets only digits through
		value = pad(value, n)
	}
	return value, true
}

// The marker lines of a step's Markdown.
const (
	markHint    = "<!-- hint -->"
	markDebrief = "<!-- debrief -->"
)

// readMarkdown splits a file into front matter and body; bodyLine is the line
// the body begins on.
func readMarkdown(fsys fs.FS, name string, front any, problems *Problems) (body string, bodyLine int, ok bool) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			problems.add(Pos{File: name}, "%v", err)
		}
		return "", 0, false
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	rest, found := bytes.CutPrefix(data, []byte("---\n"))
	if !found {
		problems.add(Pos{File: name, Line: 1, Col: 1}, "no front matter: expected --- on the first line")
		return string(data), 1, true
	}
	header, after, found := bytes.Cut(rest, []byte("\n---\n"))
	if !found {
		problems.add(Pos{File: name, Line: 1, Col: 1}, "the front matter has no closing ---")
		return "", 1, true
	}
	decodeYAML(name, header, 2, front, problems)
	return string(after), bytes.Count(header, []byte("\n")) + 4, true
}

// split cuts a step's body at its markers.
func (t *stepText) split(name, body string, line int, problems *Problems) {
	section, text := "", &strings.Builder{}
	finish := func() {
		part := strings.TrimSpace(text.String())
		switch section {
		case "":
			t.body = part
		case markHint:
			t.hints = append(t.hints, part)
		case markDebrief:
			t.debrief = part
		}
		text.Reset()
	}
	fenced := false
	for i, l := range strings.Split(body, "\n") {
		trimmed := strings.TrimSpace(l)
		at := Pos{File: name, Line: line + i, Col: 1}
		if strings.HasPrefix(trimmed, "```") {
			fenced = !fenced
		}
		switch {
		case !fenced && (trimmed == markHint || trimmed == markDebrief):
			if section == markDebrief {
				problems.add(at, "%s after the debrief: there is only one debrief, and it comes last", trimmed)
			}
			finish()
			section = trimmed
			continue
		case !fenced && strings.HasPrefix(trimmed, "<!--"):
			problems.add(at, "unknown marker %s: expected %s or %s", trimmed, markHint, markDebrief)
		}
		text.WriteString(l + "\n")
	}
	finish()
}

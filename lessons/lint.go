package lessons

import (
	"fmt"
	"io/fs"
	"strings"
)

// Lint says what could be better about a lesson that loads: things that a
// finished lesson has and a lesson in the making may lack. It needs no
// cluster.
func Lint(l *Lesson) Problems {
	var problems Problems
	for _, lang := range Languages()[1:] {
		if _, ok := l.texts[lang]; !ok {
			problems.warn(Pos{File: "lesson." + lang + ".md"}, "not translated")
		}
	}
	used := map[string]bool{}
	for _, s := range l.Steps {
		lintStep(s, &problems)
		for _, setup := range []*Setup{s.Start, s.Setup} {
			if setup != nil {
				for _, m := range setup.Manifests {
					used[m] = true
				}
			}
		}
	}
	lintFiles(l, used, &problems)
	_ = problems.err() // sorts
	return problems
}

func lintStep(s *Step, problems *Problems) {
	file := "steps/" + s.ID + "."
	en := s.texts[english]
	if len(s.Mutants) < 2 {
		problems.warn(s.of("mutants"), "step %q has %d mutants, wanted two or more: a near miss that nothing catches is a tick that lies", s.ID, len(s.Mutants))
	}
	caught := map[string]bool{}
	for _, m := range s.Mutants {
		caught[m.CaughtBy] = true
	}
	if len(en.hints) == 0 {
		problems.warn(Pos{File: file + english + ".md"}, "no hint; the last one should hold the whole command")
	}
	if en.debrief == "" {
		problems.warn(Pos{File: file + english + ".md"}, "no debrief")
	}
	if len(s.Topics) == 0 {
		problems.warn(s.at, "step %q names no topics", s.ID)
	}
	for _, c := range s.Checks {
		if c.Kind == KindEvent && len(s.Checks) == 1 {
			problems.warn(c.at, "check %q: Events are best-effort and should not be a step's only proof", c.ID)
		}
		if strings.Contains(c.Expr.Text+c.Spec.Text+c.Status.Text, "tutor-") {
			problems.warn(c.at, "check %q writes a namespace down: use ns", c.ID)
		}
	}
	for _, lang := range Languages()[1:] {
		t, ok := s.texts[lang]
		at := Pos{File: file + lang + ".md"}
		if !ok {
			problems.warn(at, "not translated")
			continue
		}
		for what, missing := range map[string]bool{
			"title": t.Title == "", "text": t.body == "", "debrief": t.debrief == "" && en.debrief != "",
			fmt.Sprintf("%d hints", len(en.hints)): len(t.hints) != len(en.hints),
		} {
			if missing {
				problems.warn(at, "not as the English text: wanted %s", what)
			}
		}
		for _, m := range []struct {
			field    string
			en, here map[string]string
		}{{"checks", en.Checks, t.Checks}, {"questions", en.Questions, t.Questions}, {"why", en.Why, t.Why}, {"options", en.Options, t.Options}} {
			for id := range m.en {
				if m.here[id] == "" {
					problems.warn(at, "%s: %q is not translated", m.field, id)
				}
			}
		}
	}
}

// lintFiles finds files that nothing uses. Those in solution/ are used by
// scripts, which are not read.
func lintFiles(l *Lesson, used map[string]bool, problems *Problems) {
	for _, name := range []string{"lesson.yaml"} {
		used[name] = true
	}
	for _, lang := range Languages() {
		used["lesson."+lang+".md"] = true
		for _, s := range l.Steps {
			used["steps/"+s.ID+"."+lang+".md"] = true
		}
	}
	scripts := strings.Builder{}
	for _, s := range l.Steps {
		scripts.WriteString(s.Solution)
		for _, m := range s.Mutants {
			scripts.WriteString(m.Script)
		}
		for _, a := range s.Alternatives {
			scripts.WriteString(a.Script)
		}
		for _, setup := range []*Setup{s.Start, s.Setup} {
			if setup != nil {
				scripts.WriteString(setup.Script)
			}
		}
	}
	_ = fs.WalkDir(l.files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !used[path] && !strings.Contains(scripts.String(), path) {
			problems.warn(Pos{File: path}, "nothing uses this file")
		}
		return nil
	})
}

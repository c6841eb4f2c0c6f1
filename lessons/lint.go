package lessons

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Lint warns about what a lesson that loads still lacks: things that a finished
// lesson has and a draft may not. It needs no cluster.
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
		for _, setup := range s.allSetups() {
			for _, m := range setup.Manifests {
				used[m] = true
			}
		}
	}
	lintFiles(l, used, &problems)
	_ = problems.err() // sorts
	return problems
}

// allSetups are everything that puts something into the cluster.
func (s *Step) allSetups() []*Setup {
	all := []*Setup{s.Start, s.Setup}
	for _, c := range s.Cases {
		all = append(all, c.Setup)
	}
	return slices.DeleteFunc(all, func(s *Setup) bool { return s == nil })
}

func lintStep(s *Step, problems *Problems) {
	if len(s.Topics) == 0 {
		problems.warn(s.at, "step %q has no topics", s.ID)
	}
	for _, v := range s.Variants() {
		lintProofs(s, v, problems)
		for _, c := range v.Checks {
			lintForms(c, problems)
			if c.kind.unreliable && len(v.Checks) == 1 {
				problems.warn(c.at, "check %q: Events are best-effort; do not make them a step's only proof", c.ID)
			}
			if f, ok := c.fields.(*answerFields); ok && f.Type == "" && f.Options.IsZero() {
				problems.warn(c.at, "question %q has no type: without one, only the very text of the answer is right", c.ID)
			}
			if slices.ContainsFunc(c.exprs, func(e *Expr) bool { return strings.Contains(e.Text, NamespacePrefix) }) {
				problems.warn(c.at, "check %q hard-codes a namespace: use ns", c.ID)
			}
		}
	}
	lintText("steps/"+s.ID+".", s.texts, problems)
	for _, c := range s.Cases {
		lintText("steps/"+s.ID+"."+c.Name+".", c.texts, problems)
	}
}

// lintProofs warns about proofs that a step, or a case of it, lacks. A case needs
// one mutant fewer than a step: its step has those of the other cases.
func lintProofs(s, v *Step, problems *Problems) {
	at, what, mutants := v.of, fmt.Sprintf("step %q", s.ID), 3
	hints, debrief := len(s.texts[english].hints), s.texts[english].debrief
	if v.drawn != nil {
		at, what, mutants = v.drawn.of, fmt.Sprintf("case %q", v.drawn.Name), 2
		hints, debrief = hints+len(v.drawn.texts[english].hints), debrief+v.drawn.texts[english].debrief
	}
	if len(v.Mutants) < mutants {
		problems.warn(at("mutants"), "%s has %d mutants, expected %d or more: a near miss that no check catches earns a false tick", what, len(v.Mutants), mutants)
	}
	if len(v.Alternatives) == 0 {
		problems.warn(at("solution"), "%s has only one solution: add an alternative that is equally correct", what)
	}
	if hints > 0 && hints != 3 {
		problems.warn(at("id"), "%s has %d hints, expected 3: where to look, how, and the whole command", what, hints)
	}
	if debrief != "" && len(placeholdersOf(debrief)) == 0 {
		problems.warn(at("id"), "the debrief of %s shows nothing from this cluster: add a live value", what)
	}
}

// lintText compares the languages of a text.
func lintText(file string, texts map[string]stepText, problems *Problems) {
	en := texts[english]
	if len(en.hints) == 0 {
		problems.warn(Pos{File: file + english + ".md"}, "no hint; the last one should hold the whole command")
	}
	if en.debrief == "" {
		problems.warn(Pos{File: file + english + ".md"}, "no debrief")
	}
	for _, lang := range Languages()[1:] {
		t, ok := texts[lang]
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
				problems.warn(at, "differs from the English text: expected %s", what)
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
			for id := range m.here {
				if m.en[id] == "" {
					problems.warn(at, "%s: %q is not in the English text", m.field, id)
				}
			}
		}
		lintValues(at, en, t, problems)
	}
}

// lintValues compares the live values that two languages show: one that is
// left out, or shown in another section, is a slip of a translation.
func lintValues(at Pos, en, t stepText, problems *Problems) {
	sections := func(t stepText) map[string]string {
		out := map[string]string{"the text": t.body, "the debrief": t.debrief}
		for i, h := range t.hints {
			out[fmt.Sprintf("hint %d", i+1)] = h
		}
		return out
	}
	here := sections(t)
	for name, text := range sections(en) {
		if wanted, got := placeholdersOf(text), placeholdersOf(here[name]); here[name] != "" && !slices.Equal(wanted, got) {
			problems.warn(at, "%s shows the values %v, the English text %v", name, got, wanted)
		}
	}
}

// placeholdersOf returns the distinct placeholders of a text, sorted.
func placeholdersOf(text string) []string {
	found := map[string]bool{}
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		found[m[groupName]+m[groupBuiltin]] = true
	}
	return sortedKeys(found)
}

// lintFiles warns about unused files. Those in solution/ are used by
// scripts, which are not read.
func lintFiles(l *Lesson, used map[string]bool, problems *Problems) {
	for _, name := range []string{"lesson.yaml"} {
		used[name] = true
	}
	scripts := strings.Builder{}
	for _, s := range l.Steps {
		for _, lang := range Languages() {
			used["lesson."+lang+".md"] = true
			used["steps/"+s.ID+"."+lang+".md"] = true
			for _, c := range s.Cases {
				used["steps/"+s.ID+"."+c.Name+"."+lang+".md"] = true
			}
		}
		for _, setup := range s.allSetups() {
			scripts.WriteString(setup.Script)
		}
		for _, v := range s.Variants() {
			scripts.WriteString(v.Solution)
			for _, m := range v.Mutants {
				scripts.WriteString(m.Script)
			}
			for _, a := range v.Alternatives {
				scripts.WriteString(a.Script)
			}
		}
	}
	_ = fs.WalkDir(l.files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !used[path] && !strings.Contains(scripts.String(), path) {
			problems.warn(Pos{File: path}, "unused file")
		}
		return nil
	})
}

package lessons

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// LoadAll loads every folder of fsys that holds a lesson.yaml, in the order of
// the curriculum. The error is Problems; the lessons that are sound come with
// it.
func LoadAll(fsys fs.FS) ([]*Lesson, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read lessons: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		if !e.IsDir() {
			return true
		}
		_, err := fs.Stat(fsys, e.Name()+"/lesson.yaml")
		return err != nil
	})
	all, found := make([]*Lesson, len(entries)), make([]Problems, len(entries))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, e := range entries {
		group.Go(func() error {
			var err error
			all[i], err = Load(fsys, e.Name())
			if errors.As(err, &found[i]) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(all, func(l *Lesson) bool { return l == nil })
	problems := slices.Concat(found...)
	slices.SortFunc(out, func(a, b *Lesson) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Name(), b.Name()))
	})
	return out, problems.err()
}

// Load loads the lesson in folder dir of fsys ("." when fsys is the folder).
// The error is Problems, which hold file, line and column of all that is
// wrong.
func Load(fsys fs.FS, dir string) (*Lesson, error) {
	files, err := fs.Sub(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("lesson %s: %w", dir, err)
	}
	data, err := fs.ReadFile(files, "lesson.yaml")
	if err != nil {
		return nil, fmt.Errorf("lesson %s: %w", dir, err)
	}
	var problems Problems
	l := &Lesson{files: files, texts: map[string]lessonText{}}
	decodeYAML("lesson.yaml", data, 1, l, &problems)
	c, err := sharedCompiler()
	if err != nil {
		return nil, err
	}
	if l.places == nil {
		// Not YAML, or no mapping: nothing else to say.
		problems.add(Pos{File: "lesson.yaml", Line: 1, Col: 1}, "not a lesson: expected a YAML mapping")
		return nil, problems[:max(1, len(problems)-1)].in(dir)
	}
	v := &loader{lesson: l, compiler: c, problems: &problems, watch: map[watch.Spec]Pos{}}
	v.whole(dir)
	if len(problems) == 0 {
		v.loadTexts()
		v.declareWatches()
	}
	if err := problems.in(dir); err != nil {
		return nil, err
	}
	return l, nil
}

// in is p as an error, with the files named from the folder above dir.
func (p Problems) in(dir string) error {
	for i := range p {
		if dir != "." {
			p[i].Pos.File = path.Join(dir, p[i].Pos.File)
		}
	}
	return p.err()
}

// validName is what lessons, steps, checks and moments may be called.
var validName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// loader enforces the rules of docs/LESSONS.md that a field by itself can't
// show, and compiles the expressions.
type loader struct {
	lesson   *Lesson
	compiler *compiler
	problems *Problems
	watch    map[watch.Spec]Pos
}

func (v *loader) name(at Pos, what, value string) {
	if !validName.MatchString(value) {
		v.problems.add(at, "invalid %s %q: use lower-case letters, digits and '-'", what, value)
	}
}

func (v *loader) whole(dir string) {
	l := v.lesson
	if l.APIVersion != APIVersion {
		v.problems.add(l.of("apiVersion"), "apiVersion is %q, expected %s", l.APIVersion, APIVersion)
	}
	if l.Kind != Kind {
		v.problems.add(l.of("kind"), "kind is %q, expected %s", l.Kind, Kind)
	}
	v.name(l.Metadata.of("name"), "metadata.name", l.Metadata.Name)
	if folder := dir[strings.LastIndex(dir, "/")+1:]; folder != "." && folder != l.Metadata.Name {
		v.problems.add(l.Metadata.of("name"), "metadata.name is %q, but the folder is named %q", l.Metadata.Name, folder)
	}
	if l.Minutes <= 0 {
		v.problems.add(l.of("minutes"), "minutes must be greater than 0")
	}
	if len(l.Steps) == 0 {
		v.problems.add(l.of("steps"), "a lesson needs at least one step")
	}
	for i := range l.Touches {
		if _, err := ParseResource(l.Touches[i].Resource); err != nil {
			v.problems.add(l.Touches[i].of("resource"), "%v", err)
		}
	}
	l.settled = Expr{Text: "settled()", at: l.at}
	v.expr(&l.settled, objectScope(), true)
	seen := map[string]bool{}
	for _, s := range l.Steps {
		v.name(s.of("id"), "id of a step", s.ID)
		if seen[s.ID] {
			v.problems.add(s.of("id"), "duplicate step %q", s.ID)
		}
		seen[s.ID] = true
		v.step(s)
	}
}

func (v *loader) step(s *Step) {
	if s.Timeout == 0 {
		s.Timeout = time.Minute
	}
	v.resources(s.Resources, s.of("resources"))
	v.setup(s.Start)
	v.setup(s.Setup)
	if t := s.Traffic; t != nil {
		v.traffic(t)
	}
	v.values(s.Values)
	v.checks(s, s.Checks)
	if len(s.Cases) == 0 {
		v.proofs(s, s.at)
		return
	}
	for _, field := range []string{"solution", "alternatives", "mutants"} {
		if s.has(field) {
			v.problems.add(s.of(field), "step %q has cases: set %s in each case, not in the step", s.ID, field)
		}
	}
	seen := map[string]bool{}
	for _, c := range s.Cases {
		v.name(c.of("name"), "name of a case", c.Name)
		if seen[c.Name] {
			v.problems.add(c.of("name"), "duplicate case %q", c.Name)
		}
		seen[c.Name] = true
		v.caseOf(s, c)
	}
}

// caseOf makes the variant of a step that a case is.
func (v *loader) caseOf(s *Step, c *Case) {
	v.resources(c.Resources, c.of("resources"))
	v.setup(c.Setup)
	v.values(c.Values)
	v.namedObjects(c.MayChange, c.of("mayChange"))
	variant := *s
	variant.Cases, variant.parent, variant.drawn = nil, s, c
	variant.Values = maps.Clone(s.Values)
	if variant.Values == nil {
		variant.Values = map[string]Expr{}
	}
	maps.Copy(variant.Values, c.Values)
	variant.Checks = slices.Concat(s.Checks, c.Checks)
	variant.Solution, variant.Alternatives, variant.Mutants = c.Solution, c.Alternatives, c.Mutants
	if c.Timeout != 0 {
		variant.Timeout = c.Timeout
	}
	c.step = &variant
	v.checks(&variant, c.Checks)
	v.proofs(&variant, c.at)
}

func (v *loader) resources(names []string, at Pos) {
	for _, r := range names {
		gvr, err := ParseResource(r)
		if err != nil {
			v.problems.add(at, "%v", err)
			continue
		}
		v.addWatch(watchDep{gvr, scopeNamespace(gvr.Resource, ownNamespace)}, at)
	}
}

func (v *loader) values(values map[string]Expr) {
	for id, e := range values {
		v.expr(&e, valuesScope(), false)
		values[id] = e
	}
}

// namedObjects keeps a list to `resource/name` and `resource/*`.
func (v *loader) namedObjects(list []string, at Pos) {
	for _, entry := range list {
		i := strings.LastIndex(entry, "/")
		if i < 0 {
			v.problems.add(at, "%q: expected resource/name or resource/*", entry)
		} else if _, err := ParseResource(entry[:i]); err != nil {
			v.problems.add(at, "%v", err)
		}
	}
}

// checks looks at those checks of a step that are new.
func (v *loader) checks(s *Step, these []*Check) {
	if len(s.Checks) == 0 && len(s.Cases) == 0 {
		v.problems.add(s.of("checks"), "step %q needs at least one check", s.ID)
	}
	for _, c := range these {
		v.name(c.of("id"), "id of a check", c.ID)
		if s.Check(c.ID) != c {
			v.problems.add(c.of("id"), "duplicate check %q in this step", c.ID)
		}
		v.check(s, c)
	}
}

// proofs looks at what shows that a step, or a variant of it, is right.
func (v *loader) proofs(s *Step, at Pos) {
	if strings.TrimSpace(s.Solution) == "" {
		what := fmt.Sprintf("step %q", s.ID)
		if s.drawn != nil {
			what = fmt.Sprintf("case %q", s.drawn.Name)
		}
		v.problems.add(at, "%s needs a solution", what)
	}
	for i := range s.Alternatives {
		if a := &s.Alternatives[i]; a.Name == "" || strings.TrimSpace(a.Script) == "" {
			v.problems.add(a.at, "an alternative needs name and script")
		}
	}
	for i := range s.Mutants {
		m := &s.Mutants[i]
		if m.Name == "" || strings.TrimSpace(m.Script) == "" {
			v.problems.add(m.at, "a mutant needs name and script")
		}
		if s.Check(m.CaughtBy) == nil {
			v.problems.add(m.of("caughtBy"), "mutant %q: there is no check %q in this step", m.Name, m.CaughtBy)
		}
		v.expr(&m.Until, objectScope(), true)
	}
}

func scopeNamespace(resource, namespace string) string {
	if gvr, ok := wellKnown()[resource]; ok && clusterScoped(gvr) {
		return ""
	}
	return namespace
}

func (v *loader) traffic(t *Traffic) {
	if t.Service == "" || t.Port == "" {
		v.problems.add(t.at, "traffic needs service and port")
	}
	if t.Path == "" {
		t.Path = "/"
	}
	if t.Rate == 0 {
		t.Rate = 10
	}
	if t.Rate < 0 || t.Rate > 50 {
		v.problems.add(t.of("rate"), "rate is %d, expected 1 to 50 requests per second", t.Rate)
	}
}

func (v *loader) setup(s *Setup) {
	if s == nil {
		return
	}
	for _, m := range s.Manifests {
		if _, err := fs.Stat(v.lesson.files, m); err != nil {
			v.problems.add(s.of("manifests"), "manifest %s: no such file in the lesson folder", m)
		}
	}
	if s.Until.IsZero() {
		s.Until = Expr{Text: "settled()", at: s.at}
	}
	v.expr(&s.Until, objectScope(), true)
}

// expr compiles e and notes what it reads.
func (v *loader) expr(e *Expr, s scope, wantBool bool) {
	v.compiler.compileExpr(e, s, wantBool, v.problems)
	if e.program != nil {
		for _, dep := range e.program.watches {
			v.addWatch(dep, e.at)
		}
	}
}

func (v *loader) addWatch(dep watchDep, at Pos) {
	spec := watch.Spec{Resource: dep.gvr, Namespace: dep.namespace}
	if _, ok := v.watch[spec]; !ok {
		v.watch[spec] = at
	}
}

// declareWatches sees to it that what lies outside the namespace is declared, and
// settles what is watched.
func (v *loader) declareWatches() {
	l := v.lesson
	for _, r := range []string{"events", "pods", "services", "deployments", "replicasets", "endpointslices"} {
		v.addWatch(watchDep{wellKnown()[r], ownNamespace}, l.at)
	}
	for spec, at := range v.watch {
		if spec.Namespace != ownNamespace && !l.touchesSpec(spec) {
			where := "cluster-scoped"
			if spec.Namespace != "" {
				where = "in namespace " + spec.Namespace
			}
			v.problems.add(at, "%s (%s) is outside the lesson's namespace: declare it in touches", spec.Resource.Resource, where)
		}
		l.watch = append(l.watch, spec)
	}
	slices.SortFunc(l.watch, func(a, b watch.Spec) int {
		return cmp.Or(cmp.Compare(a.Resource.String(), b.Resource.String()), cmp.Compare(a.Namespace, b.Namespace))
	})
}

func (l *Lesson) touchesSpec(spec watch.Spec) bool {
	for _, t := range l.Touches {
		if gvr, err := ParseResource(t.Resource); err == nil && gvr == spec.Resource && t.Namespace == spec.Namespace {
			return true
		}
	}
	return false
}

// WatchSpecs is what has to be watched for the lesson when it happens in
// namespace.
func (l *Lesson) WatchSpecs(namespace string) []watch.Spec {
	out := slices.Clone(l.watch)
	for i := range out {
		if out[i].Namespace == ownNamespace {
			out[i].Namespace = namespace
		}
	}
	return out
}

func (v *loader) loadTexts() {
	l := v.lesson
	for _, lang := range Languages() {
		var t lessonText
		file := "lesson." + lang + ".md"
		body, line, ok := readMarkdown(l.files, file, &t, v.problems)
		if ok {
			t.body = strings.TrimSpace(body)
			v.placeholders(file, body, line, nil)
			l.texts[lang] = t
		}
		if lang == english && (!ok || t.Title == "" || t.Summary == "") {
			v.problems.add(Pos{File: file, Line: 1, Col: 1}, "the English text is missing: it needs front matter with title and summary")
		}
	}
	for _, s := range l.Steps {
		s.texts = map[string]stepText{}
		for _, lang := range Languages() {
			v.stepText(s, lang)
		}
		v.caseTexts(s)
	}
}

func (v *loader) stepText(s *Step, lang string) {
	if t, ok := v.readStepText(s, "steps/"+s.ID, lang, s.Checks); ok {
		s.texts[lang] = t
	}
}

// caseTexts loads the texts of a step's cases and puts them into the variants.
// A language that lacks one takes it from English, so each has all.
func (v *loader) caseTexts(s *Step) {
	for _, c := range s.Cases {
		c.texts, c.step.texts = map[string]stepText{}, map[string]stepText{}
		for _, lang := range Languages() {
			if t, ok := v.readStepText(c.step, "steps/"+s.ID+"."+c.Name, lang, c.Checks); ok {
				c.texts[lang] = t
			}
		}
		for _, lang := range Languages() {
			c.step.texts[lang] = s.texts[lang].over(s.texts[english]).withCase(c.texts[lang].over(c.texts[english]))
		}
	}
}

// readStepText reads a text about the checks of a step, or of one of its cases.
func (v *loader) readStepText(s *Step, base, lang string, checks []*Check) (stepText, bool) {
	file := base + "." + lang + ".md"
	var t stepText
	body, line, ok := readMarkdown(v.lesson.files, file, &t, v.problems)
	if !ok {
		if lang == english {
			v.problems.add(Pos{File: file}, "the English text of step %q is missing", s.ID)
		}
		return t, false
	}
	t.split(file, body, line, v.problems)
	v.placeholders(file, body, line, s)
	known := map[string]bool{}
	for _, c := range s.Checks {
		known[c.ID] = true
		for _, title := range c.titles {
			known[title] = true
		}
	}
	for field, m := range map[string]map[string]string{"checks": t.Checks, "questions": t.Questions, "why": t.Why} {
		for id := range m {
			if !known[id] || field == "questions" && !s.Check(id).IsQuestion() {
				v.problems.add(t.of(field), "%s: step %q has no such check %q", field, s.ID, id)
			}
		}
	}
	if lang != english {
		return t, true
	}
	if t.Title == "" {
		v.problems.add(t.at, "%s: title is missing", file)
	}
	for _, c := range checks {
		if t.Checks[c.ID] == "" {
			v.problems.add(t.of("checks"), "check %q has no title in this file", c.ID)
		}
		if c.IsQuestion() && t.Questions[c.ID] == "" {
			v.problems.add(t.of("questions"), "check %q has no question in this file", c.ID)
		}
	}
	return t, true
}

// placeholders refuses names that live text can't have.
func (v *loader) placeholders(file, body string, line int, s *Step) {
	for i, l := range strings.Split(body, "\n") {
		for _, m := range placeholder.FindAllStringSubmatchIndex(l, -1) {
			at := Pos{File: file, Line: line + i, Col: m[0] + 1}
			if m[2*groupOther] >= 0 {
				v.problems.add(at, `%s: expected {{ live "name" }} or {{ namespace }}`, l[m[0]:m[1]])
				continue
			}
			if m[2*groupBuiltin] >= 0 && l[m[2*groupBuiltin]:m[2*groupBuiltin+1]] == "seed" && (s == nil || s.drawn == nil && len(s.Cases) == 0) {
				v.problems.add(at, "only a step with cases has a seed")
			}
			if m[2*groupName] < 0 {
				continue
			}
			value := l[m[2*groupName]:m[2*groupName+1]]
			if s == nil {
				v.problems.add(at, "live values are only allowed in the text of a step")
			} else if _, ok := s.Values[value]; !ok {
				v.problems.add(at, "no value %q among the values of step %q", value, s.ID)
			}
		}
	}
}

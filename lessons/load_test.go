package lessons

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// TestProblemsSayWhere loads broken lessons (testdata/broken/*.yaml, each the
// steps of a lesson) and compares the problems with the golden file beside it.
func TestProblemsSayWhere(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fsys := testFiles("checks: [{id: a, kind: state, expr: 'true'}]", "a")
			fsys["demo/lesson.yaml"] = &fstest.MapFile{Data: data}
			_, err = Load(fsys, "demo")
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("Load gave %v, wanted Problems", err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			got := problems.Error() + "\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblemsInText(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"missing step": {"demo/steps/s.en.md", "", "steps/s.en.md: the English text of step"},
		"no front matter": {
			"demo/steps/s.en.md", "Hello\n",
			"demo/steps/s.en.md:1:1: no front matter: expected --- on the first line",
		},
		"unknown field": {
			"demo/steps/s.en.md", "---\ntitle: A\nchecks: {a: A}\nhint: b\n---\n",
			`demo/steps/s.en.md:4:1: unknown field "hint"`,
		},
		"unknown check": {
			"demo/steps/s.en.md", "---\ntitle: A\nchecks:\n  a: A\nwhy:\n  b: B\n---\n",
			`demo/steps/s.en.md:6:3: why: step "s" has no such check "b"`,
		},
		"unknown value": {
			"demo/steps/s.en.md", "---\ntitle: A\nchecks:\n  a: A\n---\nOne\n\nIt is {{ live \"ip\" }}.\n",
			`demo/steps/s.en.md:8:7: no value "ip" among the values of step "s"`,
		},
		"other braces": {
			"demo/steps/s.en.md", "---\ntitle: A\nchecks:\n  a: A\n---\n{{ .Namespace }}\n",
			`demo/steps/s.en.md:6:1: {{ .Namespace }}: expected`,
		},
		"unknown marker": {
			"demo/steps/s.en.md", "---\ntitle: A\nchecks:\n  a: A\n---\nText\n<!-- hints -->\n",
			`demo/steps/s.en.md:7:1: unknown marker`,
		},
		"broken YAML": {
			"demo/steps/s.en.md", "---\ntitle: A\nchecks: [\n---\n",
			"demo/steps/s.en.md:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := testFiles("checks: [{id: a, kind: state, expr: 'true'}]", "a")
			delete(fsys, c.file)
			if c.text != "" {
				fsys[c.file] = &fstest.MapFile{Data: []byte(c.text)}
			}
			_, err := Load(fsys, "demo")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Load gave %v, wanted %s", err, c.want)
			}
		})
	}
}

func TestTextFallsBackStringByString(t *testing.T) {
	fsys := testFiles("values: {x: \"'hello'\"}\nchecks: [{id: a, kind: state, expr: 'true'}]", "a")
	fsys["demo/steps/s.en.md"] = &fstest.MapFile{Data: []byte(
		"---\ntitle: Title\nchecks:\n  a: Check\n---\nBody {{ live \"x\" }} in {{ namespace }}\n<!-- hint -->\nOne\n<!-- hint -->\nTwo\n<!-- debrief -->\nEnd\n")}
	fsys["demo/steps/s.zh-TW.md"] = &fstest.MapFile{Data: []byte("---\ntitle: 標題\n---\n<!-- hint -->\n一\n")}
	l, err := Load(fsys, "demo")
	if err != nil {
		t.Fatal(err)
	}
	live := func(name string) (string, bool) { return "<" + name + ">", true }
	got := l.Steps[0].Text("zh-TW", live)
	want := StepText{Title: "標題", Body: "Body <x> in <namespace>", Hints: []string{"一", "Two"}, Debrief: "End"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := l.Steps[0].Text("en", nil).Body; got != "Body … in …" {
		t.Errorf("without values the body is %q", got)
	}
	if got := l.Text("zh-CN"); got.Title != "Demo" {
		t.Errorf("lesson's title is %q", got.Title)
	}
}

// TestLintWantsProofs: a step without another way, with too few near misses or
// hints, or with a debrief that could stand in a book, isn't finished.
func TestLintWantsProofs(t *testing.T) {
	text := func(hints int, debrief string) string {
		return "---\ntitle: T\nchecks: {a: A}\n---\nText\n" + strings.Repeat("<!-- hint -->\nh\n", hints) + "<!-- debrief -->\n" + debrief + "\n"
	}
	mutants := func(n int) string {
		return "mutants: [" + strings.Repeat("{name: m, script: 'true', caughtBy: a},", n) + "]"
	}
	const way = "alternatives: [{name: w, script: 'true'}]\n"
	for name, c := range map[string]struct{ step, text, want string }{
		"finished":        {way + mutants(3), text(3, "{{ namespace }}"), ""},
		"one way":         {mutants(3), text(3, "{{ namespace }}"), "has only one solution"},
		"two mutants":     {way + mutants(2), text(3, "{{ namespace }}"), "has 2 mutants, expected 3"},
		"two hints":       {way + mutants(3), text(2, "{{ namespace }}"), "has 2 hints, expected 3"},
		"bookish debrief": {way + mutants(3), text(3, "So it is."), "shows nothing from this cluster"},
	} {
		fsys := testFiles("topics: [T]\nchecks: [{id: a, kind: state, expr: 'true'}]\n"+c.step, "a")
		for _, lang := range Languages() {
			fsys["demo/steps/s."+lang+".md"] = &fstest.MapFile{Data: []byte(c.text)}
			if lang != english {
				fsys["demo/lesson."+lang+".md"] = &fstest.MapFile{Data: []byte("---\ntitle: T\nsummary: S\n---\n")}
			}
		}
		l, err := Load(fsys, "demo")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		problems := Lint(l)
		if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || !strings.Contains(problems.Error(), c.want)) {
			t.Errorf("%s: lint finds %q, wanted %q alone", name, problems.Error(), c.want)
		}
	}
}

func TestWatchIsDiscovered(t *testing.T) {
	l := testLesson(t, "checks: [{id: a, kind: state, expr: \"settled() && exists('configmaps', 'x')\"}]", "a")
	var got []string
	for _, spec := range l.WatchSpecs("here") {
		got = append(got, spec.Resource.Resource+"@"+spec.Namespace)
	}
	slices.Sort(got)
	want := []string{"configmaps@here", "daemonsets@here", "deployments@here", "endpointslices@here", "events@here", "pods@here", "replicasets@here", "services@here", "statefulsets@here"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestContent: the lessons that are shipped are sound.
func TestContent(t *testing.T) {
	all, err := LoadAll(os.DirFS("content"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no lessons")
	}
	for _, l := range all {
		if found := Lint(l); len(found) > 0 {
			t.Errorf("%s:\n%v", l.Name(), found)
		}
	}
}

// FuzzLoad: whatever stands in a file, loading it ends with an error or a
// lesson, and errors are Problems.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/broken/*.yaml")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data, []byte("---\ntitle: x\n---\n{{ live \"x\" }}\n<!-- hint -->"))
		}
	}
	f.Fuzz(func(t *testing.T, lesson, step []byte) {
		fsys := testFiles("checks: [{id: a, kind: state, expr: 'true'}]", "a")
		fsys["demo/lesson.yaml"] = &fstest.MapFile{Data: lesson}
		fsys["demo/steps/s.en.md"] = &fstest.MapFile{Data: step}
		_, err := Load(fsys, "demo")
		var problems Problems
		if err != nil && !errors.As(err, &problems) && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%T: %v", err, err)
		}
	})
}

// TestLintComparesTheLanguages: what a translation lacks, has too much, or
// shows elsewhere is told. TestContent holds the shipped lessons to it.
func TestLintComparesTheLanguages(t *testing.T) {
	const en = "---\ntitle: T\nchecks: {a: A}\nwhy: {a: W}\n---\nIt is {{ live \"x\" }}.\n<!-- hint -->\nh\n<!-- hint -->\ni\n<!-- hint -->\nj\n<!-- debrief -->\n{{ namespace }}\n"
	for name, c := range map[string]struct{ from, to, want string }{
		"the same":           {"", "", ""},
		"a check less":       {"checks: {a: A}", "checks: {}", `checks: "a" is not translated`},
		"a why less":         {"why: {a: W}\n", "", `why: "a" is not translated`},
		"an option too many": {"why: {a: W}\n", "why: {a: W}\noptions: {o: O}\n", `options: "o" is not in the English text`},
		"another value":      {`{{ live "x" }}`, `{{ live "y" }}`, "the text shows the values [y], the English text [x]"},
		"a value less":       {`{{ live "x" }}`, "so", "the text shows the values [], the English text [x]"},
		"a value too many":   {"\nh\n", "\n{{ live \"x\" }}\n", "hint 1 shows the values [x], the English text []"},
		"no namespace":       {"{{ namespace }}", "here", "the debrief shows the values [], the English text [namespace]"},
		"no hint":            {"<!-- hint -->\nh\n", "", "expected 3 hints"},
		"no debrief":         {"<!-- debrief -->\n{{ namespace }}\n", "", "expected debrief"},
	} {
		fsys := testFiles("topics: [T]\nvalues: {x: \"'hello'\", y: \"'you'\"}\nchecks: [{id: a, kind: state, expr: 'true'}]\n"+
			"alternatives: [{name: w, script: 'true'}]\n"+
			"mutants: [{name: m, script: 'true', caughtBy: a}, {name: n, script: 'true', caughtBy: a}, {name: o, script: 'true', caughtBy: a}]", "a")
		fsys["demo/steps/s.en.md"] = &fstest.MapFile{Data: []byte(en)}
		changed := strings.Replace(en, c.from, c.to, 1)
		for _, lang := range Languages()[1:] {
			fsys["demo/lesson."+lang+".md"] = &fstest.MapFile{Data: []byte("---\ntitle: T\nsummary: S\n---\n")}
			fsys["demo/steps/s."+lang+".md"] = &fstest.MapFile{Data: []byte(changed)}
		}
		l, err := Load(fsys, "demo")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		problems := Lint(l)
		if c.want == "" && len(problems) > 0 || c.want != "" && !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s: lint finds %q, wanted %q", name, problems.Error(), c.want)
		}
	}
}

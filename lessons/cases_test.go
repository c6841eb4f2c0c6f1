package lessons

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// caseFiles is a lesson with a plain step and one with three cases.
func caseFiles() fstest.MapFS {
	oneCase := func(name, wanted string) string {
		return fmt.Sprintf(`      - name: %s
        setup: {manifests: [%[1]s.yaml], until: "exists('configmaps', 'fault')"}
        mayChange: [configmaps/fault]
        values: {v: "get('configmaps', 'fault').data.v"}
        checks:
          - {id: %[1]s-fixed, kind: state, expr: "get('configmaps', 'fault').data.v == '%[2]s'"}
        solution: fix %[1]s
        mutants:
          - {name: nothing, script: "true", caughtBy: %[1]s-fixed}
          - {name: too much, script: "true", caughtBy: untouched}
`, name, wanted)
	}
	fsys := fstest.MapFS{
		"c/lesson.yaml": {Data: []byte(`apiVersion: k8stutor.dev/v1
kind: Lesson
metadata: {name: c}
order: 1
minutes: 1
steps:
  - id: plain
    solution: "true"
    checks:
      - {id: a, kind: state, expr: "exists('configmaps', 'go-on')"}
  - id: cases
    setup: {manifests: [others.yaml], until: "true"}
    values: {done: "size(solved())"}
    checks:
      - {id: untouched, kind: untouched, resources: [configmaps]}
    cases:
` + oneCase("one", "1") + oneCase("two", "2") + oneCase("three", "3"))},
		"c/others.yaml":          {Data: []byte("metadata: {name: others}\ndata: {v: '0'}\n")},
		"c/lesson.en.md":         {Data: []byte("---\ntitle: T\nsummary: S\n---\n")},
		"c/steps/plain.en.md":    {Data: []byte("---\ntitle: P\nchecks: {a: A}\n---\n")},
		"c/steps/cases.en.md":    {Data: []byte("---\ntitle: Cases\nchecks: {untouched: Nothing else}\n---\nCase {{ seed }}, {{ live \"done\" }} solved.\n<!-- hint -->\ngeneral\n<!-- debrief -->\nWell done.\n")},
		"c/steps/cases.zh-TW.md": {Data: []byte("---\ntitle: 案件\nchecks: {untouched: 其他沒動}\n---\n第 {{ seed }} 案。\n<!-- hint -->\n一般\n<!-- debrief -->\n很好。\n")},
	}
	for _, name := range []string{"one", "two", "three"} {
		fsys["c/"+name+".yaml"] = &fstest.MapFile{Data: []byte("metadata: {name: fault}\ndata: {v: broken}\n")}
		fsys["c/steps/cases."+name+".en.md"] = &fstest.MapFile{Data: []byte(
			"---\ntitle: The " + name + "\nchecks: {" + name + "-fixed: Fixed}\n---\nIt is {{ live \"v\" }}.\n<!-- hint -->\nhint of " + name + "\n<!-- debrief -->\nIt was " + name + ".\n")}
	}
	fsys["c/steps/cases.one.zh-TW.md"] = &fstest.MapFile{Data: []byte("---\ntitle: 第一\n---\n壞了：{{ live \"v\" }}。\n")}
	return fsys
}

func caseLesson(t testing.TB) *Lesson {
	t.Helper()
	l, err := Load(caseFiles(), "c")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSeedsDrawEveryCaseBeforeOneComesAgain(t *testing.T) {
	step := caseLesson(t).Step("cases")
	var names []string
	for round := range 20 {
		var drawn []string
		for i := range 3 {
			v := step.Draw(1 + 3*round + i)
			if v.ID != "cases" || v.CaseName() == "" {
				t.Fatalf("seed %d draws %+v", 1+3*round+i, v)
			}
			drawn = append(drawn, v.CaseName())
		}
		names = append(names, strings.Join(drawn, " "))
		slices.Sort(drawn)
		if !slices.Equal(drawn, []string{"one", "three", "two"}) {
			t.Errorf("round %d draws %v", round, drawn)
		}
	}
	slices.Sort(names)
	if different := slices.Compact(slices.Clone(names)); len(different) < 4 {
		t.Errorf("20 rounds have only the orders %q", different)
	}
	// People share seeds: they must stay what they are.
	if got := []int(deck(0, 12)); !slices.Equal(got, []int{4, 6, 7, 9, 11, 3, 10, 1, 2, 0, 8, 5}) {
		t.Errorf("the first deck of 12 is %v", got)
	}
	for _, v := range step.Variants() {
		if step.Draw(v.SeedOf()) != v {
			t.Errorf("seed %d does not draw %s", v.SeedOf(), v.CaseName())
		}
	}
}

func TestTextOfACase(t *testing.T) {
	step := caseLesson(t).Step("cases").variant("one")
	live := func(name string) (string, bool) { return "<" + name + ">", true }
	en, tw, cn := step.Text("en", live), step.Text("zh-TW", live), step.Text("zh-CN", live)
	if en.Title != "Cases" || en.Body != "Case <seed>, <done> solved.\n\nIt is <v>." || !slices.Equal(en.Hints, []string{"general", "hint of one"}) ||
		en.Debrief != "**The one**\n\nIt was one.\n\nWell done." {
		t.Errorf("English is %+v", en)
	}
	if tw.Title != "案件" || tw.Body != "第 <seed> 案。\n\n壞了：<v>。" || !slices.Equal(tw.Hints, []string{"一般", "hint of one"}) || tw.Debrief != "**第一**\n\nIt was one.\n\n很好。" {
		t.Errorf("zh-TW is %+v", tw)
	}
	if cn.Body != en.Body || step.checkTitle("zh-TW", "untouched") != "其他沒動" || step.checkTitle("zh-TW", "one-fixed") != "Fixed" {
		t.Errorf("zh-CN is %+v", cn)
	}
}

func TestProblemsOfCases(t *testing.T) {
	for name, c := range map[string]struct{ from, to, file, want string }{
		"two of a name":    {"name: two", "name: one", "lesson.yaml", `duplicate case "one"`},
		"no solution":      {"        solution: fix two\n", "", "lesson.yaml", `case "two" needs a solution`},
		"solution of all":  {"    values: {done", "    solution: x\n    values: {done", "lesson.yaml", "has cases: set solution in each case, not in the step"},
		"unknown check":    {"caughtBy: two-fixed", "caughtBy: one-fixed", "lesson.yaml", `there is no check "one-fixed"`},
		"same check":       {"id: two-fixed", "id: untouched", "lesson.yaml", `duplicate check "untouched" in this step`},
		"may change what":  {"[configmaps/fault]", "[fault]", "lesson.yaml", "expected resource/name"},
		"seed elsewhere":   {"checks: {a: A}\n---\n", "checks: {a: A}\n---\n{{ seed }}\n", "steps/plain.en.md", "only a step with cases has a seed"},
		"no title":         {"two-fixed: Fixed", "", "steps/cases.two.en.md", `check "two-fixed" has no title`},
		"value of another": {`live "v"`, `live "w"`, "steps/cases.two.en.md", `no value "w" among the values of step "cases"`},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := caseFiles()
			file := fsys["c/"+c.file]
			changed := strings.Replace(string(file.Data), c.from, c.to, 1)
			if changed == string(file.Data) {
				t.Fatalf("%q is not in %s", c.from, c.file)
			}
			file.Data = []byte(changed)
			_, err := Load(fsys, "c")
			var problems Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Load gave %v, wanted %s", err, c.want)
			}
		})
	}
	fsys := caseFiles()
	delete(fsys, "c/steps/cases.two.en.md")
	if _, err := Load(fsys, "c"); err == nil || !strings.Contains(err.Error(), "steps/cases.two.en.md: the English text") {
		t.Errorf("a case without text gave %v", err)
	}
}

func TestASessionDrawsACaseAndKeepsIt(t *testing.T) {
	lesson := caseLesson(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	path := filepath.Join(t.TempDir(), "progress.json")
	progress, err := OpenProgress(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	drawn := lesson.Step("cases").Draw(2).CaseName()
	wanted := map[string]string{"one": "1", "two": "2", "three": "3"}
	s := startTestSession(t, w, SessionOptions{Lesson: lesson, Step: "cases", Seed: 2, Progress: progress})
	u := awaitUpdate(t, s, "the case", active("cases"))
	if got, want := w.took(), []string{"enter ", "clear", "apply others", "apply fault", "enter cases#2"}; !slices.Equal(got, want) {
		t.Fatalf("calls are %q, wanted %q", got, want)
	}
	if u.Seed != 2 || !strings.Contains(u.Text.Body, "Case 2, 0 solved.") || !strings.Contains(u.Text.Body, "It is broken.") {
		t.Fatalf("seed %d, text %q", u.Seed, u.Text.Body)
	}
	s.OpenHint()
	awaitUpdate(t, s, "a hint", func(u Update) bool { return u.Hints == 1 })

	// Somebody else's is changed, the fault fixed, and the other put back.
	w.put(configMap("others", "1"))
	w.put(configMap("fault", wanted[drawn]))
	u = awaitUpdate(t, s, "what was touched", func(u Update) bool { return len(u.Outcome.Checks) == 2 && u.Outcome.Checks[1].Verdict == Met })
	if c := u.Outcome.Checks[0]; u.Outcome.Met || c.Verdict != Unmet || !strings.Contains(strings.Join(c.Why, " "), `configmap/others: data.v was "0" and is now "1"`) {
		t.Fatalf("untouched is %+v", c)
	}
	w.put(configMap("others", "0"))
	u = awaitUpdate(t, s, "met", func(u Update) bool { return u.Outcome.Met })
	if !strings.Contains(u.Text.Body, "1 solved") {
		t.Errorf("the text is %q", u.Text.Body)
	}
	if p := progress.Lesson("c").Steps["cases"]; p.Seed != 2 || !slices.Equal(p.Solved, []string{drawn}) || p.Hints != 1 {
		t.Errorf("progress is %+v", p)
	}
	w.took()
	s.Reset()
	awaitUpdate(t, s, "the same case", func(u Update) bool { return u.Entry == 2 && u.State == StateActive && u.Seed == 2 && u.Hints == 1 })
	if err := s.Draw("cases", 0); err != nil {
		t.Fatal(err)
	}
	awaitUpdate(t, s, "the next case", func(u Update) bool { return u.State == StateActive && u.Seed == 3 && u.Hints == 0 })
	if err := s.Draw("plain", 1); err == nil {
		t.Error("a step without cases drew one")
	}
	s.Close()

	// Resuming is the same case, as the learner has left it.
	w.took()
	again := startTestSession(t, w, SessionOptions{Lesson: lesson, Progress: progress})
	awaitUpdate(t, again, "the case resumed", func(u Update) bool { return u.State == StateActive && u.Seed == 3 })
	if got := w.took(); len(got) > 0 {
		t.Errorf("calls are %q, wanted none", got)
	}
}

func TestAStepWithCasesBeginsFresh(t *testing.T) {
	lesson := caseLesson(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	s := startTestSession(t, w, SessionOptions{Lesson: lesson, Step: "plain"})
	awaitUpdate(t, s, "the plain step", active("plain"))
	w.put(configMap("go-on", "1"))
	awaitUpdate(t, s, "met", func(u Update) bool { return u.Outcome.Met })
	w.took()
	s.Next()
	u := awaitUpdate(t, s, "a case", active("cases"))
	if u.Seed < 1 || u.Seed > maxRandomSeed {
		t.Errorf("the seed is %d", u.Seed)
	}
	want := []string{"enter ", "clear", "apply others", "apply fault", fmt.Sprintf("enter cases#%d", u.Seed)}
	if got := w.took(); !slices.Equal(got, want) {
		t.Errorf("calls are %q, wanted %q", got, want)
	}
}

// untouchedStep guards what belongs to others.
const untouchedStep = `
resources: [replicasets]
checks:
  - {id: a, kind: untouched, mayChange: [deployments/mine, 'configmaps/*']}
  - {id: b, kind: state, expr: "exists('services', 'done')"}`

func deployment(name string, replicas int, more string) string {
	return fmt.Sprintf("{kind: Deployment, metadata: {name: %s, uid: d-%[1]s, labels: {app: %[1]s}, annotations: {r: '%d'}}, spec: {replicas: %d%s}, status: {replicas: %[3]d}}",
		name, replicas, replicas, more)
}

func ownedBy(kind, resource, owner, name string) string {
	return fmt.Sprintf("{kind: %s, metadata: {name: %s, uid: %s, ownerReferences: [{kind: %s, name: %s, uid: %s}]}}", kind, name, name, resource, strings.TrimPrefix(owner, "d-"), owner)
}

func TestUntouched(t *testing.T) {
	begin := func(t *testing.T) *rig {
		r := newRig(t, untouchedStep, "a", "b")
		for _, name := range []string{"mine", "theirs"} {
			r.put("deployments", deployment(name, 1, ""), initial)
			r.put("replicasets", ownedBy("ReplicaSet", "Deployment", "d-"+name, "rs-"+name), initial)
			r.put("pods", ownedBy("Pod", "ReplicaSet", "rs-"+name, "p-"+name), initial)
		}
		r.put("configmaps", "{kind: ConfigMap, metadata: {name: c}, data: {a: b}}", initial)
		r.begin()
		r.want("a", Converging)
		return r
	}
	done := func(r *rig) { r.put("services", "{kind: Service, metadata: {name: done}}") }
	t.Run("what may change, with what it owns, and new objects", func(t *testing.T) {
		r := begin(t)
		r.put("deployments", deployment("mine", 5, ""))
		r.remove("pods", "p-mine")
		r.remove("replicasets", "rs-mine")
		r.remove("configmaps", "c")
		r.put("pods", pod("toolbox", "x", true))
		r.remove("pods", "toolbox")
		r.want("a", Converging)
		done(r)
		r.want("a", Met)
		r.wantMet(true)
	})
	t.Run("changed and put back", func(t *testing.T) {
		r := begin(t)
		r.put("deployments", deployment("theirs", 0, ""))
		r.want("a", Unmet, "deployment/theirs: spec.replicas was 1 and is now 0")
		done(r)
		r.wantMet(false)
		r.put("deployments", deployment("theirs", 1, ", paused: true"))
		r.want("a", Unmet, "deployment/theirs: spec.paused was – and is now true")
		r.put("deployments", deployment("theirs", 1, ""))
		r.wantMet(true)
	})
	t.Run("labels", func(t *testing.T) {
		r := begin(t)
		r.put("replicasets", strings.Replace(ownedBy("ReplicaSet", "Deployment", "d-theirs", "rs-theirs"), "name:", "labels: {x: y}, name:", 1))
		r.want("a", Unmet, "metadata.labels.x")
	})
	for name, spoil := range map[string]func(*rig){
		"a Pod of others deleted": func(r *rig) { r.remove("pods", "p-theirs") },
		"a Pod of others being deleted": func(r *rig) {
			r.put("pods", strings.Replace(ownedBy("Pod", "ReplicaSet", "rs-theirs", "p-theirs"), "name:", "deletionTimestamp: now, name:", 1))
		},
		"re-created under its name": func(r *rig) {
			r.remove("deployments", "theirs")
			r.put("deployments", strings.Replace(deployment("theirs", 1, ""), "uid: d-theirs", "uid: other", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := begin(t)
			spoil(r)
			done(r)
			r.want("a", Violated, "was deleted", "retry")
			r.wantMet(false)
			r.handle(Retry{})
			r.wantMet(true)
		})
	}
}

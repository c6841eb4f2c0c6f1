package lessons

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

// fakeWorld is a cluster in memory that keeps what it was asked to do.
type fakeWorld struct {
	client dynamic.Interface

	mu      sync.Mutex
	calls   []string
	entered string
	version uint64
	fail    error
	block   chan struct{} // when set, Clear waits for it
	reply   space.Reply
}

func newFakeWorld(specs []watch.Spec) *fakeWorld {
	kinds := map[schema.GroupVersionResource]string{}
	for _, spec := range specs {
		kinds[spec.Resource] = spec.Resource.Resource + "List"
	}
	return &fakeWorld{client: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds), version: 100}
}

func (w *fakeWorld) call(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
	return w.fail
}

func (w *fakeWorld) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *fakeWorld) took() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.calls
	w.calls = nil
	return out
}

func (w *fakeWorld) Namespace() string { return "ns" }
func (w *fakeWorld) Watch(ctx context.Context, specs []watch.Spec) *watch.Watcher {
	return watch.Start(ctx, w.client, specs)
}
func (w *fakeWorld) Requests(context.Context) (*space.AuditTail, error) { return nil, nil }
func (w *fakeWorld) Snapshot(context.Context, []watch.Spec) ([]space.Listing, error) {
	return nil, nil
}

func (w *fakeWorld) Enter(_ context.Context, step string) (uint64, error) {
	name, _, _ := strings.Cut(step, "@")
	err := w.call("enter %s", name)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entered = step
	w.version++
	return w.version, err
}

func (w *fakeWorld) Entered(context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entered, nil
}

func (w *fakeWorld) Clear(ctx context.Context) error {
	w.mu.Lock()
	block := w.block
	w.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return w.call("clear")
}

func (w *fakeWorld) Apply(ctx context.Context, manifest []byte) error {
	var u unstructured.Unstructured
	if err := yaml.Unmarshal(manifest, &u.Object); err != nil {
		return err
	}
	if err := w.call("apply %s", u.GetName()); err != nil {
		return err
	}
	w.put(&u)
	return nil
}

// put writes a ConfigMap with a new version.
func (w *fakeWorld) put(u *unstructured.Unstructured) {
	w.mu.Lock()
	w.version++
	u.SetResourceVersion(fmt.Sprint(w.version))
	w.mu.Unlock()
	u.SetNamespace("ns")
	u.SetAPIVersion("v1")
	u.SetKind("ConfigMap")
	maps := w.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("ns")
	if _, err := maps.Create(context.Background(), u, metav1.CreateOptions{}); err != nil {
		if _, err := maps.Update(context.Background(), u, metav1.UpdateOptions{}); err != nil {
			panic(err)
		}
	}
}

// drop deletes a ConfigMap. The fake cluster gives deletions no version of their
// own, so one is made by writing it once more.
func (w *fakeWorld) drop(name, value string) {
	w.put(configMap(name, value))
	maps := w.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("ns")
	if err := maps.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
		panic(err)
	}
}

func (w *fakeWorld) Script(_ context.Context, _, script string) (space.ScriptResult, error) {
	return space.ScriptResult{}, w.call("script %s", strings.TrimSpace(script))
}

func (w *fakeWorld) Probe(context.Context, string, string, string) (space.Reply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reply.Code == 0 {
		return w.reply, errors.New("connection refused")
	}
	return w.reply, nil
}

func configMap(name, value string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": name}, "data": map[string]any{"v": value}}}
}

// twoSteps is a lesson whose steps are met by a ConfigMap each.
func twoSteps(t testing.TB) *Lesson {
	t.Helper()
	step := func(id string) []byte {
		return []byte("---\ntitle: " + id + "\nchecks: {a: A}\n---\n{{ live \"v\" }}\n<!-- hint -->\nh\n")
	}
	fsys := fstest.MapFS{
		"two/lesson.yaml": {Data: []byte(`apiVersion: k8stutor.dev/v1
kind: Lesson
metadata: {name: two}
order: 1
minutes: 1
steps:
  - id: one
    solution: "true"
    values: {v: "get('configmaps', 'x').data.v"}
    checks:
      - {id: a, kind: state, expr: "get('configmaps', 'x').data.v == '1'"}
  - id: two
    solution: "true"
    values: {v: ns}
    traffic: {service: s, port: 80, rate: 50}
    start: {manifests: [x.yaml], script: echo start, until: "exists('configmaps', 'in-ns')"}
    setup: {script: echo setup, until: "true"}
    checks:
      - {id: a, kind: traffic, atLeast: 2, versions: ["0.0.2"]}
`)},
		"two/lesson.en.md":    {Data: []byte("---\ntitle: T\nsummary: S\n---\n")},
		"two/x.yaml":          {Data: []byte("metadata: {name: 'in-{{ namespace }}'}\n")},
		"two/steps/one.en.md": {Data: step("one")},
		"two/steps/two.en.md": {Data: step("two")},
	}
	l, err := Load(fsys, "two")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startTestSession(t *testing.T, w *fakeWorld, o SessionOptions) *Session {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	o.Environment = w
	s, err := StartSession(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		goleak.VerifyNone(t, leaks)
	})
	return s
}

func awaitUpdate(t *testing.T, s *Session, what string, wanted func(Update) bool) Update {
	t.Helper()
	timeout := time.After(10 * time.Second)
	var last Update
	for {
		select {
		case u, ok := <-s.Updates():
			if !ok {
				t.Fatalf("the session ended while waiting for %s", what)
			}
			if last = u; wanted(u) {
				return u
			}
		case <-timeout:
			t.Fatalf("no update with %s; the last was %+v", what, last)
		}
	}
}

func active(step string) func(Update) bool {
	return func(u Update) bool { return u.Step == step && u.State == StateActive }
}

func TestSessionLeadsThroughALesson(t *testing.T) {
	lesson := twoSteps(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	path := filepath.Join(t.TempDir(), "progress.json")
	progress, err := OpenProgress(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var trace bytes.Buffer
	s := startTestSession(t, w, SessionOptions{Lesson: lesson, Progress: progress, TraceTo: &trace})
	u := awaitUpdate(t, s, "step one", active("one"))
	if u.Outcome.Met || u.Index != 0 || u.Count != 2 || u.Text.Body != missingValue {
		t.Fatalf("update is %+v", u)
	}
	if got, want := w.took(), []string{"enter ", "clear", "enter one"}; !slices.Equal(got, want) {
		t.Fatalf("calls are %q, wanted %q", got, want)
	}
	w.put(configMap("x", "0"))
	awaitUpdate(t, s, "a live value", func(u Update) bool { return u.Text.Body == "0" && !u.Outcome.Met })
	s.OpenHint()
	s.OpenHint() // there is only one
	w.put(configMap("x", "1"))
	u = awaitUpdate(t, s, "met", func(u Update) bool { return u.Outcome.Met && u.Hints == 1 })
	if u.Done["one"].IsZero() {
		t.Fatalf("done is %v", u.Done)
	}
	w.put(configMap("x", "2"))
	w.set(func() { w.reply = space.Reply{Code: 200, Body: []byte("go-api 0.0.2 from p1\n")} })
	s.Next()
	awaitUpdate(t, s, "step two met", func(u Update) bool { return u.Step == "two" && u.Outcome.Met })
	if got, want := w.took(), []string{"script echo setup", "enter two"}; !slices.Equal(got, want) {
		t.Fatalf("calls are %q, wanted %q: a met step is gone on from as it is", got, want)
	}
	s.Next() // there is none
	s.Close()
	again, err := OpenProgress(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if p := again.Lesson("two"); p.Step != "two" || p.Steps["one"].Met.IsZero() || p.Steps["one"].Hints != 1 || p.Steps["two"].Met.IsZero() {
		t.Fatalf("progress is %+v", p)
	}
	entries, err := ReadTrace(&trace)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := Replay(lesson, EngineOptions{Namespace: "ns"}, entries, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out := engine.Outcome(); out.Step != "two" || !out.Met {
		t.Fatalf("the replayed trace ends with %+v", out)
	}
}

func TestNextMakesTheStepsBeginning(t *testing.T) {
	lesson := twoSteps(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	s := startTestSession(t, w, SessionOptions{Lesson: lesson, Step: "one"})
	awaitUpdate(t, s, "step one", active("one"))
	w.took()
	s.Next() // step one is not met
	u := awaitUpdate(t, s, "step two", active("two"))
	if u.Outcome.Met || u.Text.Body != "ns" {
		t.Fatalf("update is %+v", u)
	}
	want := []string{"enter ", "clear", "apply in-ns", "script echo start", "script echo setup", "enter two"}
	if got := w.took(); !slices.Equal(got, want) {
		t.Fatalf("calls are %q, wanted %q", got, want)
	}
}

func TestAFailedBeginningSaysWhyAndCanBeTriedAgain(t *testing.T) {
	lesson := twoSteps(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	w.fail = errors.New("no space left")
	s := startTestSession(t, w, SessionOptions{Lesson: lesson, Step: "two"})
	u := awaitUpdate(t, s, "failure", func(u Update) bool { return u.State == StateFailed })
	if !strings.Contains(u.Detail, "no space left") {
		t.Fatalf("detail is %q", u.Detail)
	}
	w.set(func() { w.fail = nil })
	s.Reset()
	awaitUpdate(t, s, "step two", active("two"))
}

func TestPreviousWhileABeginningIsMade(t *testing.T) {
	lesson := twoSteps(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	w.block = make(chan struct{})
	s := startTestSession(t, w, SessionOptions{Lesson: lesson, Step: "two"})
	awaitUpdate(t, s, "setup of two", func(u Update) bool { return u.Step == "two" && u.State == StateSetup })
	s.Previous()
	awaitUpdate(t, s, "setup of one", func(u Update) bool { return u.Step == "one" })
	close(w.block)
	awaitUpdate(t, s, "step one", active("one"))
	for _, call := range w.took() {
		if strings.Contains(call, "two") {
			t.Fatalf("%q was done for the step that was left", call)
		}
	}
}

func TestResumeTrustsTheClusterAndNotTheFile(t *testing.T) {
	lesson := twoSteps(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	w.entered = "two"
	s := startTestSession(t, w, SessionOptions{Lesson: lesson})
	u := awaitUpdate(t, s, "step two", active("two"))
	if u.Outcome.Met {
		t.Fatal("a resumed step is met")
	}
	if got, want := w.took(), []string{"script echo setup", "enter two"}; !slices.Equal(got, want) {
		t.Fatalf("calls are %q, wanted %q", got, want)
	}
}

// resumeLesson has a step that needs something to have happened, an answer, and
// what was there at the beginning.
func resumeLesson(t testing.TB) *Lesson {
	t.Helper()
	fsys := fstest.MapFS{
		"one/lesson.yaml": {Data: []byte(`apiVersion: k8stutor.dev/v1
kind: Lesson
metadata: {name: one}
order: 1
minutes: 1
steps:
  - id: one
    solution: "true"
    start: {manifests: [x.yaml]}
    setup: {script: echo setup}
    checks:
      - {id: gone, kind: happened, resource: configmaps, name: start, expr: "new == null && before('configmaps', 'start').data.v == 'first'"}
      - {id: seen, kind: happened, resource: configmaps, name: x, expr: "new != null && new.data.v == 'first'"}
      - {id: now, kind: state, expr: "get('configmaps', 'x').data.v == 'last'"}
      - {id: word, kind: answer, type: name, expect: "get('configmaps', 'start').data.v"}
`)},
		"one/lesson.en.md":    {Data: []byte("---\ntitle: T\nsummary: S\n---\n")},
		"one/x.yaml":          {Data: []byte("metadata: {name: start}\ndata: {v: first}\n")},
		"one/steps/one.en.md": {Data: []byte("---\ntitle: one\nchecks: {gone: G, seen: S, now: N, word: W}\nquestions: {word: Q}\n---\ntext\n<!-- hint -->\nh\n")},
	}
	l, err := Load(fsys, "one")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// verdictsOf are the verdicts of an update, such as "gone:met".
func verdictsOf(u Update) string {
	var out []string
	for _, c := range u.Outcome.Checks {
		out = append(out, fmt.Sprintf("%s:%s", c.ID, c.Verdict))
	}
	return strings.Join(out, " ")
}

// TestAStepOutlivesItsSession: what was done, what is gone and what was answered
// counts after the learner has left and come back, and so does what changed in
// between.
func TestAStepOutlivesItsSession(t *testing.T) {
	lesson := resumeLesson(t)
	w := newFakeWorld(lesson.WatchSpecs("ns"))
	path := filepath.Join(t.TempDir(), "progress.json")
	open := func() *Progress {
		p, err := OpenProgress(path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	s := startTestSession(t, w, SessionOptions{Lesson: lesson, Progress: open()})
	awaitUpdate(t, s, "step one", active("one"))
	s.Answer("word", "First")
	w.put(configMap("x", "first"))
	awaitUpdate(t, s, "seen", func(u Update) bool { return verdictsOf(u) == "gone:unmet seen:met now:unmet word:met" })
	w.drop("start", "first")
	awaitUpdate(t, s, "gone", func(u Update) bool { return verdictsOf(u) == "gone:met seen:met now:unmet word:met" })
	s.Close()
	w.took()

	s = startTestSession(t, w, SessionOptions{Lesson: lesson, Progress: open()})
	u := awaitUpdate(t, s, "step one again", active("one"))
	if got := verdictsOf(u); got != "gone:met seen:met now:unmet word:met" || u.Warning != "" {
		t.Fatalf("after the return: %s, warning %q", got, u.Warning)
	}
	if calls := w.took(); len(calls) > 0 {
		t.Fatalf("the return did %q", calls)
	}
	s.Close()
	w.put(configMap("x", "last")) // while nobody looks

	s = startTestSession(t, w, SessionOptions{Lesson: lesson, Progress: open()})
	awaitUpdate(t, s, "met", func(u Update) bool { return u.Outcome.Met })
	s.Reset()
	u = awaitUpdate(t, s, "the step started over", func(u Update) bool { return active("one")(u) && u.Entry == 2 })
	if got := verdictsOf(u); u.Outcome.Met || !strings.Contains(got, "word:unmet") || !strings.Contains(got, "gone:unmet") {
		t.Fatalf("after a reset: %s", got)
	}
}

// TestAJournalThatCannotBeUsed: the step begins with the cluster as it is, with
// a message; another cluster's journal says nothing about this one.
func TestAJournalThatCannotBeUsed(t *testing.T) {
	cut := func(b []byte) []byte { return b[:len(b)-7] }
	tests := []struct {
		name    string
		spoil   func(journal []byte) []byte
		entered string // what the namespace notes, when it is not the same
		warns   string
		kept    bool // what was seen counts
	}{
		{name: "whole", spoil: func(b []byte) []byte { return b }, kept: true},
		{name: "cut in its last line", spoil: cut, kept: true},
		{name: "damaged", spoil: func(b []byte) []byte { return append(b[:len(b)/2:len(b)/2], "\x00\n{]\n"...) }, warns: "can't be used"},
		{name: "empty", spoil: func([]byte) []byte { return nil }, warns: "can't be used"},
		{name: "of another version of the lesson", spoil: func(b []byte) []byte { return bytes.Replace(b, []byte(`"lesson":"`), []byte(`"lesson":"0`), 1) }, warns: "another version"},
		{name: "of another cluster", spoil: func(b []byte) []byte { return b }, entered: "one@other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lesson := resumeLesson(t)
			w := newFakeWorld(lesson.WatchSpecs("ns"))
			path := filepath.Join(t.TempDir(), "progress.json")
			progress, err := OpenProgress(path, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			s := startTestSession(t, w, SessionOptions{Lesson: lesson, Progress: progress})
			awaitUpdate(t, s, "step one", active("one"))
			w.put(configMap("x", "first"))
			awaitUpdate(t, s, "seen", func(u Update) bool { return strings.Contains(verdictsOf(u), "seen:met") })
			s.Answer("word", "first")
			awaitUpdate(t, s, "answered", func(u Update) bool { return strings.Contains(verdictsOf(u), "word:met") })
			s.Answer("word", "and again")
			s.Close()
			file := progress.journalPath("one")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, tt.spoil(b), 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.entered != "" {
				w.set(func() { w.entered = tt.entered })
			}
			s = startTestSession(t, w, SessionOptions{Lesson: lesson, Progress: progress})
			u := awaitUpdate(t, s, "step one again", active("one"))
			if got := verdictsOf(u); strings.Contains(got, "seen:met") != tt.kept || strings.Contains(got, "word:met") != tt.kept {
				t.Errorf("verdicts are %s", got)
			}
			if (u.Warning != "") != (tt.warns != "") || !strings.Contains(u.Warning, tt.warns) {
				t.Errorf("warning is %q, wanted %q", u.Warning, tt.warns)
			}
			if asides, _ := filepath.Glob(file + ".aside-*"); (len(asides) == 1) != (tt.warns != "") {
				t.Errorf("set aside: %q", asides)
			}
		})
	}
}

// TestAJournalIsBounded: beyond the limit only what the learner did is kept.
func TestAJournalIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "steps", "x.jsonl")
	j, err := beginJournal(path, journalHead{Version: journalVersion}, time.Now(), newStore(), Begin{Step: "one"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	u := configMap("x", strings.Repeat("y", 1<<20))
	for range 20 {
		if err := j.add(time.Now(), Change{watch.Event{Type: watch.Modified, Old: u, New: u}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.add(time.Now(), Answered{"word", "kept"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > maxJournal+2<<20 || !bytes.Contains(b, []byte("kept")) {
		t.Fatalf("the journal has %d bytes", len(b))
	}
}

package lessons

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	err := w.call("enter %s", step)
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

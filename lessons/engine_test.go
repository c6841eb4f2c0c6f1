package lessons

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// testLesson is a lesson with one step "s" and the given fields of it, YAML.
func testLesson(t testing.TB, step string, checkTitles ...string) *Lesson {
	t.Helper()
	l, err := Load(testFiles(step, checkTitles...), "demo")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func testFiles(step string, checks ...string) fstest.MapFS {
	var titles, questions strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&titles, "\n  %s: The check %s", c, c)
		if strings.HasPrefix(c, "answer") {
			fmt.Fprintf(&questions, "\n  %s: What is it?", c)
		}
	}
	front := "---\ntitle: A step\nchecks:" + titles.String() + "\n"
	if questions.Len() > 0 {
		front += "questions:" + questions.String() + "\n"
	}
	yaml := `apiVersion: k8stutor.dev/v1
kind: Lesson
metadata:
  name: demo
order: 1
minutes: 5
steps:
  - id: s
    solution: "true"
` + indent(step, "    ")
	return fstest.MapFS{
		"demo/lesson.yaml":   {Data: []byte(yaml)},
		"demo/lesson.en.md":  {Data: []byte("---\ntitle: Demo\nsummary: A demo.\n---\n")},
		"demo/steps/s.en.md": {Data: []byte(front + "---\nText\n")},
	}
}

func indent(text, by string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		if lines[i] != "" {
			lines[i] = by + lines[i]
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// rig drives an engine with a clock that moves by a second at each input.
type rig struct {
	t       testing.TB
	engine  *Engine
	now     time.Time
	version uint64
	held    map[string]*unstructured.Unstructured
}

func newRig(t testing.TB, step string, checks ...string) *rig {
	t.Helper()
	e, err := NewEngine(testLesson(t, step, checks...), EngineOptions{Namespace: "ns"})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, engine: e, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), version: 100, held: map[string]*unstructured.Unstructured{}}
}

func (r *rig) handle(in Input) {
	r.t.Helper()
	r.now = r.now.Add(time.Second)
	if _, err := r.engine.Handle(r.now, in); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) sync() {
	r.t.Helper()
	for _, spec := range r.engine.specs {
		r.handle(Change{watch.Event{Type: watch.Synced, Resource: spec.Resource, Namespace: spec.Namespace}})
	}
}

// begin syncs and enters the step with the present version as the marker.
func (r *rig) begin() {
	r.t.Helper()
	r.sync()
	r.handle(Begin{Step: "s", Marker: r.version})
}

// put creates or changes an object, written as YAML.
func (r *rig) put(resource, object string, options ...func(*watch.Event)) {
	r.t.Helper()
	u := r.parse(object)
	r.version++
	u.SetResourceVersion(fmt.Sprint(r.version))
	key := resource + "/" + u.GetName()
	old := r.held[key]
	if u.GetUID() == "" {
		if old != nil {
			u.SetUID(old.GetUID())
		} else {
			u.SetUID(types.UID(fmt.Sprint(r.version)))
		}
	}
	r.held[key] = u
	gvr, err := ParseResource(resource)
	if err != nil {
		r.t.Fatal(err)
	}
	e := watch.Event{Type: watch.Modified, Resource: gvr, Namespace: "ns", Old: old, New: u, At: r.now}
	if old == nil {
		e.Type = watch.Added
	}
	for _, o := range options {
		o(&e)
	}
	r.handle(Change{e})
}

func (r *rig) remove(resource, name string, options ...func(*watch.Event)) {
	r.t.Helper()
	r.version++
	old := r.held[resource+"/"+name].DeepCopy()
	old.SetResourceVersion(fmt.Sprint(r.version))
	delete(r.held, resource+"/"+name)
	gvr, _ := ParseResource(resource)
	e := watch.Event{Type: watch.Deleted, Resource: gvr, Namespace: "ns", Old: old, At: r.now}
	for _, o := range options {
		o(&e)
	}
	r.handle(Change{e})
}

func initial(e *watch.Event)  { e.Initial = true }
func inferred(e *watch.Event) { e.Inferred = true }

func (r *rig) signal(t watch.EventType, resource string) {
	r.t.Helper()
	e := watch.Event{Type: t}
	if resource != "" {
		e.Resource, _ = ParseResource(resource)
	}
	if t == watch.Lost {
		e.Err = errors.New("connection refused")
	}
	r.handle(Change{e})
}

func (r *rig) parse(object string) *unstructured.Unstructured {
	r.t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(object), &m); err != nil {
		r.t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: normalise(m).(map[string]any)}
	if u.GetNamespace() == "" {
		u.SetNamespace("ns")
	}
	return u
}

// normalise makes whole numbers int64, as the API machinery has them.
func normalise(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = normalise(x[k])
		}
	case []any:
		for i := range x {
			x[i] = normalise(x[i])
		}
	case int:
		return int64(x)
	}
	return v
}

// want compares verdict and, when given, words of the why of a check.
func (r *rig) want(id string, verdict Verdict, words ...string) {
	r.t.Helper()
	out := r.engine.Outcome()
	i := slices.IndexFunc(out.Checks, func(c CheckResult) bool { return c.ID == id })
	if i < 0 {
		r.t.Fatalf("no check %s in %+v", id, out)
	}
	got := out.Checks[i]
	if got.Verdict != verdict {
		r.t.Fatalf("%s is %s %q, wanted %s", id, got.Verdict, got.Why, verdict)
	}
	for _, w := range words {
		if !strings.Contains(strings.Join(got.Why, "\n"), w) {
			r.t.Fatalf("why of %s is %q, wanted %q in it", id, got.Why, w)
		}
	}
}

func (r *rig) wantMet(met bool) {
	r.t.Helper()
	if out := r.engine.Outcome(); out.Met != met {
		r.t.Fatalf("met is %v, wanted %v: %+v", out.Met, met, out)
	}
}

func (r *rig) wantProblem(words string) {
	r.t.Helper()
	got := r.engine.Outcome().Problem
	if words == "" && got != "" || !strings.Contains(got, words) {
		r.t.Fatalf("problem is %q, wanted %q", got, words)
	}
}

func service(port int, ip string) string {
	return fmt.Sprintf("{kind: Service, metadata: {name: go-api}, spec: {clusterIP: %q, selector: {app: go-api}, ports: [{port: %d}]}}", ip, port)
}

func pod(name, app string, ready bool) string {
	status := map[bool]string{true: "True", false: "False"}[ready]
	return fmt.Sprintf("{kind: Pod, metadata: {name: %s, labels: {app: %s}}, status: {phase: Running, conditions: [{type: Ready, status: %q}]}}", name, app, status)
}

// TestHandleReportsWhatShows ensures that an input is reported when it may change
// a verdict, an explanation or a live value, and not otherwise: texts are made
// only then.
func TestHandleReportsWhatShows(t *testing.T) {
	r := newRig(t, `
resources: [configmaps, secrets]
values: {names: "list('secrets').map(s, s.metadata.name)"}
checks:
  - {id: a, kind: state, resource: services, name: go-api, expr: "object.spec.type == 'NodePort'"}
  - {id: b, kind: steady, expr: "exists('services', 'go-api')", for: 10s}`, "a", "b")
	r.begin()
	change := func(resource string) Change {
		gvr, err := ParseResource(resource)
		if err != nil {
			t.Fatal(err)
		}
		r.version++
		u := r.parse("{kind: X, metadata: {name: x}}")
		u.SetResourceVersion(fmt.Sprint(r.version))
		return Change{watch.Event{Type: watch.Added, Resource: gvr, Namespace: "ns", New: u}}
	}
	for name, c := range map[string]struct {
		in   Input
		want bool
	}{
		"what a check reads":            {change("services"), true},
		"what a value reads":            {change("secrets"), true},
		"what an explanation may name":  {change("events"), true},
		"what nothing reads":            {change("configmaps"), false},
		"a request, without such check": {Requested{}, false},
		"an answer of the Service":      {Probe{At: r.now}, true},
		"the connection lost":           {Change{watch.Event{Type: watch.Lost, Err: errors.New("refused")}}, true},
		"a retry":                       {Retry{}, true},
		"time":                          {Clock{}, false},
	} {
		if got, err := r.engine.Handle(r.now, c.in); got != c.want || err != nil {
			t.Errorf("%s: reported %t (%v), wanted %t", name, got, err, c.want)
		}
	}
	r.signal(watch.Recovered, "")
	r.put("services", service(80, "x"))
	if got, _ := r.engine.Handle(r.now.Add(time.Minute), Clock{}); !got {
		t.Error("time that changes a verdict was not reported")
	}
}

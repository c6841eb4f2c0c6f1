package lessons_test

import (
	"fmt"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8stutor/k8stutor/cluster/watch"
	"github.com/k8stutor/k8stutor/lessons"
)

// An Engine judges from inputs alone, so a lesson can be tried without a
// cluster.
func ExampleEngine() {
	lesson, err := lessons.Load(fstest.MapFS{
		"lesson.yaml": {Data: []byte(`
apiVersion: k8stutor.dev/v1
kind: Lesson
metadata: {name: hello}
order: 1
minutes: 5
steps:
  - id: create
    solution: kubectl create configmap hello
    checks:
      - {id: there, kind: state, expr: "exists('configmaps', 'hello')"}
`)},
		"lesson.en.md":       {Data: []byte("---\ntitle: Hello\nsummary: A first object.\n---\n")},
		"steps/create.en.md": {Data: []byte("---\ntitle: Create it\nchecks: {there: The ConfigMap is there}\n---\nCreate a ConfigMap.\n")},
	}, ".")
	if err != nil {
		fmt.Println(err)
		return
	}
	engine, err := lessons.NewEngine(lesson, lessons.EngineOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	handle := func(in lessons.Input) {
		now = now.Add(time.Second)
		if _, err := engine.Handle(now, in); err != nil {
			fmt.Println(err)
		}
	}
	for _, spec := range lesson.WatchSpecs(lesson.Namespace()) {
		handle(lessons.Change{Event: watch.Event{Type: watch.Synced, Resource: spec.Resource, Namespace: spec.Namespace}})
	}
	handle(lessons.Begin{Step: "create"})
	check := engine.Outcome().Checks[0]
	fmt.Println(check.Verdict, check.Why)

	configmaps, err := lessons.ParseResource("configmaps")
	if err != nil {
		fmt.Println(err)
		return
	}
	hello := &unstructured.Unstructured{Object: map[string]any{
		"kind": "ConfigMap", "metadata": map[string]any{"name": "hello", "namespace": lesson.Namespace()},
	}}
	handle(lessons.Change{Event: watch.Event{Type: watch.Added, Resource: configmaps, Namespace: lesson.Namespace(), New: hello}})
	fmt.Println(engine.Outcome().Checks[0].Verdict)
	// Output:
	// unmet [configmap/hello does not exist yet.]
	// met
}

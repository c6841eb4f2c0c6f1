package lessons

import (
	"fmt"
	"os"
	"testing"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// BenchmarkHandle is one change of one of 100 Pods, with checks that look at
// all of them, and the Outcome explained after it.
func BenchmarkHandle(b *testing.B) {
	for name, explained := range map[string]bool{"verdict": false, "verdict and why": true} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, `
checks:
  - {id: a, kind: state, expr: "list('pods', {'app': 'go-api'}).all(p, ready(p))"}
  - {id: b, kind: happened, resource: pods, expr: "new == null && old.metadata.labels.app == 'go-api'"}
  - {id: c, kind: state, resource: services, name: go-api, expr: "object.spec.type == 'NodePort'"}
  - {id: d, kind: always, expr: "size(list('pods')) == 100"}
`, "a", "b", "c", "d")
			for i := range 100 {
				r.put("pods", pod(fmt.Sprintf("p%d", i), "go-api", true), initial)
			}
			r.begin()
			changed := make([]Change, 200)
			for i := range changed {
				u := r.held[fmt.Sprintf("pods/p%d", i%100)].DeepCopy()
				r.version++
				u.SetResourceVersion(fmt.Sprint(r.version))
				ready := "True"
				if i < 100 {
					ready = "False"
				}
				u.Object["status"].(map[string]any)["conditions"] = []any{map[string]any{"type": "Ready", "status": ready}}
				gvr, _ := ParseResource("pods")
				changed[i] = Change{watch.Event{Type: watch.Modified, Resource: gvr, Namespace: "ns", Old: u, New: u}}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := r.engine.Handle(r.now, changed[i%200]); err != nil {
					b.Fatal(err)
				}
				if explained {
					_ = r.engine.Outcome()
				}
			}
		})
	}
}

// BenchmarkLoadAll is what every command that names a lesson does first.
func BenchmarkLoadAll(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := LoadAll(os.DirFS("content")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublish is one change of one of 100 objects, judged and published:
// of Pods, which the step shows, and of ConfigMaps, which it does not.
func BenchmarkPublish(b *testing.B) {
	for _, resource := range []string{"pods", "configmaps"} {
		b.Run(resource, func(b *testing.B) {
			r := newRig(b, `
resources: [configmaps]
values:
  pods: list('pods').map(p, p.metadata.name)
  picture: tree('pods', list('pods').map(p, p.metadata.name))
checks:
  - {id: a, kind: state, expr: "list('pods', {'app': 'go-api'}).all(p, ready(p))"}
  - {id: b, kind: happened, resource: pods, expr: "new == null && old.metadata.labels.app == 'go-api'"}
  - {id: c, kind: state, resource: services, name: go-api, expr: "object.spec.type == 'NodePort'"}
`, "a", "b", "c")
			for i := range 100 {
				r.put("pods", pod(fmt.Sprintf("p%d", i), "go-api", i > 0), initial)
				r.put("configmaps", fmt.Sprintf("{kind: ConfigMap, metadata: {name: p%d}}", i), initial)
			}
			r.begin()
			step := r.engine.step
			step.texts[english] = stepText{Title: "S", body: "{{ live \"pods\" }}\n\n{{ live \"picture\" }}\n"}
			s := &Session{lesson: r.engine.lesson, engine: r.engine, step: step, state: StateActive, updates: make(chan Update, 1)}
			changes := make([]Change, 100)
			for i := range changes {
				u := r.held[fmt.Sprintf("%s/p%d", resource, i)].DeepCopy()
				r.version++
				u.SetResourceVersion(fmt.Sprint(r.version))
				gvr, _ := ParseResource(resource)
				changes[i] = Change{watch.Event{Type: watch.Modified, Resource: gvr, Namespace: "ns", Old: u, New: u}}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.handle(changes[i%100])
				s.publish()
			}
		})
	}
}

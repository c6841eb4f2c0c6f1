package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

// togglingLesson has a check that follows a ConfigMap, beside others that look
// at every Pod, and is never met as a whole.
func togglingLesson(b *testing.B) *lessons.Lesson {
	b.Helper()
	fsys := fstest.MapFS{
		"latency/lesson.yaml": {Data: []byte(`apiVersion: k8stutor.dev/v1
kind: Lesson
metadata: {name: latency}
order: 1
minutes: 1
steps:
  - id: s
    solution: "true"
    checks:
      - {id: follows, kind: state, resource: configmaps, name: probe, expr: object.data.value == 'on'}
      - {id: pods, kind: state, expr: "list('pods', {'app': 'load'}).all(p, p.metadata.annotations.n != 'x') && size(list('pods')) == 100"}
      - {id: gone, kind: happened, resource: pods, expr: "new == null && old.metadata.labels.app == 'load'"}
      - {id: never, kind: state, resource: services, name: never, expr: object.spec.type == 'NodePort'}
`)},
		"latency/lesson.en.md":  {Data: []byte("---\ntitle: Latency\nsummary: x\n---\n")},
		"latency/steps/s.en.md": {Data: []byte("---\ntitle: S\nchecks: {follows: a, pods: b, gone: c, never: d}\n---\nx\n")},
	}
	l, err := lessons.Load(fsys, "latency")
	if err != nil {
		b.Fatal(err)
	}
	return l
}

const loadPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"load-%d","labels":{"app":"load"},"annotations":{"n":"0"}},
"spec":{"schedulingGates":[{"name":"k8stutor.dev/never"}],"containers":[{"name":"c","image":"go-api:0.0.1"}]}}`

// BenchmarkWriteToVerdict measures, on the cluster of K8STUTOR_KUBECONFIG, from
// a write being acknowledged to the Update that holds the verdict, while each
// of 100 Pods changes once a second.
//
//	K8STUTOR_KUBECONFIG=… go test ./lessons/harness -run '^$' -bench WriteToVerdict -benchtime 300x
func BenchmarkWriteToVerdict(b *testing.B) {
	access := liveAccess(b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	world, err := space.NewClient(access)
	if err != nil {
		b.Fatal(err)
	}
	namespace := fmt.Sprintf("tutor-latency-%d", os.Getpid())
	opened, err := space.Open(ctx, access, namespace, space.Options{Kubeconfig: filepath.Join(b.TempDir(), "kubeconfig")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := errors.Join(opened.Clear(context.Background()), opened.Delete(context.Background())); err != nil {
			b.Error(err)
		}
	}()
	session, err := lessons.StartSession(ctx, lessons.SessionOptions{Lesson: togglingLesson(b), Environment: opened, Step: "s"})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	for u := range session.Updates() {
		if u.State == lessons.StateFailed {
			b.Fatal(u.Detail)
		}
		if u.State == lessons.StateActive {
			break
		}
	}
	pods := world.Dynamic().Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(namespace)
	maps := world.Dynamic().Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace)
	for i := range 100 {
		if err := opened.Apply(ctx, []byte(fmt.Sprintf(loadPod, i))); err != nil {
			b.Fatal(err)
		}
	}
	if err := opened.Apply(ctx, []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"probe"},"data":{"value":"off"}}`)); err != nil {
		b.Fatal(err)
	}
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	load.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			<-tick.C
			patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"n":"%d"}}}`, n)
			_, _ = pods.Patch(ctx, fmt.Sprintf("load-%d", n%100), types.MergePatchType, patch, metav1.PatchOptions{})
		}
	})
	seen := make(chan time.Time, 1) // of the wanted verdict
	var mu sync.Mutex
	wanted := lessons.Verdict("")
	load.Go(func() {
		for u := range session.Updates() {
			mu.Lock()
			if wanted != "" && len(u.Outcome.Checks) > 0 && u.Outcome.Checks[0].Verdict == wanted {
				wanted = ""
				seen <- time.Now()
			}
			mu.Unlock()
		}
	})
	defer session.Close()
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		value, verdict := "on", lessons.Met
		if n%2 == 1 {
			value, verdict = "off", lessons.Unmet
		}
		mu.Lock()
		wanted = verdict
		mu.Unlock()
		if _, err := maps.Patch(ctx, "probe", types.MergePatchType, fmt.Appendf(nil, `{"data":{"value":%q}}`, value), metav1.PatchOptions{}); err != nil {
			b.Fatal(err)
		}
		acknowledged := time.Now()
		select {
		case at := <-seen:
			took = append(took, max(at.Sub(acknowledged), 0))
		case <-time.After(10 * time.Second):
			b.Fatal("no verdict within 10 s")
		}
	}
	slices.Sort(took)
	b.Logf("the slowest: %v; connection: %+v", took[max(0, len(took)-10):], session.View().Connection())
	at := func(p int) float64 { return float64(took[min(len(took)*p/100, len(took)-1)].Microseconds()) / 1000 }
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
	b.ReportMetric(at(100), "max-ms")
}

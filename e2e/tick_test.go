//go:build linux

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// BenchmarkTickOnScreen is the time from the API server's acknowledgement of a
// write to the tick on the learner's terminal, through the real program on a
// live embedded cluster. What comes before the acknowledgement counts as 0. The
// terminal emulator that reads the bytes is within the measured time.
//
//	K8STUTOR_EMBEDDED=… go test ./e2e -run '^$' -bench TickOnScreen -benchtime 300x
func BenchmarkTickOnScreen(b *testing.B) {
	l := newLearner(b)
	r := l.sit(b, 200, 60, "--cluster", "embedded", "start", "rolling-update/history")
	r.see("CHECKS 0 of 2")
	r.see("$ ")
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(l.home, "state", "k8stutor", "clusters", "default", "tutor-rolling-update.kubeconfig"))
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	sets := client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}).Namespace("tutor-rolling-update")
	list, err := sets.List(b.Context(), metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	at := slices.IndexFunc(list.Items, func(u unstructured.Unstructured) bool {
		data, _ := u.MarshalJSON()
		return strings.Contains(string(data), `"image":"go-api:0.0.2"`)
	})
	if at < 0 {
		b.Fatal("there is no ReplicaSet of go-api:0.0.2")
	}
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		took = append(took, r.tick(b.Context(), sets, list.Items[at].GetName(), 1-i%2))
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(ms(took[len(took)-1]), "max-ms")
}

// tick writes what makes the check hold (1) or not (0), and returns how long
// after the answer the screen says so.
func (r *robot) tick(ctx context.Context, sets dynamic.ResourceInterface, name string, met int) time.Duration {
	r.t.Helper()
	want := fmt.Sprintf("CHECKS %d of 2", met)
	seen := make(chan time.Time, 1)
	watching, stop := context.WithTimeout(ctx, patience)
	defer stop()
	go func() {
		for !strings.Contains(r.screen(), want) {
			select {
			case <-r.Dirty():
			case <-watching.Done():
				close(seen)
				return
			}
		}
		seen <- time.Now()
	}()
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"kubernetes.io/change-cause":"%s"}}}`, []string{"why", "to 0.0.2"}[met])
	if _, err := sets.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		r.t.Fatal(err)
	}
	acknowledged := time.Now()
	at, ok := <-seen
	if !ok {
		r.t.Fatalf("the screen does not show %q:\n%s", want, r.screen())
	}
	return max(at.Sub(acknowledged), 0)
}

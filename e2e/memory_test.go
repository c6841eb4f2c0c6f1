//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

// manyPods is how many there are, and changesPerSecond how many of them change.
// No node takes them: an embedded one runs a tenth of that.
const (
	manyPods         = 1000
	changesPerSecond = 100
)

const unscheduledPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"go-api-65577fc4f9-%05d","labels":{"app":"many","pod-template-hash":"65577fc4f9"}},
"spec":{"schedulerName":"nobody","containers":[{"name":"go-api","image":"go-api:0.0.1","ports":[{"containerPort":8080,"name":"http"}],
"readinessProbe":{"httpGet":{"path":"/readyz","port":8080}},"livenessProbe":{"httpGet":{"path":"/healthz","port":8080}},
"resources":{"requests":{"cpu":"10m","memory":"16Mi"},"limits":{"memory":"64Mi"}},"env":[{"name":"POD","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}]}}`

// runningStatus is the status that a kubelet writes: number, time, "True" or
// "False", true or false, count, state.
const runningStatus = `{"status":{"phase":"Running","qosClass":"Burstable","hostIP":"172.18.0.2","hostIPs":[{"ip":"172.18.0.2"}],"podIP":"10.244.9.%[1]d","podIPs":[{"ip":"10.244.9.%[1]d"}],
"startTime":"2026-11-21T10:00:00Z","conditions":[{"type":"PodReadyToStartContainers","status":"True","lastTransitionTime":"2026-11-21T10:00:01Z"},
{"type":"Initialized","status":"True","lastTransitionTime":"2026-11-21T10:00:00Z"},{"type":"Ready","status":%[3]q,"lastTransitionTime":%[2]q},
{"type":"ContainersReady","status":%[3]q,"lastTransitionTime":%[2]q},{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-11-21T10:00:00Z"}],
"containerStatuses":[{"name":"go-api","image":"go-api:0.0.1","imageID":"go-api@sha256:%064[1]d","containerID":"containerd://%064[5]d","ready":%[4]v,"started":%[4]v,
"restartCount":%[5]d,"state":%[6]s,"lastState":{"terminated":{"exitCode":1,"reason":"Error","startedAt":%[2]q,"finishedAt":%[2]q,"containerID":"containerd://%064[5]d"}}}]}}`

func podStatus(number, count int) []byte {
	now := time.Now().UTC().Format(time.RFC3339)
	ready, state := count%2 == 0, `{"running":{"startedAt":"`+now+`"}}`
	if !ready {
		state = `{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 10s restarting failed container"}}`
	}
	return fmt.Appendf(nil, runningStatus, number%250+1, now, map[bool]string{true: "True", false: "False"}[ready], ready, count, state)
}

// BenchmarkMemory is how much memory the screen takes (RSS) with 1,000 Pods in
// the lesson's namespace: at the peak of its start, then, and at most while a
// hundred of them change each second for a minute.
//
//	K8STUTOR_EMBEDDED=… go test ./e2e -run '^$' -bench Memory -benchtime 1x
func BenchmarkMemory(b *testing.B) {
	l := newLearner(b)
	l.env = append(l.env, "LANG=zh_TW.UTF-8")
	start := []string{"--cluster", "embedded", "start", "service/deploy"}
	r := l.sit(b, 200, 60, start...)
	r.see("檢查 0/3")
	r.command("qy")
	r.ended()
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(l.home, "state", "k8stutor", "clusters", "default", "tutor-service.kubeconfig"))
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	pods := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("tutor-service")
	for i := range manyPods {
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(fmt.Appendf(nil, unscheduledPod, i)); err != nil {
			b.Fatal(err)
		}
		if _, err := pods.Create(b.Context(), u, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
		changePod(b, pods, i, 0)
	}
	for b.Loop() {
		r := l.sit(b, 200, 60, start...)
		r.see("/1000 Pods")
		// The peak is over, and what only the start needed is given back.
		r.most(b.Context(), 25*time.Second)
		b.ReportMetric(r.memory("VmHWM"), "start-peak-MB")
		b.ReportMetric(r.memory("VmRSS"), "then-MB")
		ctx, stop := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(time.Second / changesPerSecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-tick.C:
					changePod(b, pods, n%manyPods, 1+n/manyPods)
				case <-ctx.Done():
					return
				}
			}
		}()
		b.ReportMetric(r.most(b.Context(), time.Minute), "changing-MB")
		stop()
		<-done
		r.command("qy")
		r.ended()
	}
}

func changePod(b *testing.B, pods dynamic.ResourceInterface, number, count int) {
	name := fmt.Sprintf("go-api-65577fc4f9-%05d", number)
	if _, err := pods.Patch(b.Context(), name, types.MergePatchType, podStatus(number, count), metav1.PatchOptions{}, "status"); err != nil {
		b.Error(err)
	}
}

// memory is a figure of the program's /proc/PID/status, in MB.
func (r *robot) memory(name string) float64 {
	r.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.PID()))
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			if err != nil {
				r.t.Fatal(err)
			}
			return kb / 1024
		}
	}
	r.t.Fatalf("no %s in\n%s", name, status)
	return 0
}

// most looks for a while, and returns the most memory that was seen, in MB.
func (r *robot) most(ctx context.Context, while time.Duration) float64 {
	r.t.Helper()
	ctx, stop := context.WithTimeout(ctx, while)
	defer stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	most := 0.0
	for {
		select {
		case <-look.C:
			most = max(most, r.memory("VmRSS"))
		case <-ctx.Done():
			return most
		}
	}
}

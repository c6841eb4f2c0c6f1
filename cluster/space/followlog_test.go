package space

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// aPod is a Pod of one container, as JSON.
func aPod(run, state string, restarts int) string {
	return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"ns","resourceVersion":"5"},"spec":{"restartPolicy":"Always"},
		"status":{"phase":"Running","containerStatuses":[{"name":"app","containerID":%q,"restartCount":%d,%s}]}}`, run, restarts, state)
}

const (
	runs    = `"state":{"running":{}}`
	crashed = `"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"reason":"Error","exitCode":7,"containerID":"one"}}`
)

// logServer is an API server with one Pod, whose log and watch a test writes.
type logServer struct {
	pod   atomic.Pointer[string]
	log   chan string // pieces; "" ends a run's log
	watch chan string // Events; "" ends a watch
	asked chan string
}

func (s *logServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	source := s.watch
	switch {
	case strings.Contains(r.URL.Path, "/gone"):
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"pods \"gone\" not found"}`)
		return
	case strings.HasSuffix(r.URL.Path, "/log"):
		s.asked <- r.URL.RequestURI()
		source = s.log
	case !r.URL.Query().Has("watch"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, *s.pod.Load())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for {
		w.(http.Flusher).Flush()
		select {
		case text := <-source:
			if text == "" {
				return
			}
			fmt.Fprint(w, text)
		case <-r.Context().Done():
			return
		}
	}
}

func newLogServer(t *testing.T) (*logServer, *Inspector) {
	t.Helper()
	s := &logServer{log: make(chan string), watch: make(chan string), asked: make(chan string, 9)}
	pod := aPod("one", runs, 0)
	s.pod.Store(&pod)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, inspectorOf(t, server)
}

// TestFollowLog: lines come while the container runs, and the end of ctx ends it.
func TestFollowLog(t *testing.T) {
	s, i := newLogServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	entries, result := make(chan LogEntry, 8), make(chan error, 1)
	go func() { result <- i.FollowLog(ctx, "ns", "p", "app", func(e LogEntry) { entries <- e }) }()
	s.log <- "one\ntw"
	if got := <-entries; got.Text != "one" {
		t.Errorf("line %q", got.Text)
	}
	s.log <- "o\n"
	if got := <-entries; got.Text != "two" {
		t.Errorf("line %q", got.Text)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got, want := <-s.asked, "/api/v1/namespaces/ns/pods/p/log?container=app&follow=true&tailLines=2000"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	if err := i.FollowLog(t.Context(), "ns", "gone", "app", func(LogEntry) {}); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a Pod that is gone: %v", err)
	}
}

// TestFollowLogThroughRestart: the log of the next run follows, with what has
// happened between, also when a watch ends meanwhile; the end of the Pod is the
// end.
func TestFollowLogThroughRestart(t *testing.T) {
	s, i := newLogServer(t)
	entries, result := make(chan LogEntry, 8), make(chan error, 1)
	go func() { result <- i.FollowLog(t.Context(), "ns", "p", "app", func(e LogEntry) { entries <- e }) }()
	event := func(kind, pod string) string { return `{"type":"` + kind + `","object":` + pod + "}\n" }
	await := func(want LogEntry) {
		t.Helper()
		if got := <-entries; got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}

	s.log <- "crash, no end of line"
	s.log <- ""
	await(LogEntry{Text: "crash, no end of line"})
	s.watch <- event("MODIFIED", aPod("one", crashed, 0))
	await(LogEntry{Kind: LogEnded, Text: "Error", Number: 7})
	s.watch <- event("MODIFIED", aPod("one", crashed, 0)) // told once
	again := aPod("two", runs, 1)
	s.pod.Store(&again)
	s.watch <- "" // it finds out without an Event
	await(LogEntry{Kind: LogRestarted, Number: 1})
	s.log <- "again\n"
	await(LogEntry{Text: "again"})
	s.log <- ""
	s.watch <- event("DELETED", again)
	if err := <-result; err != nil {
		t.Errorf("ended with %v", err)
	}
	if len(entries) > 0 {
		t.Errorf("too much: %+v", <-entries)
	}

	go func() { result <- i.FollowLog(t.Context(), "ns", "p", "app", func(LogEntry) {}) }()
	s.log <- ""
	ctx, cancel := context.WithCancel(t.Context())
	go func() { result <- i.FollowLog(ctx, "ns", "p", "app", func(LogEntry) {}) }()
	s.log <- ""
	cancel() // while it waits
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled between two runs: %v", err)
	}
	s.watch <- event("DELETED", again)
	if err := <-result; err != nil {
		t.Errorf("the other one: %v", err)
	}
}

// TestNextRun: which states of a Pod mean that its container runs again, and
// which that it never will.
func TestNextRun(t *testing.T) {
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}
	failed := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 1}}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	now := metav1.NewTime(time.Unix(1, 0))
	tests := []struct {
		name       string
		state      corev1.ContainerState
		run        string
		policy     corev1.RestartPolicy
		change     func(*corev1.Pod)
		next, over bool
		told       int
	}{
		{"still running, says the Pod", running, "one", "Always", nil, false, false, 0},
		{"ended", failed, "one", "Always", nil, false, false, 1},
		{"ended well", ended, "one", "Always", nil, false, false, 1},
		{"waits, not begun", waiting, "one", "Always", nil, false, false, 0},
		{"runs again", running, "two", "Always", nil, true, false, 0},
		{"ran again and ended", failed, "two", "Always", nil, true, false, 0},
		{"never again", ended, "one", "Never", nil, false, true, 0},
		{"done", ended, "one", "OnFailure", nil, false, true, 0},
		{"to be tried again", failed, "one", "OnFailure", nil, false, false, 1},
		{"its Pod goes", failed, "one", "Always", func(p *corev1.Pod) { p.DeletionTimestamp = &now }, false, true, 0},
		{"evicted", failed, "one", "Always", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, false, true, 0},
		{"no status", running, "one", "Always", func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }, false, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: tt.policy}}
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "side"}, {Name: "app", ContainerID: tt.run, State: tt.state}}
			if tt.change != nil {
				tt.change(pod)
			}
			told := 0
			f := &logFollow{container: "app", run: "one", add: func(LogEntry) { told++ }}
			next, over := f.judge(pod)
			if (next != nil) != tt.next || over != tt.over || told != tt.told {
				t.Errorf("next %v, over %v, told %d times", next, over, told)
			}
		})
	}
}

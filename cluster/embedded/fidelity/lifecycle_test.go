package fidelity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
)

// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
func TestRunAndDelete(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "web", "--image=go-api:0.0.1")
	pod := s.waitReady("web")
	st := status(pod)
	if pod.Status.Phase != v1.PodRunning || st.RestartCount != 0 || !st.Ready || st.Started == nil || !*st.Started {
		t.Errorf("phase %s, container %+v", pod.Status.Phase, st)
	}
	if !strings.HasPrefix(pod.Status.PodIP, "10.244.0.") || pod.Status.HostIP != "172.18.0.2" {
		t.Errorf("addresses: %s on %s", pod.Status.PodIP, pod.Status.HostIP)
	}
	if st.Image != "docker.io/library/go-api:0.0.1" || !strings.HasPrefix(st.ImageID, "sha256:") && !strings.Contains(st.ImageID, "@sha256:") {
		t.Errorf("image %s, ID %s", st.Image, st.ImageID)
	}
	var types []string
	for _, c := range pod.Status.Conditions {
		if c.Status == v1.ConditionTrue {
			types = append(types, string(c.Type))
		}
	}
	for _, want := range []v1.PodConditionType{v1.PodScheduled, v1.PodInitialized, v1.ContainersReady, v1.PodReady} {
		if !strings.Contains(strings.Join(types, " "), string(want)) {
			t.Errorf("condition %s is not true: %v", want, types)
		}
	}
	s.wantReasons("web", "Scheduled", "Pulled", "Created", "Started")
	s.waitEvent("web", "Pulled", `Container image "go-api:0.0.1" already present on machine`)

	start := time.Now()
	s.kubectl("delete", "pod", "web", "--wait=true")
	s.waitEvent("web", "Killing", "Stopping container web")
	// go-api ends on TERM, before its grace period of 30 s is over.
	if took := time.Since(start); took >= 30*time.Second {
		t.Errorf("deletion took %s", took)
	}
}

// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
func TestRestartPolicy(t *testing.T) {
	tests := []struct {
		policy   string
		code     int
		phase    v1.PodPhase
		reason   string
		restarts bool
	}{
		{"Never", 0, v1.PodSucceeded, "Completed", false},
		{"Never", 3, v1.PodFailed, "Error", false},
		{"OnFailure", 0, v1.PodSucceeded, "Completed", false},
		{"OnFailure", 4, v1.PodRunning, "Error", true},
		{"Always", 0, v1.PodRunning, "Completed", true},
		{"Always", 5, v1.PodRunning, "Error", true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s-%d", test.policy, test.code), func(t *testing.T) {
			s := newSpace(t)
			s.kubectl("run", "p", "--image=toolbox:1.0", "--restart="+test.policy, "--", "sh", "-c", fmt.Sprintf("exit %d", test.code))
			var end *v1.ContainerStateTerminated
			if test.restarts {
				pod := s.waitPod("p", "restarted", func(p *v1.Pod) bool { return status(p).RestartCount >= 1 })
				end = status(pod).LastTerminationState.Terminated
				if pod.Status.Phase != test.phase {
					t.Errorf("phase %s, want %s", pod.Status.Phase, test.phase)
				}
			} else {
				pod := s.waitPod("p", string(test.phase), func(p *v1.Pod) bool { return p.Status.Phase == test.phase })
				end = terminated(pod)
				if status(pod).RestartCount != 0 {
					t.Errorf("restarted %d times", status(pod).RestartCount)
				}
			}
			if end == nil || end.ExitCode != int32(test.code) || end.Reason != test.reason {
				t.Fatalf("terminated: %+v, want %d %s", end, test.code, test.reason)
			}
			if end.StartedAt.IsZero() || end.FinishedAt.Before(&end.StartedAt) || !strings.HasPrefix(end.ContainerID, "k8stutor://") {
				t.Errorf("terminated: %+v", end)
			}
		})
	}
}

// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts
// (10 s, 20 s, 40 s, …)
func TestCrashLoopBackOff(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "crash", "--image=go-api:0.0.1", "--env=FAIL=crash")
	// The first restart comes at once.
	s.waitPod("crash", "restarted", func(p *v1.Pod) bool { return status(p).RestartCount >= 1 })
	for i, delay := range []time.Duration{10 * time.Second, 20 * time.Second} {
		pod := s.waitPod("crash", "in CrashLoopBackOff", func(p *v1.Pod) bool {
			return status(p).RestartCount == int32(i+1) && waitingFor(status(p)) == "CrashLoopBackOff"
		})
		if text := fmt.Sprintf("back-off %s restarting failed container=crash", delay); !strings.Contains(status(pod).State.Waiting.Message, text) {
			t.Errorf("message %q, want %q", status(pod).State.Waiting.Message, text)
		}
		before := status(pod).LastTerminationState.Terminated
		if before == nil || before.ExitCode != 1 || before.Reason != "Error" {
			t.Fatalf("last state %+v", before)
		}
		pod = s.waitPod("crash", "restarted", func(p *v1.Pod) bool { return status(p).RestartCount == int32(i+2) })
		st := status(pod)
		next := st.State.Running
		var started time.Time
		switch {
		case next != nil:
			started = next.StartedAt.Time
		case st.State.Terminated != nil:
			started = st.State.Terminated.StartedAt.Time
		default:
			started = st.LastTerminationState.Terminated.StartedAt.Time
		}
		// Both times have whole seconds, and the kubelet adds up to half of
		// the delay at random (workerBackOffPeriodJitterFactor).
		if got := started.Sub(before.FinishedAt.Time); got < delay-time.Second || got > delay*3/2+2*time.Second {
			t.Errorf("restart %d after %s, want %s", i+2, got, delay)
		}
	}
	e := s.waitEvent("crash", "BackOff", "Back-off restarting failed container crash in pod crash_"+s.ns)
	if e.Type != v1.EventTypeWarning || e.Source.Component != "kubelet" {
		t.Errorf("BackOff: %s from %s", e.Type, e.Source.Component)
	}
	// https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/
	// While the state is still "Error", the instance before it may be removed
	// already: the kubelet keeps one dead container (MaxPerPodContainerCount).
	s.waitPod("crash", "in CrashLoopBackOff", func(p *v1.Pod) bool { return waitingFor(status(p)) == "CrashLoopBackOff" })
	if log := s.kubectl("logs", "crash", "--previous"); !strings.Contains(log, "connection refused") {
		t.Errorf("logs --previous do not tell the cause:\n%s", log)
	}
}

// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
func TestGrace(t *testing.T) {
	const grace = 20 * time.Second
	tests := []struct {
		name     string
		command  string
		flags    []string
		min, max time.Duration
	}{
		{"obeys TERM", `trap 'exit 0' TERM; while true; do sleep 0.1; done`, nil, 0, grace},
		{"ignores TERM", `trap '' TERM; while true; do sleep 0.1; done`, nil, grace, 2 * grace},
		{"shorter grace", `trap '' TERM; while true; do sleep 0.1; done`, []string{"--grace-period=2"}, 2 * time.Second, grace},
		{"at once", `trap '' TERM; while true; do sleep 0.1; done`, []string{"--now"}, 0, grace},
		{"force", `trap '' TERM; while true; do sleep 0.1; done`, []string{"--force", "--grace-period=0"}, 0, grace},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSpace(t)
			s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 20
  containers:
  - {name: c, image: "toolbox:1.0", command: [sh, -c, %q]}
`, test.command))
			s.waitReady("p")
			start := time.Now()
			s.kubectl(append([]string{"delete", "pod", "p"}, test.flags...)...)
			if took := time.Since(start); took < test.min || took >= test.max {
				t.Errorf("deletion took %s, want %s to %s", took, test.min, test.max)
			}
		})
	}
}

// https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
func TestHooks(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: hooks}
spec:
  containers:
  - name: server
    image: go-api:0.0.1
    ports: [{name: http, containerPort: 8080}]
  - name: c
    image: toolbox:1.0
    command: [sh, -c, "echo up; trap 'cat /tmp/stop; exit 0' TERM; while true; do sleep 0.1; done"]
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo started > /tmp/start"]}}
      preStop: {exec: {command: [sh, -c, "echo stopping > /tmp/stop"]}}
`)
	s.waitReady("hooks")
	if got := s.kubectl("exec", "hooks", "-c", "c", "--", "cat", "/tmp/start"); got != "started\n" {
		t.Errorf("postStart left %q", got)
	}
	follow := s.start("logs", "-f", "hooks", "-c", "c")
	follow.waitOutput("up")
	s.kubectl("delete", "pod", "hooks")
	follow.waitOutput("stopping")
}

// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/
func TestInitContainers(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: good}
spec:
  initContainers:
  - {name: one, image: "toolbox:1.0", command: [sh, -c, "echo one >> /work/log"], volumeMounts: [{name: w, mountPath: /work}]}
  - {name: two, image: "toolbox:1.0", command: [sh, -c, "echo two >> /work/log"], volumeMounts: [{name: w, mountPath: /work}]}
  containers:
  - {name: main, image: "toolbox:1.0", command: [sh, -c, "cat /work/log; sleep infinity"], volumeMounts: [{name: w, mountPath: /work}]}
  volumes: [{name: w, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: bad}
spec:
  initContainers: [{name: one, image: "toolbox:1.0", command: [sh, -c, "exit 9"]}]
  containers: [{name: main, image: "toolbox:1.0"}]
`)
	pod := s.waitReady("good")
	for _, st := range pod.Status.InitContainerStatuses {
		if st.State.Terminated == nil || st.State.Terminated.Reason != "Completed" {
			t.Errorf("init container %s: %+v", st.Name, st.State)
		}
	}
	if log := s.kubectl("logs", "good"); log != "one\ntwo\n" {
		t.Errorf("order of init containers: %q", log)
	}
	pod = s.waitPod("bad", "failing", func(p *v1.Pod) bool {
		return len(p.Status.InitContainerStatuses) > 0 && waitingFor(p.Status.InitContainerStatuses[0]) == "CrashLoopBackOff"
	})
	if end := pod.Status.InitContainerStatuses[0].LastTerminationState.Terminated; end == nil || end.ExitCode != 9 {
		t.Errorf("last state: %+v", end)
	}
	if pod.Status.Phase != v1.PodPending || waitingFor(status(pod)) != "PodInitializing" {
		t.Errorf("phase %s, main container waits for %s", pod.Status.Phase, waitingFor(status(pod)))
	}
	if out := s.kubectl("get", "pod", "bad"); !strings.Contains(out, "Init:CrashLoopBackOff") && !strings.Contains(out, "Init:Error") {
		t.Errorf("kubectl get shows:\n%s", out)
	}
}

// https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
func TestSidecar(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: job}
spec:
  restartPolicy: Never
  initContainers:
  - {name: side, image: "go-api:0.0.1", restartPolicy: Always, startupProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}}
  containers:
  - {name: main, image: "toolbox:1.0", command: [sh, -c, "wget -qO- http://localhost:8080/version"]}
`)
	s.waitPod("job", "Succeeded", func(p *v1.Pod) bool { return p.Status.Phase == v1.PodSucceeded })
	if log := s.kubectl("logs", "job", "-c", "main"); !strings.Contains(log, "0.0.1") {
		t.Errorf("the main container did not reach its sidecar: %q", log)
	}
}

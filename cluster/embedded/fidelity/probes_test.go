package fidelity

import (
	"testing"

	v1 "k8s.io/api/core/v1"
)

// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
// https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
func TestReadiness(t *testing.T) {
	tests := []struct {
		name, probe, env string
		message          string // of the Event Unhealthy; empty: it becomes ready
	}{
		{"http good", "httpGet: {path: /readyz, port: 8080}", "none", ""},
		{"http by name", "httpGet: {path: /readyz, port: http}", "none", ""},
		{"http bad", "httpGet: {path: /readyz, port: 8080}", "not-ready", "Readiness probe failed: HTTP probe failed with statuscode: 503"},
		{"http refused", "httpGet: {path: /, port: 9}", "none", ":9: connect: connection refused"},
		{"http hangs", "httpGet: {path: /readyz, port: 8080}", "hang", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"},
		{"tcp good", "tcpSocket: {port: http}", "none", ""},
		{"tcp refused", "tcpSocket: {port: 9}", "none", ":9: connect: connection refused"},
		{"grpc refused", "grpc: {port: 9}", "none", "Readiness probe failed: timeout: failed to connect service"},
		{"exec without a shell", "exec: {command: [sh, -c, 'true']}", "none", `executable file not found in $PATH`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSpace(t)
			s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: go-api:0.0.1
    ports: [{name: http, containerPort: 8080}]
    env: [{name: FAIL, value: "` + test.env + `"}]
    readinessProbe: {periodSeconds: 1, timeoutSeconds: 1, ` + test.probe + `}
`)
			if test.message == "" {
				s.waitReady("p")
				return
			}
			e := s.waitEvent("p", "Unhealthy", test.message)
			if e.Type != v1.EventTypeWarning {
				t.Errorf("type %s", e.Type)
			}
			pod := s.waitPod("p", "Running", func(p *v1.Pod) bool { return p.Status.Phase == v1.PodRunning })
			if ready(pod) || status(pod).RestartCount != 0 {
				t.Errorf("ready %v, %d restarts", ready(pod), status(pod).RestartCount)
			}
		})
	}
}

func TestExecProbe(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: toolbox:1.0
    readinessProbe: {periodSeconds: 1, exec: {command: [cat, /tmp/ready]}}
`)
	s.waitEvent("p", "Unhealthy", "Readiness probe failed: cat: ")
	s.kubectl("exec", "p", "--", "touch", "/tmp/ready")
	s.waitReady("p")
	s.kubectl("exec", "p", "--", "rm", "/tmp/ready")
	s.waitPod("p", "not Ready", func(p *v1.Pod) bool { return !ready(p) })
}

func TestLiveness(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: c
    image: go-api:0.0.1
    env: [{name: FAIL, value: unhealthy}]
    livenessProbe: {periodSeconds: 1, failureThreshold: 2, httpGet: {path: /healthz, port: 8080}}
`)
	pod := s.waitPod("p", "restarted", func(p *v1.Pod) bool { return status(p).RestartCount >= 1 })
	if end := status(pod).LastTerminationState.Terminated; end == nil {
		t.Errorf("last state: %+v", status(pod).LastTerminationState)
	}
	s.waitEvent("p", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")
	s.waitEvent("p", "Killing", "Container c failed liveness probe, will be restarted")
	s.wantReasons("p", "Scheduled", "Pulled", "Created", "Started", "Unhealthy", "Killing")
}

func TestStartup(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: go-api:0.0.1
    env: [{name: LISTEN_DELAY, value: 4s}]
    startupProbe: {periodSeconds: 1, failureThreshold: 30, httpGet: {path: /healthz, port: 8080}}
    livenessProbe: {periodSeconds: 1, failureThreshold: 1, httpGet: {path: /healthz, port: 8080}}
`)
	s.waitEvent("p", "Unhealthy", "Startup probe failed: Get ")
	pod := s.waitReady("p")
	if n := status(pod).RestartCount; n != 0 {
		t.Errorf("restarted %d times: the liveness probe did not wait for the startup probe", n)
	}
}

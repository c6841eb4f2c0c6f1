package fidelity

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
)

// https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
func TestImagePullBackOff(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "bad", "--image=go-api:9.9.9")
	pod := s.waitPod("bad", "in ErrImagePull", func(p *v1.Pod) bool { return waitingFor(status(p)) == "ErrImagePull" })
	if pod.Status.Phase != v1.PodPending {
		t.Errorf("phase %s", pod.Status.Phase)
	}
	if m := status(pod).State.Waiting.Message; !strings.Contains(m, "go-api:9.9.9") || !strings.Contains(m, "0.0.3") {
		t.Errorf("the message names neither the image nor those that exist: %q", m)
	}
	s.waitPod("bad", "in ImagePullBackOff", func(p *v1.Pod) bool { return waitingFor(status(p)) == "ImagePullBackOff" })
	s.wantReasons("bad", "Scheduled", "Pulling", "Failed", "BackOff")
	s.waitEvent("bad", "Failed", `Failed to pull image "go-api:9.9.9"`)
	s.waitEvent("bad", "Failed", "Error: ErrImagePull")
	s.waitEvent("bad", "Failed", "Error: ImagePullBackOff")
	s.waitEvent("bad", "BackOff", `Back-off pulling image "go-api:9.9.9"`)
}

// https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy
func TestPullPolicies(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "always", "--image=go-api:0.0.1", "--image-pull-policy=Always")
	s.kubectl("run", "remote", "--image=busybox:1.36", "--", "sleep", "infinity")
	s.kubectl("run", "never", "--image=go-api:9.9.9", "--image-pull-policy=Never")
	for _, name := range []string{"always", "remote"} {
		s.waitReady(name)
		s.wantReasons(name, "Scheduled", "Pulling", "Pulled", "Created", "Started")
		s.waitEvent(name, "Pulled", "Successfully pulled image")
	}
	s.waitPod("never", "in ErrImageNeverPull", func(p *v1.Pod) bool { return waitingFor(status(p)) == "ErrImageNeverPull" })
}

// https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#troubleshooting
func TestPendingForLackOfCPU(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: big}
spec:
  containers: [{name: c, image: "go-api:0.0.1", resources: {requests: {cpu: "1000"}}}]
`)
	e := s.waitEvent("big", "FailedScheduling", "Insufficient cpu")
	if !strings.Contains(e.Message, "0/1 nodes are available: 1 Insufficient cpu") {
		t.Errorf("message: %s", e.Message)
	}
	s.waitPod("big", "Unschedulable", func(p *v1.Pod) bool {
		return p.Status.Phase == v1.PodPending && len(p.Status.Conditions) > 0 && p.Status.Conditions[0].Reason == v1.PodReasonUnschedulable
	})
}

// https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/#exceed-a-container-s-memory-limit
func TestOOMKilled(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: "go-api:0.0.1", env: [{name: FAIL, value: memory}], resources: {limits: {memory: 32Mi}}}
`)
	pod := s.waitPod("greedy", "Failed", func(p *v1.Pod) bool { return p.Status.Phase == v1.PodFailed })
	if end := terminated(pod); end == nil || end.Reason != "OOMKilled" || end.ExitCode != 137 {
		t.Errorf("terminated: %+v", end)
	}
}

// https://kubernetes.io/docs/tasks/configure-pod-container/quality-service-pod/
func TestQoSClass(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: guaranteed}
spec: {containers: [{name: c, image: "go-api:0.0.1", resources: {limits: {cpu: 10m, memory: 32Mi}, requests: {cpu: 10m, memory: 32Mi}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: burstable}
spec: {containers: [{name: c, image: "go-api:0.0.1", resources: {requests: {cpu: 10m}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: besteffort}
spec: {containers: [{name: c, image: "go-api:0.0.1"}]}
`)
	for name, want := range map[string]v1.PodQOSClass{"guaranteed": v1.PodQOSGuaranteed, "burstable": v1.PodQOSBurstable, "besteffort": v1.PodQOSBestEffort} {
		if got := s.waitReady(name).Status.QOSClass; got != want {
			t.Errorf("%s: class %s, want %s", name, got, want)
		}
	}
}

// What a container whose command is not in its image looks like (StartError,
// exit code 128) is the runtime's: this is containerd's.
func TestCommandNotFound(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "p", "--image=go-api:0.0.1", "--restart=Never", "--command", "--", "sh")
	pod := s.waitPod("p", "Failed", func(p *v1.Pod) bool { return p.Status.Phase == v1.PodFailed })
	end := terminated(pod)
	if end == nil || end.Reason != "StartError" || end.ExitCode != 128 || !strings.Contains(end.Message, `exec: "sh": executable file not found in $PATH`) {
		t.Errorf("terminated: %+v", end)
	}
	s.waitEvent("p", "Failed", `exec: "sh": executable file not found in $PATH`)
}

// https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/
// (a Pod that references a ConfigMap that does not exist won't start)
func TestMissingConfig(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: env}
spec: {containers: [{name: c, image: "go-api:0.0.1", envFrom: [{configMapRef: {name: none}}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: volume}
spec:
  containers: [{name: c, image: "go-api:0.0.1", volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, configMap: {name: none}}]
`)
	s.waitPod("env", "in CreateContainerConfigError", func(p *v1.Pod) bool { return waitingFor(status(p)) == "CreateContainerConfigError" })
	s.waitEvent("volume", "FailedMount", `configmap "none" not found`)
	s.waitPod("volume", "in ContainerCreating", func(p *v1.Pod) bool { return waitingFor(status(p)) == "ContainerCreating" })
	s.kubectl("create", "configmap", "none", "--from-literal=A=b")
	s.waitReady("env")
	s.waitReady("volume")
}

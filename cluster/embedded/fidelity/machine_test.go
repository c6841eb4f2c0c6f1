package fidelity

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// machineDir is a folder of the machine, in /tmp, with a file in it that no
// Pod may read, change or remove.
func machineDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "fidelity-machine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "thesis"), []byte("ten years"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wantUntouched fails when the folder holds anything but what machineDir put
// there.
func wantUntouched(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the machine's folder holds %v, %v", entries, err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "thesis")); string(data) != "ten years" {
		t.Errorf("the machine's file says %q, %v", data, err)
	}
}

// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#delete
//
// On the node /tmp/… is deleted with its volume; the machine's /tmp/… never.
func TestDeletedVolumeLeavesTheMachineAlone(t *testing.T) {
	s := newSpace(t)
	dir := machineDir(t)
	for i, path := range []string{dir, dir + "/", dir + "/thesis", "/home/ann" + dir} {
		name := fmt.Sprintf("%s-%d", s.ns, i)
		s.apply(fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s}
spec:
  capacity: {storage: 1Mi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Delete
  storageClassName: %[1]s
  hostPath: {path: %[2]q}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim-%[3]d}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: %[1]s
  volumeName: %[1]s
  resources: {requests: {storage: 1Mi}}
`, name, path, i))
		claim := fmt.Sprintf("claim-%d", i)
		s.wait(claim+" to be bound", func() bool {
			c, err := s.CoreV1().PersistentVolumeClaims(s.ns).Get(t.Context(), claim, metav1.GetOptions{})
			return err == nil && c.Status.Phase == v1.ClaimBound
		})
		s.kubectl("delete", "pvc", claim)
		s.wait("the volume of "+path+" to be deleted, or to have failed", func() bool {
			pv, err := s.CoreV1().PersistentVolumes().Get(t.Context(), name, metav1.GetOptions{})
			return apierrors.IsNotFound(err) || err == nil && pv.Status.Phase == v1.VolumeFailed
		})
		wantUntouched(t, dir)
		s.try("", "delete", "pv", name, "--ignore-not-found", "--wait=false")
	}
}

// A container that may write the node's "/" puts links there; whatever the
// kubelet or the runtime then does by those names stays on the node.
func TestLinksOfTheNodeStayOnTheNode(t *testing.T) {
	s := newSpace(t)
	dir := machineDir(t)
	// One tree of the node for each test run: the node's "/" is shared.
	here := "/" + s.ns
	s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: planter}
spec:
  restartPolicy: Never
  volumes: [{name: host, hostPath: {path: /}}]
  containers:
  - name: c
    image: toolbox:1.0
    volumeMounts: [{name: host, mountPath: /host}]
    command:
    - sh
    - -c
    - |
      mkdir -p /host%[1]s/volume && cd /host%[1]s &&
      ln -s %[2]s dir && ln -s %[2]s/new file && ln -s %[2]s/thesis thesis &&
      ln -s ../../../../../../../../../../../../../..%[2]s up && ln -s %[2]s volume/sub && ln -s %[2]s/thesis volume/thesis
`, here, dir))
	s.waitPod("planter", "Succeeded", func(p *v1.Pod) bool { return p.Status.Phase == v1.PodSucceeded })

	mounts := map[string]string{ // name: the volume, and what is after mountPath
		"dir":           fmt.Sprintf("hostPath: {path: %s/dir}", here),
		"up":            fmt.Sprintf("hostPath: {path: %s/up}", here),
		"deeper":        fmt.Sprintf("hostPath: {path: %s/dir/deeper}", here),
		"file":          fmt.Sprintf("hostPath: {path: %s/file, type: FileOrCreate}", here),
		"file-in":       fmt.Sprintf("hostPath: {path: %s/dir/made, type: FileOrCreate}", here),
		"dir-create":    fmt.Sprintf("hostPath: {path: %s/dir/made, type: DirectoryOrCreate}", here),
		"dir-type":      fmt.Sprintf("hostPath: {path: %s/dir, type: Directory}", here),
		"thesis":        fmt.Sprintf("hostPath: {path: %s/thesis, type: File}", here),
		"sub":           fmt.Sprintf("hostPath: {path: %s/volume}", here),
		"sub-file":      fmt.Sprintf("hostPath: {path: %s/volume}", here),
		"sub-made":      fmt.Sprintf("hostPath: {path: %s/volume}", here),
		"machine":       fmt.Sprintf("hostPath: {path: %s}", dir),
		"machine-file":  fmt.Sprintf("hostPath: {path: %s/thesis}", dir),
		"machine-cfile": fmt.Sprintf("hostPath: {path: %s/new, type: FileOrCreate}", dir),
	}
	subPaths := map[string]string{"sub": "sub", "sub-file": "thesis", "sub-made": "sub/made"}
	for name, volume := range mounts {
		sub := ""
		if path := subPaths[name]; path != "" {
			sub = ", subPath: " + path
		}
		s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %[1]s}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  volumes: [{name: v, %[2]s}]
  containers:
  - name: c
    image: toolbox:1.0
    volumeMounts: [{name: v, mountPath: /v%[3]s}]
    command: [sh, -c, "ls -R /v; cat /v /v/thesis; echo overwritten > /v; echo x > /v/x; echo overwritten > /v/thesis; rm -r /v/*; echo tried"]
`, name, volume, sub))
	}
	for name := range mounts {
		p := s.waitPod(name, "ended, or kept from starting", func(p *v1.Pod) bool {
			return p.Status.Phase == v1.PodSucceeded || p.Status.Phase == v1.PodFailed || stuck(s, p)
		})
		if out := s.try("", "logs", name); strings.Contains(out.stdout, "ten years") {
			t.Errorf("%s read the machine's file (phase %s):\n%s", name, p.Status.Phase, out.stdout)
		}
		wantUntouched(t, dir)
	}
}

// stuck reports whether the Pod waits for a volume that can't be mounted.
func stuck(s *space, p *v1.Pod) bool {
	if w := waitingFor(status(p)); w != "" && w != "ContainerCreating" && w != "PodInitializing" {
		return true
	}
	events, err := s.CoreV1().Events(s.ns).List(s.t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + p.Name + ",reason=FailedMount"})
	return err == nil && len(events.Items) > 0
}

// What a Pod asks of metrics-server may not reach files of the machine.
func TestMetricsServerTakesNoFiles(t *testing.T) {
	s := newSpace(t)
	dir := machineDir(t)
	s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: metrics}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: registry.k8s.io/metrics-server/metrics-server:v0.9.0
    args: [--cert-dir=/tmp, --kubelet-insecure-tls, "--audit-log-path=%[1]s/audit", "--audit-policy-file=%[1]s/thesis"]
`, dir))
	s.waitPod("metrics", "Failed", func(p *v1.Pod) bool { return p.Status.Phase == v1.PodFailed })
	s.wait("the reason in the log", func() bool {
		return strings.Contains(s.try("", "logs", "metrics").stdout, "does not take --audit-log-path, --audit-policy-file")
	})
	wantUntouched(t, dir)
}

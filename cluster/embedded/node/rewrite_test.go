package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"
	kubetypes "k8s.io/kubernetes/pkg/kubelet/types"
)

func TestMain(m *testing.M) {
	// What the packages of Kubernetes start when they are loaded stays.
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

func probedPod() *v1.Pod {
	http := func() v1.ProbeHandler {
		return v1.ProbeHandler{HTTPGet: &v1.HTTPGetAction{Path: "/$(HOME)", Port: intstr.FromString("http")}}
	}
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "default", UID: "u1"},
		Spec: v1.PodSpec{
			InitContainers: []v1.Container{{Name: "i", StartupProbe: &v1.Probe{ProbeHandler: http(), PeriodSeconds: 7}}},
			Containers: []v1.Container{{
				Name:           "c",
				Ports:          []v1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				LivenessProbe:  &v1.Probe{ProbeHandler: http()},
				ReadinessProbe: &v1.Probe{ProbeHandler: v1.ProbeHandler{TCPSocket: &v1.TCPSocketAction{Port: intstr.FromInt32(1)}}},
				StartupProbe:   &v1.Probe{ProbeHandler: v1.ProbeHandler{GRPC: &v1.GRPCAction{Port: 2}}},
				Lifecycle: &v1.Lifecycle{
					PostStart: &v1.LifecycleHandler{HTTPGet: &v1.HTTPGetAction{Path: "/hook", Port: intstr.FromInt32(8080)}},
					PreStop:   &v1.LifecycleHandler{Exec: &v1.ExecAction{Command: []string{"sync"}}},
				},
			}, {
				Name:          "d",
				LivenessProbe: &v1.Probe{ProbeHandler: v1.ProbeHandler{Exec: &v1.ExecAction{Command: []string{"true"}}}},
			}},
		},
	}
}

func TestRewriteProbes(t *testing.T) {
	w := newRewriter("marker")
	original := probedPod()
	pod, err := w.pod(original)
	if err != nil {
		t.Fatal(err)
	}
	c := pod.Spec.Containers[0]
	decode := func(h *v1.ExecAction) probeRequest {
		t.Helper()
		if h == nil || len(h.Command) != 2 || h.Command[0] != "marker" {
			t.Fatalf("not rewritten: %v", h)
		}
		r, err := decodeProbe(h.Command[1:])
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := decode(c.LivenessProbe.Exec); r.HTTP == nil || r.HTTP.Path != "/$(HOME)" || len(r.Ports) != 1 || r.Ports[0].Name != "http" || r.Hook {
		t.Errorf("http: %+v", r)
	}
	if c.LivenessProbe.HTTPGet != nil {
		t.Error("the http probe is still there")
	}
	if r := decode(c.ReadinessProbe.Exec); r.TCP == nil {
		t.Errorf("tcp: %+v", r)
	}
	if r := decode(c.StartupProbe.Exec); r.GRPC == nil || r.GRPC.Port != 2 {
		t.Errorf("grpc: %+v", r)
	}
	if r := decode(c.Lifecycle.PostStart.Exec); r.HTTP == nil || !r.Hook {
		t.Errorf("hook: %+v", r)
	}
	if got := c.Lifecycle.PreStop.Exec.Command[0]; got != "sync" {
		t.Errorf("an exec hook became %s", got)
	}
	if got := pod.Spec.Containers[1].LivenessProbe.Exec.Command[0]; got != "true" {
		t.Errorf("an exec probe became %s", got)
	}
	if p := pod.Spec.InitContainers[0].StartupProbe; decode(p.Exec).HTTP == nil || p.PeriodSeconds != 7 {
		t.Errorf("sidecar: %+v", p)
	}
	if original.Spec.Containers[0].LivenessProbe.HTTPGet == nil {
		t.Error("the given Pod was changed")
	}
}

// A mirror Pod shows the probes of the manifest, not ours.
func TestMirrorPods(t *testing.T) {
	w := newRewriter("marker")
	update, err := w.update(kubetypes.PodUpdate{Pods: []*v1.Pod{probedPod()}, Op: kubetypes.ADD, Source: kubetypes.FileSource})
	if err != nil {
		t.Fatal(err)
	}
	mirror := update.Pods[0].DeepCopy()
	mirror.UID = ""
	mirror.Annotations = map[string]string{kubetypes.ConfigMirrorAnnotationKey: "u1"}
	client := w.client(fake.NewClientset())
	got, err := client.CoreV1().Pods("default").Create(context.Background(), mirror, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Spec.Containers[0]
	if c.LivenessProbe.HTTPGet == nil || c.LivenessProbe.Exec != nil || c.Lifecycle.PostStart.HTTPGet == nil {
		t.Errorf("mirror Pod: %+v, %+v", c.LivenessProbe, c.Lifecycle.PostStart)
	}
	if _, err := w.update(kubetypes.PodUpdate{Pods: []*v1.Pod{probedPod()}, Op: kubetypes.REMOVE, Source: kubetypes.FileSource}); err != nil {
		t.Fatal(err)
	}
	if len(w.static) != 0 {
		t.Error("a removed static Pod is kept")
	}
}

func TestSecondLook(t *testing.T) {
	deleted := probedPod()
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	tests := []struct {
		name string
		then *kubetypes.PodUpdate // what comes after the Pod was added
		want bool
	}{
		{"lives", nil, true},
		{"was updated", &kubetypes.PodUpdate{Op: kubetypes.UPDATE, Pods: []*v1.Pod{probedPod()}}, true},
		{"is being deleted", &kubetypes.PodUpdate{Op: kubetypes.DELETE, Pods: []*v1.Pod{deleted}}, false},
		{"is gone", &kubetypes.PodUpdate{Op: kubetypes.REMOVE, Pods: []*v1.Pod{probedPod()}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				w := newRewriter("marker")
				in, out := make(chan kubetypes.PodUpdate), make(chan kubetypes.PodUpdate, 10)
				done := make(chan error)
				// The channels of the rewriter belong to the bubble.
				w.exits, w.due = make(chan types.UID, 1), make(chan types.UID)
				go func() { done <- w.run(ctx, in, out) }()
				in <- kubetypes.PodUpdate{Op: kubetypes.ADD, Source: kubetypes.ApiserverSource, Pods: []*v1.Pod{probedPod()}}
				<-out
				w.exited("u1")
				synctest.Wait()
				if test.then != nil {
					in <- *test.then
					<-out
				}
				time.Sleep(secondLook - time.Millisecond) //nolint:forbidigo // the time of the bubble, not of a clock
				synctest.Wait()
				if len(out) != 0 {
					t.Error("too early")
				}
				time.Sleep(2 * time.Millisecond) //nolint:forbidigo // the time of the bubble, not of a clock
				synctest.Wait()
				switch {
				case (len(out) == 1) != test.want:
					t.Errorf("%d updates", len(out))
				case test.want:
					if u := <-out; u.Op != kubetypes.UPDATE || u.Pods[0].UID != "u1" || u.Pods[0].Spec.Containers[0].LivenessProbe.Exec == nil {
						t.Errorf("update: %+v", u)
					}
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

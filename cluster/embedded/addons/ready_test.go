package addons

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var since = time.Date(2026, 11, 21, 12, 0, 0, 900_000_000, time.UTC)

func nodeWith(status corev1.ConditionStatus, heartbeat time.Time) *corev1.Node {
	return &corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, LastHeartbeatTime: metav1.NewTime(heartbeat)},
		{Type: corev1.NodeReady, Status: status, LastHeartbeatTime: metav1.NewTime(heartbeat), Message: "why"},
	}}}
}

func TestNodeReady(t *testing.T) {
	// The API keeps whole seconds.
	now := since.Truncate(time.Second)
	tests := []struct {
		name string
		node *corev1.Node
		want bool
		why  string
	}{
		{"no condition yet", Node("n"), false, "kubelet"},
		{"not ready", nodeWith(corev1.ConditionFalse, now), false, "why"},
		{"unknown", nodeWith(corev1.ConditionUnknown, now), false, "why"},
		{"ready before the pause", nodeWith(corev1.ConditionTrue, now.Add(-time.Second)), false, "kubelet"},
		{"ready in the same second", nodeWith(corev1.ConditionTrue, now), true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok, why := NodeReady(tt.node, since)
			if ok != tt.want || !ok && !strings.Contains(why, tt.why) {
				t.Errorf("got %v, %q", ok, why)
			}
		})
	}
}

func podWith(name string, labels map[string]string, started time.Time, ready bool) corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}},
			ContainerStatuses: []corev1.ContainerStatus{{
				Ready: ready,
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(started)}},
			}},
		},
	}
}

func TestPodsUp(t *testing.T) {
	dns := map[string]string{"k8s-app": "kube-dns"}
	proxy := map[string]string{"k8s-app": "kube-proxy"}
	static := map[string]string{"tier": "control-plane"}
	after, before := since.Add(time.Second), since.Add(-time.Minute)
	all := []corev1.Pod{
		podWith("etcd-lab", static, after, true),
		podWith("coredns-6f4-x", dns, after, true),
		podWith("kube-proxy-y", proxy, after, true),
	}
	with := func(pods ...corev1.Pod) []corev1.Pod { return append(slices.Clone(all), pods...) }
	tests := []struct {
		name     string
		pods     []corev1.Pod
		required []string
		want     bool
		why      string
	}{
		{"all up", all, Required([]string{"etcd-lab"}), true, ""},
		{"nothing yet", nil, Required([]string{"etcd-lab"}), false, "etcd-lab, coredns-, kube-proxy-"},
		{"no static Pod yet", all[1:], Required([]string{"etcd-lab"}), false, "waiting for etcd-lab"},
		{"second CoreDNS not ready", with(podWith("coredns-6f4-z", dns, after, false)), Required(nil), false, "coredns-6f4-z is starting"},
		{"running since before the pause", with(podWith("etcd-other", static, before, true)), nil, false, "etcd-other"},
		{"somebody else's", with(podWith("metrics-server-q", nil, after, false)), Required(nil), true, ""},
		{"a learner removed CoreDNS", []corev1.Pod{all[0]}, nil, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok, why := PodsUp(tt.pods, tt.required, since)
			if ok != tt.want || !strings.Contains(why, tt.why) {
				t.Errorf("got %v, %q, want %v, %q", ok, why, tt.want, tt.why)
			}
		})
	}
}

func TestObjects(t *testing.T) {
	objects, err := Objects()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, obj := range objects {
		kinds[obj.GetKind()]++
		if obj.GetName() == "" || obj.GetAPIVersion() == "" {
			t.Errorf("%s has no name or version", obj.GetKind())
		}
	}
	for _, kind := range []string{"Deployment", "DaemonSet", "Service"} {
		if kinds[kind] != 1 {
			t.Errorf("%d of kind %s", kinds[kind], kind)
		}
	}
	text, err := objects[slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "Service" })].MarshalJSON()
	if err != nil || !strings.Contains(string(text), `"clusterIP":"10.96.0.10"`) {
		t.Errorf("the DNS Service: %s, %v", text, err)
	}
}

func TestNodeHasAddressAndRoom(t *testing.T) {
	node := Node("lab-control-plane")
	want := []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.18.0.2"}, {Type: corev1.NodeHostName, Address: "lab-control-plane"}}
	if !slices.Equal(node.Status.Addresses, want) {
		t.Errorf("addresses %v", node.Status.Addresses)
	}
	// What the static Pods ask for has to fit before the kubelet's first report.
	if node.Status.Allocatable.Cpu().MilliValue() < 1000 || node.Status.Allocatable.Pods().Value() != 110 {
		t.Errorf("allocatable %v", node.Status.Allocatable)
	}
	if len(node.Spec.Taints) > 0 || node.Spec.PodCIDR != "10.244.0.0/24" {
		t.Errorf("spec %+v", node.Spec)
	}
}

package addons

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// NodeReady reports whether the kubelet has reported the node Ready since a time,
// and if not, why. What is older than since is from before a pause and means
// nothing.
func NodeReady(node *corev1.Node, since time.Time) (bool, string) {
	for _, cond := range node.Status.Conditions {
		if cond.Type != corev1.NodeReady {
			continue
		}
		if cond.LastHeartbeatTime.Time.Before(since.Truncate(time.Second)) {
			return false, "waiting for the kubelet"
		}
		return cond.Status == corev1.ConditionTrue, cond.Message
	}
	return false, "waiting for the kubelet"
}

// PodsUp reports whether the control plane's, CoreDNS's and kube-proxy's Pods are
// ready, with containers started after since, and if not, why. Of each prefix
// in required there must be one: after a pause that is none, because a learner
// may have removed what they liked.
func PodsUp(pods []corev1.Pod, required []string, since time.Time) (bool, string) {
	missing := slices.Clone(required)
	for _, pod := range pods {
		missing = slices.DeleteFunc(missing, func(prefix string) bool { return strings.HasPrefix(pod.Name, prefix) })
		ours := pod.Labels["tier"] == "control-plane" || pod.Labels["k8s-app"] == "kube-dns" || pod.Labels["k8s-app"] == "kube-proxy"
		if ours && !podReady(pod, since) {
			return false, fmt.Sprintf("%s is %s", pod.Name, podState(pod))
		}
	}
	if len(missing) > 0 {
		return false, "waiting for " + strings.Join(missing, ", ")
	}
	return true, ""
}

// Required are the prefixes of the Pods that a new cluster is to have.
func Required(staticPods []string) []string {
	return append(slices.Clone(staticPods), "coredns-", "kube-proxy-")
}

func podReady(pod corev1.Pod, since time.Time) bool {
	if pod.Status.Phase != corev1.PodRunning || len(pod.Status.ContainerStatuses) == 0 {
		return false
	}
	for _, st := range pod.Status.ContainerStatuses {
		if !st.Ready || st.State.Running == nil || st.State.Running.StartedAt.Time.Before(since.Truncate(time.Second)) {
			return false
		}
	}
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func podState(pod corev1.Pod) string {
	for _, st := range pod.Status.ContainerStatuses {
		if st.State.Waiting != nil {
			return st.State.Waiting.Reason
		}
	}
	if pod.Status.Phase == corev1.PodRunning {
		return "starting"
	}
	return string(pod.Status.Phase)
}

// CheckNode asks for the node and reports whether it is ready (see NodeReady).
func CheckNode(ctx context.Context, client kubernetes.Interface, name string, since time.Time) (bool, string) {
	node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, err.Error()
	}
	return NodeReady(node, since)
}

// CheckPods asks for the Pods of kube-system and reports whether they are up (see
// PodsUp).
func CheckPods(ctx context.Context, client kubernetes.Interface, required []string, since time.Time) (bool, string) {
	pods, err := client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err.Error()
	}
	return PodsUp(pods.Items, required, since)
}

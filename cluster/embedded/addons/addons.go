// Package addons makes the objects that an embedded cluster starts with: the
// Node, CoreDNS, kube-proxy and what they need. It asks the API server like
// any client and waits until they are up.
package addons

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"runtime"
	"strings"
	"text/template"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	schedulingv1 "k8s.io/kubernetes/pkg/apis/scheduling/v1"
	"sigs.k8s.io/yaml"

	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
)

// Images of the Pods in kube-system; the node's workloads know them.
const (
	CoreDNSImage   = "registry.k8s.io/coredns/coredns:v1.14.2"
	KubeProxyImage = "registry.k8s.io/kube-proxy:" + controlplane.KubernetesVersion
)

// fieldManager owns the fields that Apply sets.
const fieldManager = "k8stutor"

//go:embed kube-system.yaml
var kubeSystem string

// resources says where the kinds of kube-system.yaml live. Looking them up in
// the API server's discovery would be more requests than there are objects.
var resources = map[string]schema.GroupVersionResource{
	"ServiceAccount":     {Version: "v1", Resource: "serviceaccounts"},
	"ConfigMap":          {Version: "v1", Resource: "configmaps"},
	"Service":            {Version: "v1", Resource: "services"},
	"Deployment":         {Group: "apps", Version: "v1", Resource: "deployments"},
	"DaemonSet":          {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"ClusterRole":        {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding": {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
}

// Objects are the objects of kube-system.yaml, in the order of the file.
func Objects() ([]*unstructured.Unstructured, error) {
	tmpl, err := template.New("kube-system.yaml").Option("missingkey=error").Parse(kubeSystem)
	if err != nil {
		return nil, fmt.Errorf("reading the addons: %w", err)
	}
	var text bytes.Buffer
	err = tmpl.Execute(&text, map[string]string{
		"ClusterDomain":  controlplane.ClusterDomain,
		"DNSServiceIP":   controlplane.DNSServiceIP,
		"ClusterCIDR":    controlplane.ClusterCIDR,
		"CoreDNSImage":   CoreDNSImage,
		"KubeProxyImage": KubeProxyImage,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the addons: %w", err)
	}
	var objects []*unstructured.Unstructured
	for doc := range strings.SplitSeq(text.String(), "\n---\n") {
		var obj unstructured.Unstructured
		if err := yaml.UnmarshalStrict([]byte(doc), &obj.Object); err != nil {
			return nil, fmt.Errorf("reading the addons: %w", err)
		}
		if _, ok := resources[obj.GetKind()]; !ok {
			return nil, fmt.Errorf("reading the addons: unknown kind %q", obj.GetKind())
		}
		objects = append(objects, &obj)
	}
	return objects, nil
}

// Apply makes the addons, or changes them to what they were made as.
func Apply(ctx context.Context, client dynamic.Interface) error {
	objects, err := Objects()
	if err != nil {
		return err
	}
	for _, obj := range objects {
		var to dynamic.ResourceInterface = client.Resource(resources[obj.GetKind()])
		if ns := obj.GetNamespace(); ns != "" {
			to = client.Resource(resources[obj.GetKind()]).Namespace(ns)
		}
		if _, err := to.Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
			return fmt.Errorf("applying %s %s: %w", obj.GetKind(), obj.GetName(), err)
		}
	}
	return nil
}

// CreatePriorityClasses makes the two classes of every cluster, as the API
// server does by itself a second after it began to serve, which is a second in
// which no Pod of the system can be made.
func CreatePriorityClasses(ctx context.Context, client kubernetes.Interface) error {
	for _, class := range schedulingv1.SystemPriorityClasses() {
		_, err := client.SchedulingV1().PriorityClasses().Create(ctx, class, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making the priority class %s: %w", class.Name, err)
		}
	}
	return nil
}

// CreateNode makes the Node object, which the kubelet then finds and keeps. It
// has to be there before: the kubelet takes the node's address from it, because
// the virtual address exists on no interface of the host. One that exists is
// left as it is.
//
// It fails while the API server would not yet take the Pods that the kubelet
// makes of its static Pods (their priority class is made while it starts): the
// kubelet tries that once and then again only after a minute.
func CreateNode(ctx context.Context, client kubernetes.Interface, name string) error {
	_, err := client.CoreV1().Pods(metav1.NamespaceSystem).Create(ctx, mirrorPod(name), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("asking whether Pods can be made: %w", err)
	}
	_, err = client.CoreV1().Nodes().Create(ctx, Node(name), metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making the node %s: %w", name, err)
	}
	return nil
}

// mirrorPod is like those that a kubelet makes of static Pods.
func mirrorPod(node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "etcd-" + node,
			Namespace:   metav1.NamespaceSystem,
			Annotations: map[string]string{corev1.MirrorPodAnnotationKey: "asked"},
		},
		Spec: corev1.PodSpec{
			NodeName:          node,
			PriorityClassName: "system-node-critical",
			Containers:        []corev1.Container{{Name: "etcd", Image: "etcd"}},
		},
	}
}

// Node is the Node object of a cluster, with the labels that kind's node has.
func Node(name string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				"beta.kubernetes.io/arch":               runtime.GOARCH,
				"beta.kubernetes.io/os":                 "linux",
				corev1.LabelArchStable:                  runtime.GOARCH,
				corev1.LabelHostname:                    name,
				corev1.LabelOSStable:                    "linux",
				"node-role.kubernetes.io/control-plane": "",
			},
		},
		Spec: corev1.NodeSpec{PodCIDR: controlplane.PodCIDR, PodCIDRs: []string{controlplane.PodCIDR}},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: controlplane.NodeIP},
				{Type: corev1.NodeHostName, Address: name},
			},
			Capacity:    firstCapacity(),
			Allocatable: firstCapacity(),
		},
	}
}

// firstCapacity stands until the kubelet's first report, a moment later. The
// kubelet admits the static Pods against it, and for good: a node without
// capacity would refuse them.
func firstCapacity() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(int64(runtime.NumCPU()), resource.DecimalSI),
		corev1.ResourceMemory: resource.MustParse("1Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
}

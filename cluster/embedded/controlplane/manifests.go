package controlplane

import (
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// StaticPod ties a part to the static Pod that shows it in kube-system.
type StaticPod struct {
	Part      string // such as "apiserver"
	Component string // such as "kube-apiserver"; the Pod's and container's name
	Image     string
	Command   []string
	cpu       string // requested, as kubeadm does
	memory    string
}

// StaticPods lists the static Pods of the control plane. Their images stand for
// the supervised processes: the container lives as long as the process and
// prints what it logs.
func StaticPods(l Layout, c Cluster) []StaticPod {
	image := func(name, tag string) string { return "registry.k8s.io/" + name + ":" + tag }
	command := func(name string, args []string) []string { return append([]string{name}, args...) }
	return []StaticPod{
		{Part: PartEtcd, Component: "etcd", Image: image("etcd", EtcdVersion+"-0"), Command: command("etcd", EtcdArgs(l)), cpu: "100m", memory: "100Mi"},
		{Part: PartAPIServer, Component: "kube-apiserver", Image: image("kube-apiserver", KubernetesVersion), Command: command("kube-apiserver", APIServerArgs(l, c)), cpu: "250m"},
		{Part: PartControllerManager, Component: "kube-controller-manager", Image: image("kube-controller-manager", KubernetesVersion), Command: command("kube-controller-manager", ControllerManagerArgs(l, c)), cpu: "200m"},
		{Part: PartScheduler, Component: "kube-scheduler", Image: image("kube-scheduler", KubernetesVersion), Command: command("kube-scheduler", SchedulerArgs(l)), cpu: "100m"},
	}
}

// writeManifests writes the manifests that the kubelet reads as static Pods.
func writeManifests(l Layout, c Cluster) error {
	for _, p := range StaticPods(l, c) {
		data, err := yaml.Marshal(p.pod())
		if err != nil {
			return fmt.Errorf("encoding the static Pod %s: %w", p.Component, err)
		}
		if err := WriteFile(filepath.Join(l.Manifests(), p.Component+".yaml"), data); err != nil {
			return err
		}
	}
	return nil
}

func (p StaticPod) pod() *corev1.Pod {
	requests := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(p.cpu)}
	if p.memory != "" {
		requests[corev1.ResourceMemory] = resource.MustParse(p.memory)
	}
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      p.Component,
			Namespace: metav1.NamespaceSystem,
			Labels:    map[string]string{"component": p.Component, "tier": "control-plane"},
		},
		Spec: corev1.PodSpec{
			HostNetwork:       true,
			PriorityClassName: "system-node-critical",
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:            p.Component,
				Image:           p.Image,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Command:         p.Command,
				Resources:       corev1.ResourceRequirements{Requests: requests},
			}},
		},
	}
}

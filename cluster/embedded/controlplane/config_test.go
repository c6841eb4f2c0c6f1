package controlplane

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

func TestKubeconfig(t *testing.T) {
	l, c := newTestCluster(t)
	if err := WriteConfig(l, c); err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.LoadFromFile(l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.CurrentContext != "k8stutor-lab" {
		t.Errorf("current context %q", cfg.CurrentContext)
	}
	// What a learner changed stays, also when the port changes.
	cfg.Contexts["k8stutor-lab"].Namespace = "team-a"
	cfg.Contexts["mine"] = cfg.Contexts["k8stutor-lab"].DeepCopy()
	cfg.CurrentContext = "mine"
	if err := clientcmd.WriteToFile(*cfg, l.Kubeconfig()); err != nil {
		t.Fatal(err)
	}
	c.APIServerPort++
	if err := WriteConfig(l, c); err != nil {
		t.Fatal(err)
	}
	cfg, err = clientcmd.LoadFromFile(l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Clusters["k8stutor-lab"].Server; got != c.Server() {
		t.Errorf("server %s, want %s", got, c.Server())
	}
	if cfg.Contexts["k8stutor-lab"].Namespace != "team-a" || cfg.CurrentContext != "mine" {
		t.Errorf("the learner's settings are gone: %+v, current %q", cfg.Contexts, cfg.CurrentContext)
	}
	// A damaged file is replaced.
	write(t, l.Kubeconfig(), "{{{")
	if err := WriteConfig(l, c); err != nil {
		t.Fatal(err)
	}
	if _, err := clientcmd.LoadFromFile(l.Kubeconfig()); err != nil {
		t.Error(err)
	}
}

func TestAuditPolicy(t *testing.T) {
	l, c := newTestCluster(t)
	if err := WriteConfig(l, c); err != nil {
		t.Fatal(err)
	}
	p, err := policy.LoadPolicyFromFile(l.AuditPolicy())
	if err != nil {
		t.Fatal(err)
	}
	evaluator := policy.NewPolicyRuleEvaluator(p)
	admin := &user.DefaultInfo{Name: AdminUser, Groups: []string{AdminGroup, "system:authenticated"}}
	tests := []struct {
		name string
		ask  authorizer.AttributesRecord
		kept bool
	}{
		{"kubectl logs", authorizer.AttributesRecord{User: admin, Verb: "get", Resource: "pods", Subresource: "log", Namespace: "default", ResourceRequest: true, Path: "/api/v1/namespaces/default/pods/x/log"}, true},
		{"kubectl exec", authorizer.AttributesRecord{User: admin, Verb: "get", Resource: "pods", Subresource: "exec", Namespace: "default", ResourceRequest: true, Path: "/api/v1/namespaces/default/pods/x/exec"}, true},
		{"kubectl get events", authorizer.AttributesRecord{User: admin, Verb: "list", Resource: "events", Namespace: "default", ResourceRequest: true, Path: "/api/v1/namespaces/default/events"}, true},
		{"a Pod of the learner's", authorizer.AttributesRecord{User: &user.DefaultInfo{Name: "system:serviceaccount:default:default", Groups: []string{"system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"}}, Verb: "list", Resource: "pods", ResourceRequest: true, Path: "/api/v1/pods"}, true},
		{"discovery", authorizer.AttributesRecord{User: admin, Verb: "get", Path: "/apis/apps/v1"}, false},
		{"kubectl explain", authorizer.AttributesRecord{User: admin, Verb: "get", Path: "/openapi/v3/apis/apps/v1"}, false},
		{"k8stutor's health check", authorizer.AttributesRecord{User: &user.DefaultInfo{Name: SystemUser, Groups: []string{"system:masters"}}, Verb: "get", Path: "/readyz"}, false},
		{"kubelet", authorizer.AttributesRecord{User: &user.DefaultInfo{Name: "system:node:lab-control-plane", Groups: []string{"system:nodes"}}, Verb: "patch", Resource: "nodes", Subresource: "status", ResourceRequest: true, Path: "/api/v1/nodes/x/status"}, false},
		{"controllers", authorizer.AttributesRecord{User: &user.DefaultInfo{Name: "system:kube-controller-manager", Groups: []string{"system:masters"}}, Verb: "update", Resource: "deployments", APIGroup: "apps", ResourceRequest: true, Path: "/apis/apps/v1/namespaces/default/deployments/x"}, false},
		{"CoreDNS", authorizer.AttributesRecord{User: &user.DefaultInfo{Name: "system:serviceaccount:kube-system:coredns", Groups: []string{"system:serviceaccounts:kube-system"}}, Verb: "watch", Resource: "services", ResourceRequest: true, Path: "/api/v1/services"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := evaluator.EvaluatePolicyRule(tt.ask)
			if kept := string(cfg.Level) != string(auditv1.LevelNone); kept != tt.kept {
				t.Errorf("level %s, want kept %v", cfg.Level, tt.kept)
			}
			var stages []string
			for _, s := range cfg.OmitStages {
				stages = append(stages, string(s))
			}
			if tt.kept && !slices.Equal(stages, []string{"RequestReceived"}) {
				t.Errorf("omits stages %v", stages)
			}
		})
	}
}

func TestStaticPodsSayWhatRuns(t *testing.T) {
	l, c := newTestCluster(t)
	if err := WriteConfig(l, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range StaticPods(l, c) {
		data, err := os.ReadFile(filepath.Join(l.Manifests(), want.Component+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict(data, &pod); err != nil {
			t.Fatalf("%s: %v", want.Component, err)
		}
		if got := pod.Spec.Containers[0]; got.Image != want.Image || !slices.Equal(got.Command, want.Command) {
			t.Errorf("%s runs %s %v", want.Component, got.Image, got.Command)
		}
		if !pod.Spec.HostNetwork || pod.Spec.PriorityClassName != "system-node-critical" || pod.Namespace != "kube-system" {
			t.Errorf("%s is not as kubeadm makes it: %+v", want.Component, pod)
		}
	}
}

func TestFlags(t *testing.T) {
	l, c := newTestCluster(t)
	for _, flag := range []string{
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--bind-address=127.0.0.1",
		"--advertise-address=172.18.0.2", "--service-cluster-ip-range=10.96.0.0/16", "--service-node-port-range=30000-32767",
		"--enable-aggregator-routing=true", "--etcd-servers=unix://" + l.EtcdSocket(),
	} {
		if !slices.Contains(APIServerArgs(l, c), flag) {
			t.Errorf("kube-apiserver lacks %s", flag)
		}
	}
	// Nothing may listen on other than loopback, and nothing without need.
	for _, args := range [][]string{ControllerManagerArgs(l, c), SchedulerArgs(l)} {
		if !slices.Contains(args, "--secure-port=0") {
			t.Errorf("%v opens a port", args)
		}
	}
	for _, arg := range EtcdArgs(l) {
		if strings.Contains(arg, "listen") && !strings.Contains(arg, "unix://") {
			t.Errorf("etcd listens on %s", arg)
		}
	}
}

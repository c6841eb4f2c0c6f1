package kind

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	kindconfig "sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// The audit policy is that of the embedded cluster, so that checks of requests
// see the same on both.
//
//go:embed audit.yaml
var kindAuditPolicy []byte

// nodeAudit is where the node and its API server see the audit folder.
const nodeAudit = "/k8stutor/audit"

func (k *Provider) auditDir() string { return filepath.Join(k.home.Dir(), "audit") }
func (k *Provider) auditLog() string { return filepath.Join(k.auditDir(), "audit.log") }

// prepareAudit makes the folder that is mounted into the node, with the policy
// and an empty log. The API server, which is root in the node, appends to a log
// that is there and gives a new one the owner of the old one; a log that it made
// itself the learner could not read.
func (k *Provider) prepareAudit() error {
	if err := os.MkdirAll(k.auditDir(), 0o700); err != nil {
		return fmt.Errorf("folder for the audit log: %w", err)
	}
	if err := os.WriteFile(filepath.Join(k.auditDir(), "policy.yaml"), kindAuditPolicy, 0o600); err != nil {
		return fmt.Errorf("audit policy: %w", err)
	}
	f, err := os.OpenFile(k.auditLog(), os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return f.Close()
}

// Autoscalers decide as often as in the embedded cluster, so that the windows
// and waits of a lesson hold on both. Kubernetes' own default is 15 s.
const (
	autoscalerFlag   = "horizontal-pod-autoscaler-sync-period"
	autoscalerPeriod = "5s"
)

// kubeletLooks makes the kubelet look at each Pod every 5 to 7.5 s, as a rule it
// is once a minute. From Kubernetes 1.35 on it otherwise sleeps until a crashed
// container's back-off is over, and CrashLoopBackOff, which
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts
// describes, is seen for the blink of an eye before the next start; before that
// the state is "Error". Earlier kubelets looked after 10 to 15 s.
const kubeletLooks = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
syncFrequency: 5s
`

// config is the kind cluster: one node, whose API server writes an audit log
// into the state folder.
func (k *Provider) config() (*kindconfig.Cluster, error) {
	if err := k.prepareAudit(); err != nil {
		return nil, err
	}
	c := &kindconfig.Cluster{
		TypeMeta:             kindconfig.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		KubeadmConfigPatches: []string{kubeletLooks},
		Nodes: []kindconfig.Node{{
			Role:        kindconfig.ControlPlaneRole,
			ExtraMounts: []kindconfig.Mount{{HostPath: k.auditDir(), ContainerPath: nodeAudit, SelinuxRelabel: true}},
		}},
	}
	flags := [][2]string{
		{"audit-log-path", nodeAudit + "/audit.log"},
		{"audit-policy-file", nodeAudit + "/policy.yaml"},
		{"audit-log-maxbackup", "2"},
		{"audit-log-maxsize", "8"}, // MB
	}
	// kind configures kubeadm by v1beta4 from Kubernetes 1.36 on, where the
	// arguments are a list, and before by v1beta3, where they are a map. A
	// patch of another version than the configuration's does nothing.
	volume := fmt.Sprintf(`- {op: add, path: /apiServer/extraVolumes, value: [{name: audit, hostPath: %[1]s, mountPath: %[1]s, pathType: Directory}]}`+"\n", nodeAudit)
	list, byName := volume, volume
	for _, f := range flags {
		list += fmt.Sprintf("- {op: add, path: /apiServer/extraArgs/-, value: {name: %s, value: %q}}\n", f[0], f[1])
		byName += fmt.Sprintf("- {op: add, path: /apiServer/extraArgs/%s, value: %q}\n", f[0], f[1])
	}
	list += fmt.Sprintf("- {op: add, path: /controllerManager/extraArgs/-, value: {name: %s, value: %q}}\n", autoscalerFlag, autoscalerPeriod)
	byName += fmt.Sprintf("- {op: add, path: /controllerManager/extraArgs/%s, value: %q}\n", autoscalerFlag, autoscalerPeriod)
	for version, patch := range map[string]string{"v1beta4": list, "v1beta3": byName} {
		c.KubeadmConfigPatchesJSON6902 = append(c.KubeadmConfigPatchesJSON6902, kindconfig.PatchJSON6902{
			Group: "kubeadm.k8s.io", Version: version, Kind: "ClusterConfiguration", Patch: strings.TrimSpace(patch),
		})
	}
	return c, nil
}

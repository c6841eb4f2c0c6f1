package controlplane

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteConfig writes everything that is derived from the layout and the ports:
// kubeconfig files, the API server's audit policy and egress configuration, and
// the manifests of the static Pods. It is rewritten at each up, because the
// folder may have moved and ports may have changed.
func WriteConfig(l Layout, c Cluster) error {
	kubeconfigs := []struct{ path, cert, user, context string }{
		{l.Kubeconfig(), certAdmin, c.ContextName(), c.ContextName()},
		{l.ComponentKubeconfig("system"), certSystem, SystemUser, "system"},
		{l.ComponentKubeconfig("controller-manager"), certControllers, "system:kube-controller-manager", "controller-manager"},
		{l.ComponentKubeconfig("scheduler"), certScheduler, "system:kube-scheduler", "scheduler"},
		{l.ComponentKubeconfig("kubelet"), certKubelet, "system:node:" + c.NodeName, "kubelet"},
	}
	for _, k := range kubeconfigs {
		if err := writeKubeconfig(l, c, k.path, k.cert, k.user, k.context); err != nil {
			return err
		}
	}
	if err := WriteFile(l.AuditPolicy(), []byte(auditPolicy)); err != nil {
		return err
	}
	if err := WriteFile(l.EgressConfig(), []byte(fmt.Sprintf(egressConfig, l.EgressSocket()))); err != nil {
		return err
	}
	return writeManifests(l, c)
}

func writeKubeconfig(l Layout, c Cluster, path, cert, user, context string) error {
	var pems [3][]byte
	for i, file := range []string{l.Cert(certCA), l.Cert(cert), l.Key(cert)} {
		data, err := os.ReadFile(file)
		if err != nil {
			return &DamagedError{Path: file, Err: err}
		}
		pems[i] = data
	}
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters[c.ContextName()] = &clientcmdapi.Cluster{Server: c.Server(), CertificateAuthorityData: pems[0]}
	cfg.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: pems[1], ClientKeyData: pems[2]}
	cfg.Contexts[context] = &clientcmdapi.Context{Cluster: c.ContextName(), AuthInfo: user}
	cfg.CurrentContext = context
	data, err := clientcmd.Write(*cfg)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	// The learner's kubeconfig holds settings of theirs, such as the namespace
	// that kubectl config set-context chose: those are kept when the rest of
	// the file says the same.
	if path == l.Kubeconfig() {
		if merged, ok := keepContexts(path, cfg); ok {
			data = merged
		}
	}
	return WriteFile(path, data)
}

// keepContexts takes the contexts, users and the current context that a person
// added to the kubeconfig file over into fresh, whose cluster and admin user
// win.
func keepContexts(path string, fresh *clientcmdapi.Config) ([]byte, bool) {
	old, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return nil, false // absent or damaged: the fresh one replaces it
	}
	for name, cluster := range fresh.Clusters {
		old.Clusters[name] = cluster
	}
	for name, user := range fresh.AuthInfos {
		old.AuthInfos[name] = user
	}
	for name, context := range fresh.Contexts {
		if had := old.Contexts[name]; had != nil {
			context.Namespace = had.Namespace
		}
		old.Contexts[name] = context
	}
	if old.Contexts[old.CurrentContext] == nil {
		old.CurrentContext = fresh.CurrentContext
	}
	data, err := clientcmd.Write(*old)
	return data, err == nil
}

// egressConfig sends what the API server dials inside the cluster (kubelets,
// Pods, aggregated API servers, webhooks) through the virtual network, as HTTP
// CONNECT on a Unix socket. What is not listed is dialled directly; etcd must not
// be, because the dialer for a listed etcd knows no Unix sockets.
// https://kubernetes.io/docs/tasks/extend-kubernetes/setup-konnectivity/
const egressConfig = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %q
- name: controlplane
  connection:
    proxyProtocol: Direct
`

// auditPolicy keeps what a person asked for and drops what the cluster asks of
// itself. Requests that stay open (watch, logs -f, exec, port-forward) are
// written at ResponseStarted, so that they are seen at once, and again when
// they end; all others once, when they are answered.
// https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users:
  - "k8stutor:system"
  - "system:apiserver"
  - "system:kube-controller-manager"
  - "system:kube-scheduler"
  - "system:kube-proxy"
  - "kube-apiserver-kubelet-client"
- level: None
  userGroups:
  - "system:nodes"
  - "system:serviceaccounts:kube-system"
# Discovery, health and documentation: what clients ask before the question.
- level: None
  nonResourceURLs:
  - "/"
  - "/api*"
  - "/healthz*"
  - "/livez*"
  - "/readyz*"
  - "/openapi*"
  - "/version"
  - "/metrics"
- level: Metadata
`

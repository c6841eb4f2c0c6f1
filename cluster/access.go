package cluster

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// UserAgent begins the User-Agent of every request that k8stutor itself makes;
// by it they are kept out of the Requests, but for those of ScreenUserAgent.
const UserAgent = "k8stutor"

// ScreenUserAgent is the User-Agent of requests that the screen makes because
// the learner pressed a key to read an object. They are the learner's own
// looking, as much as kubectl in the shell is, so unlike those of UserAgent they
// do count as Requests.
const ScreenUserAgent = UserAgent + "-screen"

// Access is how a running cluster is reached.
type Access struct {
	Provider   string `json:"provider"`           // its provider's name, such as "embedded"
	Name       string `json:"name"`               // the cluster's name
	Kubeconfig string `json:"kubeconfig"`         // path of k8stutor's own file, mode 0600
	Context    string `json:"context"`            // context in that file
	Server     string `json:"server"`             // URL of the API server
	Version    string `json:"version"`            // server version, such as v1.36.3
	NodeHost   string `json:"nodeHost"`           // where NodePorts answer, such as 127.0.0.1
	AuditLog   string `json:"auditLog,omitempty"` // JSON-lines audit log, empty when there is none
}

// RESTConfig is how to reach the cluster, as somebody with this User-Agent.
func (a Access) RESTConfig(agent string) (*rest.Config, error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: a.Kubeconfig}
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: a.Context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the cluster's kubeconfig %s: %w", a.Kubeconfig, err)
	}
	cfg.UserAgent = agent
	cfg.QPS = -1 // no client-side limit: a learner waits for what we do
	cfg.WarningHandlerWithContext = rest.NoWarnings{}
	return cfg, nil
}

// WriteKubeconfig writes a copy of the cluster's kubeconfig whose context
// points to the namespace. The learner's shell gets it.
func (a Access) WriteKubeconfig(namespace, path string) error {
	cfg, err := clientcmd.LoadFromFile(a.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the cluster's kubeconfig: %w", err)
	}
	c := cfg.Contexts[a.Context]
	if c == nil {
		return fmt.Errorf("%s has no context %q", a.Kubeconfig, a.Context)
	}
	c.Namespace = namespace
	cfg.CurrentContext = a.Context
	data, err := clientcmd.Write(*cfg)
	if err != nil {
		return err
	}
	return WritePrivate(path, data)
}

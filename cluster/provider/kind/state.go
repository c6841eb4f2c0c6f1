package kind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/k8stutor/k8stutor/cluster"
)

// kindState is what there is of the cluster.
type kindState int

const (
	kindAbsent     kindState = iota
	kindUnfinished           // containers of ours, but no record that it came up
	kindMade
)

// find looks for the cluster's containers. Those that were not made from this
// state folder give a *ForeignError: a node of ours has our audit folder
// mounted, whatever became of the record.
func (k *Provider) find(ctx context.Context, use kindUse) (kindState, error) {
	nodes, err := use.ListNodes(k.cluster())
	if err != nil {
		return kindAbsent, fmt.Errorf("kind: list nodes: %w", err)
	}
	for _, n := range nodes {
		mounts, err := use.engine.Output(ctx, "inspect", "--format", "{{range .Mounts}}{{println .Source}}{{end}}", n.String())
		if err != nil {
			return kindAbsent, fmt.Errorf("kind: %w", err)
		}
		ours := false
		for source := range strings.Lines(mounts) {
			// An engine in a virtual machine may put a prefix before it.
			ours = ours || strings.HasSuffix(strings.TrimSpace(source), k.auditDir())
		}
		if !ours {
			return kindAbsent, &ForeignError{Cluster: k.cluster(), Engine: use.engine.Name}
		}
	}
	if len(nodes) == 0 {
		return kindAbsent, nil
	}
	if _, err := k.home.Access(); errors.Is(err, cluster.ErrAbsent) {
		return kindUnfinished, nil
	}
	return kindMade, nil
}

// adoptTime is how long a cluster without a record may take to answer before
// it counts as half made; answerTime is how long an API server may take before
// it counts as broken. One that isn't there refuses at once.
const (
	adoptTime  = 15 * time.Second
	answerTime = 10 * time.Second
)

// adopt takes over a cluster of ours that runs and answers.
func (k *Provider) adopt(ctx context.Context, use kindUse, report cluster.Progress) (cluster.Access, error) {
	ctx, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	if err := use.ExportKubeConfig(k.cluster(), k.kubeconfig(), false); err != nil {
		return cluster.Access{}, err
	}
	began := time.Now()
	phase := cluster.Phase{ID: "kind-adopt", Title: "Looking whether the cluster that is there works"}
	report(phase)
	access, err := k.waitNode(ctx)
	if err == nil {
		err = k.waitDNS(ctx)
	}
	if err == nil {
		err = k.writeEngine(use.engine.Name)
	}
	// That it does not is no failure of Up, which re-creates it.
	phase.Done, phase.Elapsed = true, time.Since(began)
	report(phase)
	return access, err
}

// resume starts the nodes, unless they run, and waits until the API server and
// the cluster's DNS answer.
func (k *Provider) resume(ctx context.Context, use kindUse, report cluster.Progress) (cluster.Access, error) {
	nodes, err := use.ListNodes(k.cluster())
	if err != nil {
		return cluster.Access{}, fmt.Errorf("kind: list nodes: %w", err)
	}
	err = inPhase(report, cluster.Phase{ID: "kind-start", Title: "Starting the node"}, func() error {
		if err := k.prepareAudit(); err != nil {
			return err
		}
		for _, n := range nodes {
			if err := use.engine.Run(ctx, "start", n.String()); err != nil {
				return err
			}
		}
		// The engine may have given the API server another port.
		return use.ExportKubeConfig(k.cluster(), k.kubeconfig(), false)
	})
	if err != nil {
		return cluster.Access{}, k.broken(ctx, use, err)
	}
	var access cluster.Access
	waits := []struct {
		id, title string
		wait      func() error
	}{
		{"kind-api", "Waiting for the API server", func() (err error) {
			access, err = k.waitNode(ctx)
			return err
		}},
		{"kind-dns", "Waiting for the cluster's DNS", func() error { return k.waitDNS(ctx) }},
	}
	for _, w := range waits {
		if err := inPhase(report, cluster.Phase{ID: w.id, Title: w.title}, w.wait); err != nil {
			return cluster.Access{}, k.broken(ctx, use, err)
		}
	}
	return access, nil
}

// broken tells a cluster that does not come back from a cancelled call and from
// an engine that went away.
func (k *Provider) broken(ctx context.Context, use kindUse, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("up was cancelled: %w", err)
	case use.engine.Run(ctx, "ps", "--quiet") != nil:
		return fmt.Errorf("kind: %s stopped answering: start it and try again (%w)", use.engine.Name, err)
	}
	return &cluster.BrokenError{Name: k.home.Name(), Err: err}
}

// client asks the API server by our kubeconfig.
func (k *Provider) client() (*kubernetes.Clientset, *rest.Config, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", k.kubeconfig())
	if err != nil {
		return nil, nil, fmt.Errorf("kind: read our kubeconfig: %w", err)
	}
	cfg.UserAgent, cfg.Timeout = cluster.UserAgent, 5*time.Second
	client, err := kubernetes.NewForConfig(cfg)
	return client, cfg, err
}

// answers asks the API server once whether it is ready.
func (k *Provider) answers(ctx context.Context, within time.Duration) error {
	client, _, err := k.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// waitNode waits until all nodes are ready, and says how the cluster is
// reached.
func (k *Provider) waitNode(ctx context.Context) (cluster.Access, error) {
	client, cfg, err := k.client()
	if err != nil {
		return cluster.Access{}, err
	}
	var version *apiversion.Info
	err = poll(ctx, func(ctx context.Context) error {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("the API server at %s does not answer: %w", cfg.Host, err)
		}
		for i := range nodes.Items {
			if n := &nodes.Items[i]; !nodeReady(n) {
				return fmt.Errorf("node %s is not ready", n.Name)
			}
		}
		if len(nodes.Items) == 0 {
			return errors.New("no node has registered")
		}
		version, err = client.Discovery().ServerVersion()
		return err
	})
	if err != nil {
		return cluster.Access{}, fmt.Errorf("kind: %w", err)
	}
	return cluster.Access{
		Provider: Name, Name: k.home.Name(), Kubeconfig: k.kubeconfig(),
		Context: "kind-" + k.cluster(), Server: cfg.Host, Version: version.GitVersion, NodeHost: "127.0.0.1",
		AuditLog: k.auditLog(),
	}, nil
}

func nodeReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// waitDNS waits until a Pod of CoreDNS answers to its readiness probe. It is
// asked through the API server: what the API says of Pods may be from before a
// pause.
func (k *Provider) waitDNS(ctx context.Context) error {
	client, _, err := k.client()
	if err != nil {
		return err
	}
	pods := client.CoreV1().Pods(metav1.NamespaceSystem)
	return poll(ctx, func(ctx context.Context) error {
		list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
		if err != nil {
			return err
		}
		err = errors.New("there is no Pod of CoreDNS")
		for _, p := range list.Items {
			if _, err = pods.ProxyGet("http", p.Name, "8181", "ready", nil).DoRaw(ctx); err == nil {
				return nil
			}
		}
		return fmt.Errorf("CoreDNS does not answer: %w", err)
	})
}

// poll tries until it works, for kindReadyTime at most. The error is the last
// try's.
func poll(ctx context.Context, try func(context.Context) error) error {
	return pollFor(ctx, kindReadyTime, 200*time.Millisecond, try)
}

// pollFor tries until it works, for so long at most. The error is the last
// try's.
func pollFor(ctx context.Context, atMost, interval time.Duration, try func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, interval, atMost, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	return cmp.Or(last, err)
}

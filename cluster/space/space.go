package space

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

// stepAnnotation on a namespace says which step of the lesson it holds.
const stepAnnotation = "k8stutor.dev/step"

// Space is the namespace in which one lesson happens, with all that a lesson
// may do there. It is safe for concurrent use.
type Space struct {
	client    *Client
	access    cluster.Access
	namespace string
	options   Options
}

// Options say how scripts of a lesson are run.
type Options struct {
	// Kubeconfig is a file whose context points to the namespace. It is
	// written by Open.
	Kubeconfig string
	// Path is PATH for scripts, with kubectl on it; empty is this process's.
	Path string
	// Ports makes the NodePorts of a namespace answer on 127.0.0.1 until ctx
	// ends; nil where the cluster does so itself.
	Ports func(ctx context.Context, client dynamic.Interface, namespace string)
}

// Open makes the namespace, unless it is there, and the kubeconfig that
// points to it.
func Open(ctx context.Context, access cluster.Access, namespace string, options Options) (*Space, error) {
	client, err := NewClient(access)
	if err != nil {
		return nil, err
	}
	if err := client.EnsureNamespace(ctx, namespace); err != nil {
		return nil, err
	}
	if err := access.WriteKubeconfig(namespace, options.Kubeconfig); err != nil {
		return nil, err
	}
	return &Space{client: client, access: access, namespace: namespace, options: options}, nil
}

// Namespace is the name of the namespace.
func (s *Space) Namespace() string { return s.namespace }

// Watch starts to watch; the caller closes the Watcher. As long as it is open,
// the namespace's NodePorts answer on 127.0.0.1 with every provider.
func (s *Space) Watch(ctx context.Context, specs []watch.Spec) *watch.Watcher {
	client := s.client.Dynamic()
	if s.options.Ports == nil {
		return watch.Start(ctx, client, specs)
	}
	return watch.Start(ctx, client, specs, func(ctx context.Context) { s.options.Ports(ctx, client, s.namespace) })
}

// Requests follows the audit log; nil when the cluster keeps none. The caller
// closes it.
func (s *Space) Requests(ctx context.Context) (*AuditTail, error) {
	if s.access.AuditLog == "" {
		return nil, nil
	}
	return TailAudit(ctx, s.access.AuditLog)
}

// Enter notes on the namespace which step it holds from now on, and returns the
// resource version of that write: what has a lower one happened before.
func (s *Space) Enter(ctx context.Context, step string) (uint64, error) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		// The time makes sure that it is a write.
		stepAnnotation: step, stepAnnotation + "-entered": time.Now().UTC().Format(time.RFC3339Nano),
	}}})
	if err != nil {
		return 0, err
	}
	u, err := s.client.Dynamic().Resource(namespaces).Patch(ctx, s.namespace, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: cluster.UserAgent})
	if err != nil {
		return 0, fmt.Errorf("mark the beginning of step %s: %w", step, err)
	}
	version := watch.Revision(u.GetResourceVersion())
	if version == 0 {
		return 0, fmt.Errorf("resource version %q of namespace %s is no number", u.GetResourceVersion(), s.namespace)
	}
	return version, nil
}

// Entered is the step that the namespace holds, "" when it holds none.
func (s *Space) Entered(ctx context.Context) (string, error) {
	u, err := s.client.Dynamic().Resource(namespaces).Get(ctx, s.namespace, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read namespace %s: %w", s.namespace, err)
	}
	return u.GetAnnotations()[stepAnnotation], nil
}

// Clear empties the namespace.
func (s *Space) Clear(ctx context.Context) error { return s.client.EmptyNamespace(ctx, s.namespace) }

// Delete removes the namespace.
func (s *Space) Delete(ctx context.Context) error { return s.client.DeleteNamespace(ctx, s.namespace) }

// Apply applies a manifest into the namespace.
func (s *Space) Apply(ctx context.Context, manifest []byte) error {
	return s.client.Apply(ctx, s.namespace, manifest)
}

// Probe asks a Service of the namespace.
func (s *Space) Probe(ctx context.Context, service, port, path string) (Reply, error) {
	return s.client.Probe(ctx, s.namespace, service, port, path)
}

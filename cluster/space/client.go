package space

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/k8stutor/k8stutor/cluster"
)

// madeLabel marks the namespaces that k8stutor made. It never deletes or
// empties any other.
const madeLabel = "app.kubernetes.io/managed-by"

// Client changes a cluster on a lesson's behalf: namespaces, manifests, and
// requests to Services. It is safe for concurrent use. Everything it asks
// carries UserAgent, so that the audit log can tell it from the learner.
type Client struct {
	config  *rest.Config
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	web     *http.Client
}

// dialPatience is client-go's own: how long a connection may take, and how
// often the kernel asks whether the other end is still there.
const dialPatience = 30 * time.Second

// NewClient opens the cluster. It does not ask it anything yet.
func NewClient(a cluster.Access) (*Client, error) {
	cfg, err := a.RESTConfig(cluster.UserAgent)
	if err != nil {
		return nil, err
	}
	// One connection for each Client. client-go would share one among all of a
	// process, and a server takes 100 streams on one, of which each watch is
	// one: more than that, and Go's client is told PROTOCOL_ERROR instead of
	// opening another (golang/go#47635).
	cfg.Dial = (&net.Dialer{Timeout: dialPatience, KeepAlive: dialPatience}).DialContext
	web, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfigAndClient(cfg, web)
	if err != nil {
		return nil, err
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, web)
	if err != nil {
		return nil, err
	}
	return &Client{
		config: cfg, dynamic: dyn, web: web,
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco)),
	}, nil
}

// Dynamic is the client, for a Watcher.
func (w *Client) Dynamic() dynamic.Interface { return w.dynamic }

// Version asks the API server for its version, such as v1.36.3.
func (w *Client) Version(ctx context.Context) (string, error) {
	disco, err := w.discovery(ctx)
	if err != nil {
		return "", err
	}
	v, err := disco.ServerVersion()
	if err != nil {
		return "", err
	}
	return v.GitVersion, nil
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// EnsureNamespace makes the namespace unless it is there. When it is just
// going away, EnsureNamespace waits for that first.
func (w *Client) EnsureNamespace(ctx context.Context, name string) error {
	ns := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": map[string]any{madeLabel: cluster.UserAgent}},
	}}
	err := until(ctx, func(ctx context.Context) (bool, error) {
		_, err := w.dynamic.Resource(namespaces).Create(ctx, ns, metav1.CreateOptions{})
		if err == nil {
			return true, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return false, err
		}
		have, err := w.dynamic.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return false, nil
		case err != nil:
			return false, err
		case have.GetDeletionTimestamp() != nil:
			return false, nil
		case have.GetLabels()[madeLabel] != cluster.UserAgent:
			return false, fmt.Errorf("namespace %s exists and is not k8stutor's: delete or rename it", name)
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("make namespace %s: %w", name, err)
	}
	return w.waitDefaultAccount(ctx, name)
}

// waitDefaultAccount waits for the namespace's ServiceAccount, without which
// no Pod can be made in it.
func (w *Client) waitDefaultAccount(ctx context.Context, ns string) error {
	accounts := schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	err := until(ctx, func(ctx context.Context) (bool, error) {
		_, err := w.dynamic.Resource(accounts).Namespace(ns).Get(ctx, "default", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("namespace %s: wait for its default ServiceAccount: %w", ns, err)
	}
	return nil
}

// DeleteNamespace removes a namespace that EnsureNamespace made and waits until
// it is gone. One that does not exist is no error.
func (w *Client) DeleteNamespace(ctx context.Context, name string) error {
	have, err := w.dynamic.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if have.GetLabels()[madeLabel] != cluster.UserAgent {
		return fmt.Errorf("namespace %s is not k8stutor's: it stays", name)
	}
	err = w.dynamic.Resource(namespaces).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	// Nothing new can be made in it any more: its Pods need no grace period.
	atOnce := int64(0)
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	err = w.dynamic.Resource(pods).Namespace(name).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &atOnce}, metav1.ListOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the Pods of namespace %s: %w", name, err)
	}
	err = until(ctx, func(ctx context.Context) (bool, error) {
		now, err := w.dynamic.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err == nil {
			have = now
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("namespace %s is not gone%s: %w", name, remains(have), err)
	}
	return nil
}

// remains is what the namespace controller says is in the way of removing a
// namespace, "" when it says nothing.
func remains(namespace *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(namespace.Object, "status", "conditions")
	said := ""
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["status"] == string(metav1.ConditionTrue) {
			said += fmt.Sprintf(" (%s: %s)", c["type"], c["message"])
		}
	}
	return said
}

// Apply applies the YAML documents with server-side apply. Objects that name
// no namespace go to ns. Applying the same manifest again changes nothing.
func (w *Client) Apply(ctx context.Context, ns string, manifest []byte) error {
	dec := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		var u unstructured.Unstructured
		err := dec.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the manifest is not YAML: %w", err)
		}
		if len(u.Object) == 0 {
			continue
		}
		if err := w.applyOne(ctx, ns, &u); err != nil {
			return fmt.Errorf("apply %s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
}

func (w *Client) applyOne(ctx context.Context, ns string, u *unstructured.Unstructured) error {
	gvk := u.GroupVersionKind()
	mapping, err := w.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		// It may be the kind of a CustomResourceDefinition applied just now.
		w.mapper.Reset()
		mapping, err = w.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return err
	}
	var client dynamic.ResourceInterface = w.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		if u.GetNamespace() == "" {
			u.SetNamespace(ns)
		}
		client = w.dynamic.Resource(mapping.Resource).Namespace(u.GetNamespace())
	}
	_, err = client.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: cluster.UserAgent, Force: true})
	return err
}

// until polls until the condition holds or ctx is done: at first every 100 ms,
// then less and less often, down to once a second.
func until(ctx context.Context, condition func(context.Context) (bool, error)) error {
	backoff := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 1.25, Cap: time.Second, Steps: math.MaxInt32}
	return backoff.DelayFunc().Until(ctx, true, true, condition)
}

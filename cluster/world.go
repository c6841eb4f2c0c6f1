package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// madeLabel marks the namespaces that k8stutor made. It never deletes or
// empties any other.
const madeLabel = "app.kubernetes.io/managed-by"

// World changes a cluster on a lesson's behalf: namespaces, manifests, and
// requests to Services. It is safe for concurrent use. Everything it asks
// carries UserAgent, so that the audit log can tell it from the learner.
type World struct {
	config  *rest.Config
	dynamic dynamic.Interface
	disco   discovery.DiscoveryInterfaceWithContext
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	web     *http.Client
}

// dialPatience is client-go's own: how long a connection may take, and how
// often the kernel asks whether the other end is still there.
const dialPatience = 30 * time.Second

// NewWorld opens the cluster. It does not ask it anything yet.
func NewWorld(a Access) (*World, error) {
	cfg, err := a.RESTConfig(UserAgent)
	if err != nil {
		return nil, err
	}
	// One connection for each World. client-go would share one among all of a
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
	return &World{
		config: cfg, dynamic: dyn, disco: disco, web: web,
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco)),
	}, nil
}

// Dynamic is the client, for a Watcher.
func (w *World) Dynamic() dynamic.Interface { return w.dynamic }

// Version asks the API server for its version, such as v1.36.3.
func (w *World) Version(ctx context.Context) (string, error) {
	v, err := w.disco.ServerVersionWithContext(ctx)
	if err != nil {
		return "", err
	}
	return v.GitVersion, nil
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// EnsureNamespace makes the namespace unless it is there. When it is just
// going away, EnsureNamespace waits for that first.
func (w *World) EnsureNamespace(ctx context.Context, name string) error {
	ns := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": map[string]any{madeLabel: UserAgent}},
	}}
	err := until(ctx, func() (bool, error) {
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
		case have.GetLabels()[madeLabel] != UserAgent:
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
func (w *World) waitDefaultAccount(ctx context.Context, ns string) error {
	accounts := schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	err := until(ctx, func() (bool, error) {
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
func (w *World) DeleteNamespace(ctx context.Context, name string) error {
	have, err := w.dynamic.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if have.GetLabels()[madeLabel] != UserAgent {
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
	err = until(ctx, func() (bool, error) {
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

// EmptyNamespace makes the namespace, or deletes everything in it and waits
// until it is gone. Pods go at once, without their grace period. It is much
// quicker than deleting the namespace, and its ServiceAccount stays.
func (w *World) EmptyNamespace(ctx context.Context, name string) error {
	if err := w.EnsureNamespace(ctx, name); err != nil {
		return err
	}
	kinds, err := w.deletable(ctx)
	if err != nil {
		return fmt.Errorf("empty namespace %s: %w", name, err)
	}
	// Again until nothing is left: controllers make things while we delete.
	// Only what held something, or what controllers make, is asked for often.
	asked, whole := kinds, true
	err = until(ctx, func() (bool, error) {
		var held []schema.GroupVersionResource
		for _, gvr := range asked {
			n, err := w.empty(ctx, gvr, name)
			if err != nil {
				return false, fmt.Errorf("%s: %w", gvr.Resource, err)
			}
			if n > 0 {
				held = append(held, gvr)
			}
		}
		if len(held) == 0 && whole {
			return true, nil
		}
		whole = len(held) == 0
		asked = kinds
		if !whole {
			asked = slices.DeleteFunc(slices.Clone(kinds), func(gvr schema.GroupVersionResource) bool {
				return !slices.Contains(held, gvr) && gvr.Resource != "pods" && gvr.Resource != "replicasets"
			})
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("empty namespace %s: %w", name, err)
	}
	return nil
}

// deletable lists the kinds of namespaced things that can be deleted, owners
// before what they own. An aggregated API that does not answer is left out: it
// holds nothing of ours.
func (w *World) deletable(ctx context.Context) ([]schema.GroupVersionResource, error) {
	lists, err := discovery.ServerPreferredNamespacedResourcesWithContext(ctx, w.disco)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, err
	}
	var out []schema.GroupVersionResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			// Events of events.k8s.io are the same objects as the core ones.
			if slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") && gv.Group != "events.k8s.io" {
				out = append(out, gv.WithResource(r.Name))
			}
		}
	}
	rank := func(gvr schema.GroupVersionResource) int {
		return slices.Index([]string{"events", "pods", "replicasets"}, gvr.Resource)
	}
	slices.SortStableFunc(out, func(a, b schema.GroupVersionResource) int {
		// Unranked first, then ReplicaSets, Pods, and at last the Events
		// that all this made.
		ra, rb := rank(a), rank(b)
		switch {
		case ra == rb:
			return 0
		case ra < 0:
			return -1
		case rb < 0:
			return 1
		}
		return rb - ra
	})
	return out, nil
}

// empty deletes the objects of one kind and returns how many there were.
func (w *World) empty(ctx context.Context, gvr schema.GroupVersionResource, ns string) (int, error) {
	client := w.dynamic.Resource(gvr).Namespace(ns)
	list, err := client.List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsServiceUnavailable(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	now, background := int64(0), metav1.DeletePropagationBackground
	if gvr.Resource == "events" {
		// There are many, and more may come as long as anything goes away.
		if len(list.Items) == 0 {
			return 0, nil
		}
		return 0, client.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
	}
	n := 0
	for _, o := range list.Items {
		if kept(gvr.Resource, o.GetName()) {
			continue
		}
		n++
		if grace := o.GetDeletionGracePeriodSeconds(); o.GetDeletionTimestamp() != nil && (grace == nil || *grace == 0) {
			continue // on its way
		}
		opts := metav1.DeleteOptions{PropagationPolicy: &background}
		if gvr.Resource == "pods" {
			opts.GracePeriodSeconds = &now
		}
		if err := client.Delete(ctx, o.GetName(), opts); err != nil && !apierrors.IsNotFound(err) {
			return n, err
		}
	}
	return n, nil
}

// kept says what every namespace has and gets back when it is deleted.
func kept(resource, name string) bool {
	return resource == "serviceaccounts" && name == "default" ||
		resource == "configmaps" && name == "kube-root-ca.crt"
}

// Apply applies the YAML documents with server-side apply. Objects that name
// no namespace go to ns. Applying the same manifest again changes nothing.
func (w *World) Apply(ctx context.Context, ns string, manifest []byte) error {
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

func (w *World) applyOne(ctx context.Context, ns string, u *unstructured.Unstructured) error {
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
	_, err = client.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: UserAgent, Force: true})
	return err
}

// Reply is what a Service answered.
type Reply struct {
	Code int    // HTTP status
	Body []byte // at most 64 KiB of it
	Took time.Duration
}

// Probe sends GET path to the Service's port (a number or a name) through the
// API server's proxy. A status other than 2xx is a Reply, not an error; an
// answer of the API server itself, such as "no endpoints available", is an
// error.
func (w *World) Probe(ctx context.Context, ns, service, port, path string) (Reply, error) {
	url := strings.TrimSuffix(w.config.Host, "/") + "/api/v1/namespaces/" + ns + "/services/" + service + ":" + port + "/proxy/" + strings.TrimPrefix(path, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Reply{}, err
	}
	start := time.Now()
	resp, err := w.web.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return Reply{}, err
	}
	reply := Reply{Code: resp.StatusCode, Body: body, Took: time.Since(start)}
	if status := apiStatus(resp, body); status != "" {
		return reply, fmt.Errorf("service %s port %s: %s", service, port, status)
	}
	return reply, nil
}

// apiStatus is the message of a metav1.Status, which the API server answers
// when it could not reach the Service, and "" for everything else.
func apiStatus(resp *http.Response, body []byte) string {
	if resp.StatusCode < 400 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return ""
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil || u.GetKind() != "Status" || u.GetAPIVersion() != "v1" {
		return ""
	}
	msg, _, _ := unstructured.NestedString(u.Object, "message")
	if msg == "" {
		msg = "HTTP " + strconv.Itoa(resp.StatusCode)
	}
	return msg
}

// until asks again and again, with ctx's patience, whether something is so: at
// first every 100 ms, then less and less often, down to once a second.
func until(ctx context.Context, so func() (bool, error)) error {
	pause := 100 * time.Millisecond
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		ok, err := so()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(pause*5/4, time.Second)
		timer.Reset(pause)
	}
}

package space

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// Inventory lists what lies in the namespace as `resource/name`, sorted:
// without Events, without what every namespace has, and without what a
// controller made of something else that is listed.
func (s *Space) Inventory(ctx context.Context) ([]string, error) {
	kinds, err := s.client.deletable(ctx)
	if err != nil {
		return nil, fmt.Errorf("list what is in namespace %s: %w", s.namespace, err)
	}
	var out []string
	for _, gvr := range kinds {
		found, err := s.client.names(ctx, gvr, s.namespace)
		if err != nil {
			return nil, err
		}
		for _, u := range found {
			if !kept(gvr.Resource, u.GetName()) {
				out = append(out, gvr.Resource+"/"+u.GetName())
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Outside lists what lies outside the namespaces whose names begin with prefix,
// as `namespace/resource/name`, sorted; the namespace is empty for what is
// cluster-scoped. It leaves out what Inventory leaves out.
func (w *Client) Outside(ctx context.Context, prefix string) ([]string, error) {
	disco, err := w.discovery(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := discovery.ServerPreferredResources(disco)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, fmt.Errorf("list what is in the cluster: %w", err)
	}
	var out []string
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || !slices.Contains(r.Verbs, "delete") || gv.Group == "events.k8s.io" {
				continue
			}
			found, err := w.names(ctx, gv.WithResource(r.Name), metav1.NamespaceAll)
			if err != nil {
				return nil, err
			}
			for _, u := range found {
				lessons := strings.HasPrefix(u.GetNamespace(), prefix) || r.Name == "namespaces" && strings.HasPrefix(u.GetName(), prefix)
				if !lessons && !kept(r.Name, u.GetName()) {
					out = append(out, u.GetNamespace()+"/"+r.Name+"/"+u.GetName())
				}
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// names lists the objects of one kind that stand for themselves.
func (w *Client) names(ctx context.Context, gvr schema.GroupVersionResource, ns string) ([]unstructured.Unstructured, error) {
	switch gvr.Resource {
	case "events", "endpoints", "endpointslices", "leases", "ipaddresses":
		return nil, nil // made by the cluster itself
	}
	list, err := w.dynamic.Resource(gvr).Namespace(ns).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", gvr.Resource, err)
	}
	return slices.DeleteFunc(list.Items, func(u unstructured.Unstructured) bool { return metav1.GetControllerOf(&u) != nil }), nil
}

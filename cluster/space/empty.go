package space

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// EmptyNamespace makes the namespace, or deletes everything in it and waits
// until it is gone. Pods go at once, without their grace period. It is much
// quicker than deleting the namespace, and its ServiceAccount stays.
func (w *Client) EmptyNamespace(ctx context.Context, name string) error {
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
	err = until(ctx, func(ctx context.Context) (bool, error) {
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
func (w *Client) deletable(ctx context.Context) ([]schema.GroupVersionResource, error) {
	disco, err := w.discovery(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := discovery.ServerPreferredNamespacedResources(disco)
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
func (w *Client) empty(ctx context.Context, gvr schema.GroupVersionResource, ns string) (int, error) {
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

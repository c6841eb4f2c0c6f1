package space

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// listPage is how many objects are asked for at once.
const listPage = 100

// Snapshot lists what specs name, as it is now.
func (s *Space) Snapshot(ctx context.Context, specs []watch.Spec) ([]Listing, error) {
	out := make([]Listing, 0, len(specs))
	for _, spec := range specs {
		l, err := s.list(ctx, spec)
		if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
			continue // not served: nothing to wait for
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", spec.Resource.Resource, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// list lists one resource. Page by page, all of one revision, of which only the
// names are kept: a thousand Pods at once would take 20 MB for a moment. When the
// API server forgets the revision meanwhile, all are listed at once.
func (s *Space) list(ctx context.Context, spec watch.Spec) (Listing, error) {
	l := Listing{Spec: spec}
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		list, err := s.client.Dynamic().Resource(spec.Resource).Namespace(spec.Namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		page := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{
			ResourceVersion: list.GetResourceVersion(), Continue: list.GetContinue(),
		}}
		for _, u := range list.Items {
			page.Items = append(page.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
				Namespace: u.GetNamespace(), Name: u.GetName(), ResourceVersion: u.GetResourceVersion(),
			}})
		}
		return page, nil
	})
	pages.PageSize = listPage
	list, _, err := pages.List(ctx, metav1.ListOptions{})
	if err != nil {
		return l, err
	}
	whole, err := meta.ListAccessor(list)
	if err != nil {
		return l, err
	}
	l.Revision = watch.Revision(whole.GetResourceVersion())
	return l, meta.EachListItem(list, func(o runtime.Object) error {
		m, err := meta.Accessor(o)
		if err == nil {
			l.Objects = append(l.Objects, ObjectRef{m.GetNamespace(), m.GetName(), watch.Revision(m.GetResourceVersion())})
		}
		return err
	})
}

// Listing is what a consistent list of one resource held. A watch that has
// delivered everything up to Revision has delivered all of it.
type Listing struct {
	watch.Spec
	Revision uint64
	Objects  []ObjectRef
}

// ObjectRef is one object at one revision.
type ObjectRef struct {
	Namespace, Name string
	Revision        uint64
}

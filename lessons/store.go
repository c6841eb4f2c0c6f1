package lessons

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// objectKey names an object of a resource.
type objectKey struct{ namespace, name string }

func keyOf(u *unstructured.Unstructured) objectKey {
	return objectKey{u.GetNamespace(), u.GetName()}
}

// store is the engine's picture of the cluster.
type store struct {
	objects map[schema.GroupVersionResource]map[objectKey]*unstructured.Unstructured
	synced  map[watch.Spec]bool
	newest  map[schema.GroupVersionResource]uint64 // highest resource version seen
}

func newStore() *store {
	return &store{
		objects: map[schema.GroupVersionResource]map[objectKey]*unstructured.Unstructured{},
		synced:  map[watch.Spec]bool{},
		newest:  map[schema.GroupVersionResource]uint64{},
	}
}

// apply takes a change in.
func (s *store) apply(e watch.Event) {
	switch e.Type {
	case watch.Synced:
		s.synced[watch.Spec{Resource: e.Resource, Namespace: e.Namespace}] = true
	case watch.Added, watch.Modified:
		m := s.objects[e.Resource]
		if m == nil {
			m = map[objectKey]*unstructured.Unstructured{}
			s.objects[e.Resource] = m
		}
		m[keyOf(e.New)] = e.New
		s.newest[e.Resource] = max(s.newest[e.Resource], revision(e.New))
	case watch.Deleted:
		m := s.objects[e.Resource]
		if held := m[keyOf(e.Old)]; held != nil && held.GetUID() == e.Old.GetUID() {
			delete(m, keyOf(e.Old))
		}
		if !e.Inferred {
			s.newest[e.Resource] = max(s.newest[e.Resource], revision(e.Old))
		}
	}
}

// clone is a picture of now that later changes don't touch. The objects
// themselves are shared; nobody changes them.
func (s *store) clone() *store {
	out := newStore()
	for gvr, m := range s.objects {
		out.objects[gvr] = maps.Clone(m)
	}
	return out
}

func (s *store) get(gvr schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	m := s.objects[gvr]
	if u := m[objectKey{namespace, name}]; u != nil {
		return u
	}
	return m[objectKey{"", name}] // cluster-scoped
}

// list is sorted by creation, then name, so that results and texts are stable.
func (s *store) list(gvr schema.GroupVersionResource, namespace string) []*unstructured.Unstructured {
	type entry struct {
		created, name string // times in RFC 3339 and UTC sort as they are
		object        *unstructured.Unstructured
	}
	entries := make([]entry, 0, len(s.objects[gvr]))
	for key, u := range s.objects[gvr] {
		if key.namespace == namespace || key.namespace == "" {
			entries = append(entries, entry{object(u.Object).str("metadata", "creationTimestamp"), key.name, u})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.name, b.name))
	})
	out := make([]*unstructured.Unstructured, len(entries))
	for i := range entries {
		out[i] = entries[i].object
	}
	return out
}

// revision is the resource version of an object as a number.
func revision(u *unstructured.Unstructured) uint64 { return watch.Revision(u.GetResourceVersion()) }

// storeObject is an object in two stores, nil where it is in one only.
type storeObject struct {
	gvr     schema.GroupVersionResource
	key     objectKey
	was, is *unstructured.Unstructured
}

// differing are the objects that are not the same version in both stores.
func differing(was, is *store) []storeObject {
	var out []storeObject
	for gvr, objects := range was.objects {
		for key, u := range objects {
			now := is.objects[gvr][key]
			if now == nil || now.GetUID() != u.GetUID() || now.GetResourceVersion() != u.GetResourceVersion() {
				out = append(out, storeObject{gvr, key, u, now})
			}
		}
	}
	for gvr, objects := range is.objects {
		for key, u := range objects {
			if was.objects[gvr][key] == nil {
				out = append(out, storeObject{gvr, key, nil, u})
			}
		}
	}
	return out
}

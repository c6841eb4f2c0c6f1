package watch

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// View is the newest state of everything that is watched, for the cluster
// pane. It coalesces: many changes may be behind one value of Changed. All
// methods are safe for concurrent use; the objects must not be changed.
type View struct {
	changed chan struct{}

	mu      sync.RWMutex
	objects map[schema.GroupVersionResource]map[string]*unstructured.Unstructured
	synced  map[schema.GroupVersionResource]bool
	conn    Connection
}

func newView() *View {
	return &View{
		changed: make(chan struct{}, 1),
		objects: map[schema.GroupVersionResource]map[string]*unstructured.Unstructured{},
		synced:  map[schema.GroupVersionResource]bool{},
	}
}

// Changed has a value when something has changed since the last one was
// taken.
func (v *View) Changed() <-chan struct{} { return v.changed }

// Objects are the objects of a resource, sorted by namespace and name.
func (v *View) Objects(resource schema.GroupVersionResource) []*unstructured.Unstructured {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := make([]*unstructured.Unstructured, 0, len(v.objects[resource]))
	for _, u := range v.objects[resource] {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return out
}

// Synced reports whether the first list of a resource has arrived.
func (v *View) Synced(resource schema.GroupVersionResource) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.synced[resource]
}

// eventsResource is the resource of Events.
var eventsResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}

// Events are the cluster's Events, the newest first.
func (v *View) Events() []*unstructured.Unstructured {
	out := v.Objects(eventsResource)
	slices.SortStableFunc(out, func(a, b *unstructured.Unstructured) int {
		return EventTime(b).Compare(EventTime(a))
	})
	return out
}

// Connection reports whether the API server answers, and since when.
func (v *View) Connection() Connection {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.conn
}

func (v *View) setConnection(c Connection) {
	v.mu.Lock()
	v.conn = c
	v.mu.Unlock()
	v.notify()
}

func (v *View) apply(e Event) {
	v.mu.Lock()
	objects := v.objects[e.Resource]
	if objects == nil && e.Resource.Resource != "" {
		objects = map[string]*unstructured.Unstructured{}
		v.objects[e.Resource] = objects
	}
	switch e.Type {
	case Added, Modified:
		objects[objectKey(e.New)] = e.New
	case Deleted:
		// A delete that a re-list found may come after the new object of the
		// same name.
		if held := objects[objectKey(e.Old)]; held != nil && held.GetUID() == e.Old.GetUID() {
			delete(objects, objectKey(e.Old))
		}
	case Synced:
		v.synced[e.Resource] = true
	}
	v.mu.Unlock()
	v.notify()
}

func (v *View) notify() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// EventTime is when a core/v1 Event was last seen: the newest of its several
// time fields (series, last, event time, first, creation), of which each kind
// of writer fills others.
func EventTime(event *unstructured.Unstructured) time.Time {
	latest := event.GetCreationTimestamp().Time
	for _, path := range [][]string{{"series", "lastObservedTime"}, {"lastTimestamp"}, {"eventTime"}, {"firstTimestamp"}} {
		s, _, _ := unstructured.NestedString(event.Object, path...)
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil && t.After(latest) {
			latest = t
		}
	}
	return latest
}

package watch

import (
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// EventType says what an Event tells.
type EventType string

// Types of Event.
const (
	Added    EventType = "ADDED"
	Modified EventType = "MODIFIED"
	Deleted  EventType = "DELETED"
	// Synced comes once for each resource, after its first list.
	Synced EventType = "SYNCED"
	// Gap says that history was lost for a resource (a re-list after
	// "410 Gone" or a broken watch): the cache is right again, but what
	// happened in between was not seen delta by delta.
	Gap EventType = "GAP"
	// Lost and Recovered tell of the connection to the API server.
	Lost      EventType = "LOST"
	Recovered EventType = "RECOVERED"
)

// Event is one change of an object, as the watch saw it. Old is nil for Added,
// New is nil for Deleted. Objects are shared and must not be changed.
type Event struct {
	Type     EventType
	Resource schema.GroupVersionResource
	Old, New *unstructured.Unstructured
	// Namespace is the one that is watched, empty for all or for none.
	Namespace string
	Initial   bool // part of the first list: it was there before
	// Inferred says that a re-list found the change: it is real, but the way
	// from Old to New was not seen and may have had more steps.
	Inferred bool
	At       time.Time // when it reached this process
	Err      error     // with Lost
}

// Object is New, or Old when the object is gone.
func (e Event) Object() *unstructured.Unstructured {
	if e.New != nil {
		return e.New
	}
	return e.Old
}

// Revision is a resource version as a number, 0 when it is none. Kubernetes
// allows comparing the versions of one resource.
func Revision(resourceVersion string) uint64 {
	n, err := strconv.ParseUint(resourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

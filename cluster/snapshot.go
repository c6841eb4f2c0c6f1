package cluster

import "github.com/k8stutor/k8stutor/cluster/watch"

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

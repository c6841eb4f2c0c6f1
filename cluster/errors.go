package cluster

import (
	"fmt"
)

// BrokenError says that the cluster is there but does not come back. Only
// re-creating it helps, which loses what is in it; the learner decides.
type BrokenError struct {
	Name string
	Err  error
}

// Error says why, and what can be done.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("the cluster does not recover (%v); `k8stutor cluster up --rebuild --name %s` re-creates it: everything in it is lost, your progress in the lessons is kept", e.Err, e.Name)
}

// Unwrap is why it does not come back.
func (e *BrokenError) Unwrap() error { return e.Err }

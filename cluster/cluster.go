// Package cluster gives a learner a Kubernetes cluster and watches it. It holds
// the providers and the watch layer; it knows nothing of lessons or of the
// screen.
package cluster

import (
	"context"
	"time"
)

// Provider makes one named cluster and takes it away again. The methods are
// not safe for concurrent use on one cluster; a lock in the state folder keeps
// two processes apart.
type Provider interface {
	// Name is the provider's, as in Access.Provider.
	Name() string
	// Up creates the cluster, resumes it when it is paused, or joins it when
	// it runs, and returns when it is ready to be used. When ctx is cancelled
	// it undoes what it had begun before it returns.
	Up(ctx context.Context, report Progress) (Access, error)
	// Down pauses the cluster: nothing runs any more, its data stays.
	Down(ctx context.Context, report Progress) error
	// Delete removes the cluster and its data. It never removes what Up did
	// not make.
	Delete(ctx context.Context, report Progress) error
	// Status reports what is there now.
	Status(ctx context.Context) (Status, error)
}

// State is where a cluster is in its life.
type State string

// States of a cluster.
const (
	StateAbsent  State = "absent"
	StatePaused  State = "paused"
	StateRunning State = "running"
	StateBroken  State = "broken" // partially present but not responding
)

// Status is what a provider knows of its cluster.
type Status struct {
	Access
	State State  `json:"state"`
	Error string `json:"error,omitempty"` // why it is broken
	Parts []Part `json:"parts,omitempty"`
}

// Part is one supervised piece of a cluster: a process or a node container.
type Part struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // "running", "backing off", "stopped"
	PID      int       `json:"pid,omitempty"`
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since,omitzero"`
	LastLog  []string  `json:"lastLog,omitempty"` // the last lines before it stopped
}

// Progress is told of each phase when it begins, when its detail changes and
// when it ends. Calls come one at a time, from a goroutine of the provider.
type Progress func(Phase)

// Phase is one step on the way up or down.
type Phase struct {
	ID      string        // stable, such as "control-plane"
	Title   string        // English, for a person
	Detail  string        // what is happening just now
	Done    bool          // it has ended
	Err     error         // it has failed (Done is true)
	Elapsed time.Duration // since the phase began

	// Before is how long the phase took in the last start of this kind, Whole
	// how long that start took; 0 where it is not known. No provider sets them.
	Before, Whole time.Duration
}

// Package tui is the screen: one Bubble Tea model with a lesson pane, a cluster
// pane and a shell pane.
//
// The model's Update does no I/O and never waits. What happens outside reaches
// it as messages from re-armed commands, each waiting on one channel: the
// updates of the lesson (at once), the changes of the cluster
// (coalesced, at most twenty frames a second) and the output of the shell
// (coalesced, at most a hundred). A test keeps os, net and os/exec out of the
// package, but for the file that runs the program.
package tui

import (
	"context"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/cluster/watch"
	"github.com/k8stutor/k8stutor/lessons"
)

// Options is what Run needs.
type Options struct {
	// Start brings the cluster up and opens the lesson on it. It reports the
	// phases of the way. When ctx is cancelled it must undo what it had begun
	// before it returns; until then the screen says so.
	Start func(ctx context.Context, report cluster.Progress) (*Running, error)
	// Lang is the language of the screen: en, zh-TW or zh-CN.
	Lang string
	// Keys is which key does what; nil means the built-in ones.
	Keys *Keymap
	// Layout is how the learner left the screen arranged. SaveLayout is called
	// when that has changed, one call at a time; nil forgets it.
	Layout     Layout
	SaveLayout func(Layout) error
	// TourSeen notes that the learner has seen the tour, which is shown until
	// then; nil shows none.
	TourSeen func() error
	// Charset is what the terminal can show.
	Charset Charset

	// Input, Output and Environ stand for the terminal in tests; nil means
	// the process's own.
	Input   io.Reader
	Output  io.Writer
	Environ []string
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// echo writes small changes at once; Run sets it, nil for none.
	echo echoer
	// suspend stops the whole program as Ctrl-Z does; Run sets it.
	suspend func()
}

// Running is a cluster with a lesson on it.
type Running struct {
	Access  cluster.Access
	Title   string // of the lesson, in the learner's language
	Session Session
	View    ClusterView
	// Namespace is the lesson's; its objects come first.
	Namespace string
	// Resources is what the cluster pane shows of View. Services,
	// EndpointSlices, Deployments, ReplicaSets and Pods are always shown.
	Resources []schema.GroupVersionResource
	Shell     ShellSpec
	// Inspect reads what the learner asks for about an object. It is called
	// from commands; several calls may be under way at once.
	Inspect func(ctx context.Context, what Inspection) (string, error)
	// Follow is nil when logs can't be followed.
	Follow Follow
	// Close ends the session and the watch. Run calls it once, when the
	// screen is gone.
	Close func()
}

// Follow calls add for each line of a Pod's logs, those that are there and those
// that come, and for what happens to its containers, until none will run again
// or ctx has ended. It gives the container's name when the Pod has several. It
// may call add from several goroutines at once.
type Follow func(ctx context.Context, what Inspection, add func(container string, e space.LogEntry)) error

// ShellSpec is the program of the shell pane.
type ShellSpec struct {
	Argv []string
	Env  []string // the whole environment
	Dir  string
	// Export is the line that sets the cluster up in a terminal of the
	// learner's own; "" when there is none to show.
	Export string
}

// Session is a lesson being learned; *lessons.Session is one. Its methods are
// called from commands, not from Update, so they may take their time; they must
// be safe for concurrent use.
type Session interface {
	// Updates holds the newest state of the lesson. It is closed when the
	// session ends.
	Updates() <-chan lessons.Update
	Next()
	Previous()
	Reset()
	Retry()
	Answer(check, text string)
	OpenHint()
	// Draw restarts a step with the case of a seed; 0 is the next one.
	Draw(step string, seed int) error
}

// ClusterView is the newest state of a cluster. watch.View is one.
type ClusterView interface {
	// Changed has a value when something changed since the last was taken.
	Changed() <-chan struct{}
	// Objects are those of one resource, sorted; they must not be changed.
	Objects(schema.GroupVersionResource) []*unstructured.Unstructured
	// Events are the cluster's Events, the newest first.
	Events() []*unstructured.Unstructured
	Connection() watch.Connection
}

var (
	_ Session     = (*lessons.Session)(nil)
	_ ClusterView = (*watch.View)(nil)
)

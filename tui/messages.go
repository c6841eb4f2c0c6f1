package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/watch"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui/term"
)

// How often the panes may be redrawn. The first change after a pause is
// drawn at once.
const (
	clusterPace = 50 * time.Millisecond
	slowestPace = 500 * time.Millisecond
	shellPace   = 10 * time.Millisecond
)

// Messages from outside.
type (
	phaseMsg   cluster.Phase // a phase of the start
	startedMsg struct {      // the start has ended
		running *Running
		err     error
	}
	lessonMsg       lessons.Update
	sessionEndedMsg struct{}
	clusterMsg      snapshot
	shellMsg        shellFrame
	shellStartedMsg struct {
		term *term.Term
		err  error
	}
	noticeMsg string // to be told
	tickMsg   struct{ id int }
	spinMsg   struct{}
	closeMsg  struct{} // the screen must go: a signal, or the context
)

// snapshot is the cluster at one moment, ready to be drawn.
type snapshot struct {
	lines  []treeLine
	events []eventLine
	conn   watch.Connection
	hpa    *hpaSample // nil without an HPA
}

// eventLine is one Event.
type eventLine struct {
	at      time.Time
	warning bool
	reason  string
	object  string // kind/name
	message string
	count   int
	changed time.Time // when it was first seen; zero: from the start
}

// maxEvents is how many Events are kept for the pane.
const maxEvents = 200

// pacer lets something happen at most once an interval, the first time at once.
// It belongs to one command at a time.
type pacer struct {
	interval time.Duration
	last     time.Time
}

// wait waits for the next turn; it reports false when ctx ends first.
func (p *pacer) wait(ctx context.Context) bool {
	if d := p.interval - time.Since(p.last); d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		}
	}
	p.last = time.Now()
	return true
}

// waitPhase waits for the next report of the start.
func waitPhase(ctx context.Context, phases <-chan cluster.Phase) tea.Cmd {
	return func() tea.Msg {
		select {
		case p, ok := <-phases:
			if !ok {
				return nil
			}
			return phaseMsg(p)
		case <-ctx.Done():
			return nil
		}
	}
}

// waitLesson waits for news of the lesson.
func waitLesson(ctx context.Context, s Session) tea.Cmd {
	return func() tea.Msg {
		select {
		case u, ok := <-s.Updates():
			if !ok {
				return sessionEndedMsg{}
			}
			return lessonMsg(u)
		case <-ctx.Done():
			return nil
		}
	}
}

// waitCluster waits for a change of the cluster and draws up the tree, here and
// not in Update.
func waitCluster(ctx context.Context, r *Running, p *pacer) tea.Cmd {
	return func() tea.Msg {
		select {
		case <-r.View.Changed():
		case <-ctx.Done():
			return nil
		}
		if !p.wait(ctx) {
			return nil
		}
		s := takeSnapshot(r)
		// Of a large cluster fewer pictures a second are drawn up, so that it
		// takes no more than a tenth of a processor.
		p.interval = min(max(clusterPace, 10*time.Since(p.last)), slowestPace)
		return clusterMsg(s)
	}
}

func takeSnapshot(r *Running) snapshot {
	objects := map[schema.GroupVersionResource][]*unstructured.Unstructured{}
	base := []schema.GroupVersionResource{gvrServices, gvrEndpoints, gvrDeployments, gvrReplicaSets, gvrPods}
	for _, gvr := range append(base, r.Resources...) {
		if _, ok := objects[gvr]; !ok && gvr.Resource != gvrEvents.Resource {
			objects[gvr] = r.View.Objects(gvr)
		}
	}
	s := snapshot{lines: buildTree(r.Namespace, objects), conn: r.View.Connection()}
	s.hpa = hpaStateOf(objects[gvrAutoscalers], r.Namespace)
	for _, e := range r.View.Events() {
		if e.GetNamespace() != r.Namespace {
			continue
		}
		if s.events = append(s.events, newEventLine(e)); len(s.events) == maxEvents {
			break
		}
	}
	return s
}

func newEventLine(e *unstructured.Unstructured) eventLine {
	kind := strings.ToLower(stringAt(e, "involvedObject", "kind"))
	return eventLine{
		at:      watch.EventTime(e),
		warning: stringAt(e, "type") == "Warning",
		reason:  stringAt(e, "reason"),
		object:  shortResource(schema.GroupVersionResource{Resource: kind + "s"}) + "/" + stringAt(e, "involvedObject", "name"),
		message: stringAt(e, "message"),
		count:   max(intAt(e, "count"), intAt(e, "series", "count")),
	}
}

// inCommand runs in a command what may take its time, such as a request to the
// session; what comes of that is an update.
func inCommand(do func()) tea.Cmd {
	return func() tea.Msg {
		do()
		return nil
	}
}

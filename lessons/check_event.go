package lessons

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

func eventKind() *checkKind {
	return &checkKind{
		name:       "event",
		fields:     func() checkFields { return &eventFields{} },
		scope:      scope{variables: []variable{{name: "event", doc: "the Event"}}},
		historic:   true,
		unreliable: true,
		doc: kindDoc{
			title: "the cluster said so in an Event",
			text: "At least one of `reason`, `object`, `name` and `type` is needed. Once met, it stays met. Kubernetes delivers Events on a " +
				"best-effort basis: let them corroborate, never be the only proof.",
			example: `
- id: back-off
  kind: event
  reason: BackOff
  object: Pod
  name: go-api-0
  type: Warning
  expr: event.message.contains('restarting')
  atLeast: 3
`,
			fields: []fieldDoc{
				{"reason", "reason of the Event, or a list of them"},
				{"object", "kind of the object the Event is about, such as `Pod`"},
				{"name", "name of that object"},
				{"type", "`Normal` or `Warning`"},
				{"expr", "further condition on the Event"},
				{"atLeast", "occurrences since the step began, by the Event's own count; default 1"},
			},
			verdicts: []verdictDoc{
				{Met, "`atLeast` occurrences were seen"},
				{Unmet, "fewer were seen"},
			},
		},
	}
}

type eventFields struct {
	Reason  oneOrMore `yaml:"reason"`
	Object  string    `yaml:"object"`
	Name    string    `yaml:"name"`
	Type    string    `yaml:"type"`
	Expr    Expr      `yaml:"expr"`
	AtLeast int       `yaml:"atLeast"`
}

func (f *eventFields) load(l *checkLoader) {
	l.atLeast(&f.AtLeast)
	if len(f.Reason) == 0 && f.Type == "" && f.Object == "" && f.Name == "" {
		l.problems.add(l.check.at, "check %q needs at least one of reason, object, name and type", l.check.ID)
	}
	l.watch(eventsResource(), ownNamespace, l.check.at)
	l.condition(&f.Expr)
}

func (f *eventFields) checker(*Check) checker { return &eventCheck{eventFields: f} }

// eventCheck counts occurrences of an Event since the step began.
type eventCheck struct {
	noMemory
	*eventFields
	count int64
}

func (v *eventCheck) observe(e *Engine, in Input) {
	c, ok := in.(Change)
	if !ok || c.Resource != eventsResource() || c.New == nil || e.isOld(c) || c.Type == watch.Synced {
		return
	}
	o := object(c.New.Object)
	switch {
	case len(v.Reason) > 0 && !slices.Contains(v.Reason, o.str("reason")),
		v.Type != "" && v.Type != o.str("type"),
		v.Object != "" && v.Object != o.str("involvedObject", "kind"),
		v.Name != "" && v.Name != o.str("involvedObject", "name"),
		// Times of Events are whole seconds.
		watch.EventTime(c.New).Before(e.started.Truncate(time.Second)),
		!v.Expr.IsZero() && !v.Expr.program.holds(e.act, map[string]any{"event": c.New.Object}):
		return
	}
	n := occurrences(c.New)
	switch {
	case c.Old != nil:
		n = max(n-occurrences(c.Old), 0)
	case c.New.GetCreationTimestamp().Time.Before(e.started.Truncate(time.Second)):
		n = 1
	}
	v.count += n
}

func occurrences(u *unstructured.Unstructured) int64 {
	o := object(u.Object)
	n, _ := o.number("count")
	series, _ := o.number("series", "count")
	return max(n, series, 1)
}

func (v *eventCheck) judge(*Engine) Verdict {
	if v.count >= int64(v.AtLeast) {
		return Met
	}
	return Unmet
}

func (v *eventCheck) why(e *Engine) []string {
	return []string{e.say.text("event-count", "Observed", v.count, "Wanted", v.AtLeast)}
}

func (v *eventCheck) reset() bool { v.count = 0; return true }

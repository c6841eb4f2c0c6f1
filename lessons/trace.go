package lessons

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

// TraceEntry is one input of an engine and when it was handled: what a trace
// holds, one JSON object a line.
type TraceEntry struct {
	At time.Time `json:"at"`
	// Exactly one of these is set; none is a Clock.
	Change  *traceChange   `json:"change,omitempty"`
	Request *space.Request `json:"request,omitempty"`
	Probe   *Probe         `json:"probe,omitempty"`
	Answer  *Answered      `json:"answer,omitempty"`
	Begin   *Begin         `json:"begin,omitempty"`
	Retry   *Retry         `json:"retry,omitempty"`
}

type traceChange struct {
	Type      watch.EventType `json:"type"`
	Group     string          `json:"group,omitempty"`
	Version   string          `json:"version,omitempty"`
	Resource  string          `json:"resource,omitempty"`
	Namespace string          `json:"namespace,omitempty"`
	Old       map[string]any  `json:"old,omitempty"`
	New       map[string]any  `json:"new,omitempty"`
	Initial   bool            `json:"initial,omitempty"`
	Inferred  bool            `json:"inferred,omitempty"`
	Err       string          `json:"err,omitempty"`
}

// TraceWriter records the inputs of an engine. It is not safe for concurrent
// use.
type TraceWriter struct{ enc *json.Encoder }

// NewTraceWriter writes to w.
func NewTraceWriter(w io.Writer) *TraceWriter { return &TraceWriter{json.NewEncoder(w)} }

// Write adds one input.
func (t *TraceWriter) Write(at time.Time, in Input) error {
	e := TraceEntry{At: at}
	switch x := in.(type) {
	case Change:
		c := traceChange{
			Type: x.Type, Group: x.Resource.Group, Version: x.Resource.Version, Resource: x.Resource.Resource,
			Namespace: x.Namespace, Initial: x.Initial, Inferred: x.Inferred,
		}
		if x.Old != nil {
			c.Old = x.Old.Object
		}
		if x.New != nil {
			c.New = x.New.Object
		}
		if x.Err != nil {
			c.Err = x.Err.Error()
		}
		e.Change = &c
	case Requested:
		e.Request = &x.Request
	case Probe:
		e.Probe = &x
	case Answered:
		e.Answer = &x
	case Begin:
		e.Begin = &x
	case Retry:
		e.Retry = &x
	}
	return t.enc.Encode(e)
}

// Input is the engine input of the entry.
func (e TraceEntry) Input() Input {
	switch {
	case e.Change != nil:
		c := e.Change
		event := watch.Event{
			Type: c.Type, Resource: schema.GroupVersionResource{Group: c.Group, Version: c.Version, Resource: c.Resource},
			Namespace: c.Namespace, Initial: c.Initial, Inferred: c.Inferred, At: e.At,
		}
		if c.Old != nil {
			event.Old = &unstructured.Unstructured{Object: c.Old}
		}
		if c.New != nil {
			event.New = &unstructured.Unstructured{Object: c.New}
		}
		if c.Err != "" {
			event.Err = errors.New(c.Err)
		}
		return Change{event}
	case e.Request != nil:
		return Requested{*e.Request}
	case e.Probe != nil:
		return *e.Probe
	case e.Answer != nil:
		return *e.Answer
	case e.Begin != nil:
		return *e.Begin
	case e.Retry != nil:
		return Retry{}
	}
	return Clock{}
}

// ReadTrace reads what a TraceWriter wrote.
func ReadTrace(r io.Reader) ([]TraceEntry, error) {
	var out []TraceEntry
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			var e TraceEntry
			if err := json.Unmarshal(line, &e); err != nil {
				return nil, fmt.Errorf("trace line %d: %w", n, err)
			}
			e.integers()
			out = append(out, e)
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read trace: %w", err)
		}
	}
}

// integers makes whole numbers int64 again, as the API machinery has them.
func (e *TraceEntry) integers() {
	if e.Change != nil {
		wholeNumbers(e.Change.Old)
		wholeNumbers(e.Change.New)
	}
}

func wholeNumbers(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, item := range x {
			x[k] = wholeNumbers(item)
		}
	case []any:
		for i, item := range x {
			x[i] = wholeNumbers(item)
		}
	case float64:
		if x == float64(int64(x)) {
			return int64(x)
		}
	}
	return v
}

// Replay runs a trace through a fresh engine, as often as wanted and without a
// cluster, and returns the engine as it stands at the end. each is called
// after every entry and may be nil.
func Replay(lesson *Lesson, options EngineOptions, trace []TraceEntry, each func(TraceEntry, *Engine)) (*Engine, error) {
	e, err := NewEngine(lesson, options)
	if err != nil {
		return nil, err
	}
	for i, entry := range trace {
		if _, err := e.Handle(entry.At, entry.Input()); err != nil {
			return nil, fmt.Errorf("trace entry %d: %w", i+1, err)
		}
		if each != nil {
			each(entry, e)
		}
	}
	return e, nil
}

package lessons

import (
	"slices"
	"time"
)

// liveSource gives the functions of live text what the engine has recorded.
func (e *Engine) liveSource() *liveSource {
	return &liveSource{
		metAt: e.whenMet,
		met:   e.isMet,
		done:  func(step string) bool { return e.done != nil && e.done(step) },
		solved: func() []string {
			if e.solved == nil || e.step == nil {
				return []string{}
			}
			return e.solved(e.step.ID)
		},
		history:  e.recorded,
		changes:  func(resource string) []Change { return e.history[wellKnown()[resource]] },
		lastSeen: e.lastChangeOf,
		moments: func(resource, name string) []any {
			gvr, err := ParseResource(resource)
			if err != nil {
				return []any{}
			}
			return momentsOf(e.history[gvr], gvr, name)
		},
		runs: func(pod string) []any { return runValues(runsOf(e.pictures(pod))) },
		traffic: func(id string) (map[string]any, bool) {
			if j := e.judged(id); j != nil {
				if tally := j.impl.tally(); tally != nil {
					return tally, true
				}
			}
			return nil, false
		},
		probes: func() []probeMark { return e.probes },
		end: func() time.Time {
			if e.met {
				return e.metAt
			}
			return e.now
		},
		say: func(id string) string { return e.say.text(id) },
	}
}

// whenMet is when a check, or with "" the step, was met.
func (e *Engine) whenMet(id string) (time.Time, bool) {
	if id == "" {
		return e.metAt, e.met
	}
	j := e.judged(id)
	if j == nil || j.metAt.IsZero() {
		return time.Time{}, false
	}
	return j.metAt, true
}

// isMet reports whether a check is met now, and whether it exists.
func (e *Engine) isMet(id string) (met, known bool) {
	j := e.judged(id)
	if j == nil {
		return false, false
	}
	return e.met || j.verdict == Met, true
}

// pictures are all that was seen of a Pod, oldest first.
func (e *Engine) pictures(pod string) []object {
	gvr := wellKnown()["pods"]
	var out []object
	if u := e.act.base.get(gvr, e.namespace, pod); u != nil {
		out = append(out, u.Object)
	}
	for _, c := range e.history[gvr] {
		if c.New != nil && c.New.GetName() == pod {
			out = append(out, c.New.Object)
		}
	}
	return out
}

// lastChangeOf is the object with a UID as the last change of it showed it.
func (e *Engine) lastChangeOf(uid string) map[string]any {
	for _, changes := range e.history {
		for _, c := range slices.Backward(changes) {
			if u := c.Object(); u != nil && string(u.GetUID()) == uid {
				return u.Object
			}
		}
	}
	return nil
}

// recorded is history() of the values.
func (e *Engine) recorded(resource string) []any {
	gvr, err := ParseResource(resource)
	if err != nil {
		return nil
	}
	out := []any{}
	for _, c := range e.history[gvr] {
		if c.Object() == nil {
			continue
		}
		entry := map[string]any{"type": string(c.Type), "old": nil, "new": nil, "at": c.At}
		if c.Old != nil {
			entry["old"] = c.Old.Object
		}
		if c.New != nil {
			entry["new"] = c.New.Object
		}
		out = append(out, entry)
	}
	return out
}

// bounded drops the older half of a list that has reached its limit.
func bounded[T any](list []T, limit int) []T {
	if len(list) < limit {
		return list
	}
	return slices.Delete(list, 0, limit/2) // which forgets what its end held, too
}

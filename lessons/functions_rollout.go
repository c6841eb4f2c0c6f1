package lessons

import (
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// rolloutFunctions say what was rolled out, and under which settings.
func rolloutFunctions() functionGroup {
	return functionGroup{
		title: "What was rolled out",
		functions: []function{{
			name: "rollouts", calls: oneCall(textParam("deployment")), result: cel.ListType(cel.DynType), reads: []string{"deployments"},
			doc: "the rollouts of a Deployment that began since the step did, oldest first; what it was before it was deleted and created again " +
				"does not count. A rollout begins when the template changes, or, while the Deployment is paused, when it is resumed with another " +
				"template. Each is `{previous, template, settings, paused, minAvailable, stalled, done, current, began}`: the templates before and after; " +
				"`settings`, every spec that was in force during it, at least one; `paused`, whether the template was changed while it was " +
				"paused; `minAvailable`, the fewest available Pods that were seen; `stalled`, whether it exceeded its deadline; `done`, whether it was completed " +
				"(`rolledOut`); `current`, whether it is the last one; `began`, when",
			example:  "rollouts('go-api').exists(r, r.done && r.previous != r.template)",
			read:     func(a *activation, args []ref.Val) ref.Val { return toVal(a.rollouts(textOf(args[0]))) },
			describe: func(w *walk, call node) string { return describeRollouts(w, call) },
		}},
	}
}

func describeRollouts(w *walk, call node) string {
	name, _ := literal(call.expr.AsCall().Args()[0])
	w.note("deployment/" + name)
	return w.engine.say.text("rollouts-of", "Deployment", name)
}

// rolloutLog follows one Deployment through its changes.
type rolloutLog struct {
	template any   // of the last rollout
	seen     int64 // the generation that was looked at last
	from     int64 // the generation in which the last rollout began
	wasPause bool
	touched  bool // the template was changed while it was paused
	out      []map[string]any
}

// rollouts are those of the present Deployment of that name.
func (a *activation) rollouts(name string) []any {
	out := []any{}
	present := a.now.get(wellKnown()["deployments"], a.namespace, name)
	if present == nil {
		return out
	}
	var log *rolloutLog
	for _, c := range a.live.changes("deployments") {
		if c.New == nil || c.New.GetUID() != present.GetUID() {
			continue
		}
		if log == nil {
			first := c.New
			if c.Old != nil {
				first = c.Old
			}
			log = startOfRollouts(object(first.Object))
		}
		log.take(object(c.New.Object), c)
	}
	if log == nil {
		return out
	}
	for i, r := range log.out {
		r["current"] = i == len(log.out)-1
		out = append(out, r)
	}
	return out
}

func startOfRollouts(o object) *rolloutLog {
	generation, _ := o.number("metadata", "generation")
	return &rolloutLog{template: o.template(), seen: generation, wasPause: o.paused()}
}

func (o object) template() any {
	v, _, _ := unstructured.NestedFieldNoCopy(o, "spec", "template")
	return v
}
func (o object) paused() bool { v, _, _ := unstructured.NestedBool(o, "spec", "paused"); return v }

// take looks at the next state of the Deployment. Its generation grows with
// every change of the spec, so that few specs are compared.
func (l *rolloutLog) take(o object, c Change) {
	if generation, _ := o.number("metadata", "generation"); generation != l.seen {
		l.seen = generation
		l.spec(o, generation, c)
	}
	if len(l.out) > 0 {
		l.status(l.out[len(l.out)-1], o)
	}
}

func (l *rolloutLog) spec(o object, generation int64, c Change) {
	changed := !reflect.DeepEqual(o.template(), l.template)
	switch {
	case o.paused():
		l.touched = changed
	case changed:
		l.out = append(l.out, map[string]any{
			"previous": l.template, "template": o.template(), "settings": []any{o["spec"]}, "paused": l.wasPause && l.touched,
			"minAvailable": int64(1 << 31), "stalled": false, "done": false, "began": c.At,
		})
		l.template, l.from, l.touched = o.template(), generation, false
	case len(l.out) > 0:
		if r := l.out[len(l.out)-1]; r["done"] == false {
			r["settings"] = append(r["settings"].([]any), o["spec"])
		}
	}
	l.wasPause = o.paused()
}

// status notes how the last rollout stands, as soon as the controller has
// seen it.
func (l *rolloutLog) status(r map[string]any, o object) {
	if seen, _ := o.number("status", "observedGeneration"); r["done"] == true || seen < l.from {
		return
	}
	available, _ := o.number("status", "availableReplicas")
	r["minAvailable"] = min(r["minAvailable"].(int64), available)
	for _, cond := range o.maps("status", "conditions") {
		if cond["type"] == "Progressing" && cond["reason"] == "ProgressDeadlineExceeded" {
			r["stalled"] = true
		}
	}
	if o.rolledOut() && reflect.DeepEqual(o.template(), r["template"]) {
		r["done"] = true
	}
}

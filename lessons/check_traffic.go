package lessons

import (
	"maps"
	"slices"
	"strings"
	"time"
)

func trafficKind() *checkKind {
	return &checkKind{
		name:   "traffic",
		fields: func() checkFields { return &trafficFields{} },
		scope:  scope{variables: []variable{{name: "traffic", doc: "what has been counted: `{sent, ok, failed, pods, versions}`; `pods` and `versions` map a name to its number of answers"}}},
		rank:   dependent,
		doc: kindDoc{
			title: "a Service answered",
			text: "Counts the answers that the step's prober gets; needs `traffic:` on the step. A status of 2xx is an answer, anything else a " +
				"failure. It follows the traffic until the step is met. With `recent`, the count starts over with every new spec of the Service: " +
				"answers from before say nothing about it.",
			example: `
- id: no-loss
  kind: traffic
  atLeast: 50
  versions: ['0.0.1', '0.0.2']
  pods: 2
  expr: traffic.failed == 0 && size(traffic.pods) >= 2
  from: pod-deleted
`,
			fields: []fieldDoc{
				{"atLeast", "how many answers"},
				{"maxFailures", "how many failures are allowed; default 0, and -1 is any number"},
				{"recent", "look only at this many of the latest requests, so that earlier failures are forgiven; default: at all of them"},
				{"versions", "versions of the application, each of which must have answered"},
				{"pods", "how many different Pods must have answered"},
				{"expr", "further condition on what was counted"},
				{"from", "id of the check that begins the count when it is met; default: the count begins with the step"},
				{"while", "id of the check during which is counted: the count starts over whenever that check is lost"},
				{"throughout", "`true` for what must hold during the whole step: it is not met before all other checks are"},
			},
			verdicts: []verdictDoc{
				{Met, "all of the conditions hold"},
				{Converging, "with `throughout`: all of them hold so far"},
				{Unmet, "there are too few answers, versions or Pods, or `expr` does not hold; with `recent`, too many failures as well"},
				{Violated, "more than `maxFailures` requests failed, without `recent`; a retry starts the count over"},
			},
		},
	}
}

type trafficFields struct {
	AtLeast     int      `yaml:"atLeast,required"`
	MaxFailures int      `yaml:"maxFailures"`
	Recent      int      `yaml:"recent"`
	Versions    []string `yaml:"versions"`
	Pods        int      `yaml:"pods"`
	Expr        Expr     `yaml:"expr"`
	From        string   `yaml:"from"`
	While       string   `yaml:"while"`
	Throughout  bool     `yaml:"throughout"`
}

func (f *trafficFields) load(l *checkLoader) {
	l.atLeast(&f.AtLeast)
	if l.step.Traffic == nil {
		l.problem("kind", "check %q needs `traffic:` on the step: it says what is asked", l.check.ID)
	}
	l.condition(&f.Expr)
	l.waitFor("from", f.From)
	l.waitFor("while", f.While)
	l.check.lasts = f.Throughout
	if f.Throughout && f.Recent > 0 {
		l.problem("throughout", "throughout and recent contradict each other")
	}
	if f.Recent > 0 {
		l.resource("services", "", l.check.at)
	}
}

func (f *trafficFields) checker(*Check) checker { return newTrafficCheck(f) }

// trafficCheck sums up what the step's prober saw.
type trafficCheck struct {
	noMemory
	*trafficFields
	open    bool // counting has begun
	sent    int
	failed  int
	pods    map[string]int
	version map[string]int
	last    []Probe // the newest `recent` ones
	failure Probe   // the last failure
}

func newTrafficCheck(f *trafficFields) *trafficCheck {
	return &trafficCheck{trafficFields: f, pods: map[string]int{}, version: map[string]int{}}
}

func (t *trafficCheck) observe(e *Engine, in Input) {
	if c, ok := in.(Change); ok && t.Recent > 0 && c.Resource == wellKnown()["services"] && e.counts(c) {
		if c.Object().GetName() == e.step.Traffic.Service && newSpec(c) {
			t.reset()
		}
	}
	p, ok := in.(Probe)
	if !ok || !t.counting(e) || p.At.Before(e.started) {
		return
	}
	if !p.ok() {
		t.failure = p
	}
	if t.Recent > 0 {
		t.last = append(t.last, p)
		if len(t.last) > t.Recent {
			t.last = slices.Clone(t.last[1:])
		}
		t.sent, t.failed = 0, 0
		clear(t.pods)
		clear(t.version)
		for _, p := range t.last {
			t.add(p)
		}
		return
	}
	t.add(p)
}

func (t *trafficCheck) add(p Probe) {
	t.sent++
	if !p.ok() {
		t.failed++
		return
	}
	if p.Pod != "" {
		t.pods[p.Pod]++
	}
	if p.Version != "" {
		t.version[p.Version]++
	}
}

func (t *trafficCheck) counting(e *Engine) bool {
	if while := e.judged(t.While); while != nil && while.verdict != Met {
		return false
	}
	if from := e.judged(t.From); from != nil && !t.open {
		t.open = from.verdict == Met
		return t.open
	}
	t.open = true
	return true
}

func (t *trafficCheck) tooManyFailures() bool {
	return t.MaxFailures >= 0 && t.failed > t.MaxFailures
}

func (t *trafficCheck) judge(e *Engine) Verdict {
	if while := e.judged(t.While); while != nil && while.verdict != Met && t.sent > 0 {
		t.reset()
	}
	v := t.counted(e)
	if v == Met && t.Throughout && !e.onlyGuardsLeft() {
		return Converging
	}
	return v
}

// counted is the verdict on what has been counted.
func (t *trafficCheck) counted(e *Engine) Verdict {
	if t.tooManyFailures() {
		if t.Recent > 0 {
			return Unmet
		}
		return Violated
	}
	for _, v := range t.Versions {
		if t.version[v] == 0 {
			return Unmet
		}
	}
	if t.sent-t.failed < t.AtLeast || len(t.pods) < t.Pods {
		return Unmet
	}
	if !t.Expr.IsZero() && !t.Expr.program.holds(e.act, t.vars()) {
		return Unmet
	}
	return Met
}

func (t *trafficCheck) vars() map[string]any { return map[string]any{"traffic": t.tally()} }

func (t *trafficCheck) tally() map[string]any {
	pods, versions := map[string]any{}, map[string]any{}
	for k, n := range t.pods {
		pods[k] = int64(n)
	}
	for k, n := range t.version {
		versions[k] = int64(n)
	}
	return map[string]any{
		"sent": int64(t.sent), "ok": int64(t.sent - t.failed), "failed": int64(t.failed), "pods": pods, "versions": versions,
	}
}

func (t *trafficCheck) pending() bool { return t.open && t.sent < max(t.AtLeast, t.Recent) }

func (t *trafficCheck) why(e *Engine) []string {
	if t.tooManyFailures() {
		reason := t.failure.Err
		if t.failure.Status != 0 {
			reason = strings.TrimSpace(plain(t.failure.Status) + " " + reason)
		}
		out := []string{e.say.text("traffic-failed", "Failed", t.failed, "Sent", t.sent, "Allowed", t.MaxFailures,
			"At", t.failure.At.Format(time.TimeOnly), "Reason", reason)}
		if t.Recent == 0 {
			out = append(out, e.say.text("retry"))
		}
		return out
	}
	if t.Throughout && t.counted(e) == Met {
		return []string{e.say.text("holds-so-far")}
	}
	if while := e.judged(t.While); while != nil && while.verdict != Met {
		return []string{e.say.text("begins-with", "Check", e.step.checkTitle(e.say.lang, t.While))}
	}
	if t.From != "" && !t.open {
		return []string{e.say.text("begins-with", "Check", e.step.checkTitle(e.say.lang, t.From))}
	}
	if answered := t.sent - t.failed; answered < t.AtLeast {
		return []string{e.say.text("traffic-count", "Observed", answered, "Wanted", t.AtLeast)}
	}
	for _, v := range t.Versions {
		if t.version[v] == 0 {
			return []string{e.say.text("traffic-version", "Wanted", v, "Observed", strings.Join(slices.Sorted(maps.Keys(t.version)), ", "))}
		}
	}
	if len(t.pods) < t.Pods {
		return []string{e.say.text("traffic-pods", "Observed", len(t.pods), "Wanted", t.Pods)}
	}
	return e.explainer.explain(t.Expr.program, t.vars(), "").lines
}

func (t *trafficCheck) retry(*Engine) {
	if t.tooManyFailures() {
		t.reset()
	}
}

func (t *trafficCheck) reset() bool {
	*t = *newTrafficCheck(t.trafficFields)
	return true
}

package lessons

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// trafficCheck sums up what the step's prober saw.
type trafficCheck struct {
	check   *Check
	open    bool // counting has begun
	sent    int
	failed  int
	pods    map[string]int
	version map[string]int
	last    []Probe // the newest `recent` ones
	failure Probe   // the last failure
}

func newTrafficCheck(c *Check) *trafficCheck {
	return &trafficCheck{check: c, pods: map[string]int{}, version: map[string]int{}}
}

func (p Probe) ok() bool { return p.Status >= 200 && p.Status < 300 }

func (t *trafficCheck) observe(e *Engine, in Input) {
	p, ok := in.(Probe)
	if !ok || !t.counting(e) || p.At.Before(e.started) {
		return
	}
	if !p.ok() {
		t.failure = p
	}
	if t.check.Recent > 0 {
		t.last = append(t.last, p)
		if len(t.last) > t.check.Recent {
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
	if from := e.judged(t.check.From); from != nil && !t.open {
		t.open = from.verdict == Met
		return t.open
	}
	t.open = true
	return true
}

func (t *trafficCheck) tooManyFailures() bool {
	return t.check.MaxFailures >= 0 && t.failed > t.check.MaxFailures
}

func (t *trafficCheck) judge(e *Engine) Verdict {
	c := t.check
	if t.tooManyFailures() {
		if c.Recent > 0 {
			return Unmet
		}
		return Violated
	}
	for _, v := range c.Versions {
		if t.version[v] == 0 {
			return Unmet
		}
	}
	if t.sent-t.failed < c.AtLeast || len(t.pods) < c.Pods {
		return Unmet
	}
	if !c.Expr.IsZero() && !c.Expr.program.holds(e.act, t.vars()) {
		return Unmet
	}
	return Met
}

func (t *trafficCheck) vars() map[string]any { return map[string]any{"traffic": t.summary()} }

// summary is what the check has counted so far, as expressions see it.
func (t *trafficCheck) summary() map[string]any {
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

func (t *trafficCheck) why(e *Engine) []string {
	c := t.check
	if t.tooManyFailures() {
		reason := t.failure.Err
		if t.failure.Status != 0 {
			reason = strings.TrimSpace(plain(t.failure.Status) + " " + reason)
		}
		out := []string{e.say.text("traffic-failed", "Failed", t.failed, "Sent", t.sent, "Allowed", c.MaxFailures,
			"At", t.failure.At.Format(time.TimeOnly), "Reason", reason)}
		if c.Recent == 0 {
			out = append(out, e.say.text("retry"))
		}
		return out
	}
	if !t.open {
		return []string{e.say.text("begins-with", "Check", e.step.checkTitle(e.say.lang, c.From))}
	}
	if answered := t.sent - t.failed; answered < c.AtLeast {
		return []string{e.say.text("traffic-count", "Observed", answered, "Wanted", c.AtLeast)}
	}
	for _, v := range c.Versions {
		if t.version[v] == 0 {
			return []string{e.say.text("traffic-version", "Wanted", v, "Observed", strings.Join(slices.Sorted(maps.Keys(t.version)), ", "))}
		}
	}
	if len(t.pods) < c.Pods {
		return []string{e.say.text("traffic-pods", "Observed", len(t.pods), "Wanted", c.Pods)}
	}
	return e.explainer.explain(c.Expr.program, t.vars(), "").lines
}

func (t *trafficCheck) retry(e *Engine) {
	if t.tooManyFailures() {
		t.reset()
	}
}

func (t *trafficCheck) reset() { *t = *newTrafficCheck(t.check) }

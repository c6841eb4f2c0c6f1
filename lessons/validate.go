package lessons

import (
	"slices"
	"strings"
)

// fieldsOf says which fields a kind of check may and must have, besides id and
// kind.
func fieldsOf(kind CheckKind) (allowed, required string, ok bool) {
	switch kind {
	case KindState:
		return "resource name namespace expr spec status", "", true
	case KindHappened:
		return "resource name namespace expr atLeast", "resource expr", true
	case KindSequence:
		return "moments", "moments", true
	case KindAlways:
		return "resource name namespace expr from until", "expr", true
	case KindUntouched:
		return "resources mayChange", "", true
	case KindSteady:
		return "resource name namespace expr for", "expr for", true
	case KindEvent:
		return "reason object name type expr atLeast", "", true
	case KindRequest:
		return "verb resource subresource name namespace query expr failed atLeast", "resource", true
	case KindTraffic:
		return "atLeast maxFailures recent versions pods expr from", "atLeast", true
	case KindAnswer:
		return "resource name namespace expect options", "expect", true
	}
	return "", "", false
}

func (v *validator) check(s *Step, c *Check) {
	allowed, required, ok := fieldsOf(c.Kind)
	if !ok {
		v.problems.add(c.of("kind"), "unknown kind of check %q: wanted state, happened, sequence, always, untouched, steady, event, request, traffic or answer", c.Kind)
		return
	}
	for field, at := range c.fields {
		if field != "id" && field != "kind" && !slices.Contains(strings.Fields(allowed), field) {
			v.problems.add(at, "a check of kind %s has no field %q; it may have: %s", c.Kind, field, allowed)
		}
	}
	for _, field := range strings.Fields(required) {
		if !c.has(field) {
			v.problems.add(c.at, "check %q of kind %s needs %q", c.ID, c.Kind, field)
		}
	}
	if c.AtLeast < 0 || c.has("atLeast") && c.AtLeast == 0 {
		v.problems.add(c.of("atLeast"), "atLeast must be 1 or more")
	}
	if c.AtLeast == 0 {
		c.AtLeast = 1
	}
	v.checkResource(c)
	v.checkExprs(s, c)
	v.checkLinks(s, c)
}

func (v *validator) checkResource(c *Check) {
	named := c.Kind == KindState || c.Kind == KindAlways || c.Kind == KindSteady || c.Kind == KindAnswer
	if named && (c.Resource == "") != (c.Name == "") {
		v.problems.add(c.at, "check %q: resource and name belong together", c.ID)
	}
	if c.Resource == "" || c.Kind == KindRequest {
		return
	}
	gvr, err := ParseResource(c.Resource)
	if err != nil {
		v.problems.add(c.of("resource"), "%v", err)
		return
	}
	c.gvr = gvr
	v.addWatch(watchDep{gvr, c.watchNamespace()}, c.of("resource"))
}

// watchNamespace is where the object of a check lives.
func (c *Check) watchNamespace() string {
	switch {
	case clusterScoped(c.gvr):
		return ""
	case c.Namespace != "":
		return c.Namespace
	}
	return ownNamespace
}

func (v *validator) checkExprs(s *Step, c *Check) {
	switch c.Kind {
	case KindState:
		if c.Expr.IsZero() == (c.Spec.IsZero() && c.Status.IsZero()) {
			v.problems.add(c.at, "check %q needs either expr, or spec and status", c.ID)
		} else if c.Expr.IsZero() && (c.Spec.IsZero() || c.Status.IsZero()) {
			v.problems.add(c.at, "check %q needs spec and status together", c.ID)
		}
		v.expr(&c.Spec, scopeState, true)
		v.expr(&c.Status, scopeState, true)
		v.expr(&c.Expr, scopeState, true)
	case KindAlways, KindSteady:
		v.expr(&c.Expr, scopeState, true)
		if c.Kind == KindSteady && c.has("for") && c.For <= 0 {
			v.problems.add(c.of("for"), "for must be more than 0")
		}
	case KindUntouched:
		v.untouched(c)
	case KindHappened:
		v.expr(&c.Expr, scopeDelta, true)
	case KindSequence:
		v.sequence(c)
	case KindEvent:
		if len(c.Reason) == 0 && c.Type == "" && c.Object == "" && c.Name == "" {
			v.problems.add(c.at, "check %q needs at least one of reason, object, name and type", c.ID)
		}
		v.expr(&c.Expr, scopeEvent, true)
	case KindRequest:
		v.expr(&c.Expr, scopeRequest, true)
	case KindTraffic:
		if s.Traffic == nil {
			v.problems.add(c.of("kind"), "check %q needs `traffic:` on the step: it says what is asked", c.ID)
		}
		v.expr(&c.Expr, scopeTraffic, true)
	case KindAnswer:
		v.expr(&c.Expect, scopeState, false)
		v.expr(&c.Options, scopeState, false)
	}
}

func (v *validator) sequence(c *Check) {
	if c.has("moments") && len(c.Moments) < 2 {
		v.problems.add(c.of("moments"), "a sequence needs two moments or more; for one there is the kind happened")
	}
	seen := map[string]bool{}
	for _, m := range c.Moments {
		v.name(m.of("id"), "id of a moment", m.ID)
		if seen[m.ID] {
			v.problems.add(m.of("id"), "two moments of this check are called %q", m.ID)
		}
		seen[m.ID] = true
		gvr, err := ParseResource(m.Resource)
		if err != nil {
			v.problems.add(m.of("resource"), "%v", err)
		} else {
			m.gvr = gvr
			v.addWatch(watchDep{gvr, scopeNamespace(gvr.Resource, ownNamespace)}, m.of("resource"))
		}
		if m.Expr.IsZero() {
			v.problems.add(m.at, "moment %q needs expr", m.ID)
		}
		v.expr(&m.Expr, scopeDelta, true)
	}
}

// untouched settles what a check of that kind guards.
func (v *validator) untouched(c *Check) {
	names := c.Resources
	if len(names) == 0 {
		names = strings.Fields(guardedByDefault)
	}
	v.resources(names, c.at)
	for _, name := range names {
		if gvr, err := ParseResource(name); err == nil {
			c.guarded = append(c.guarded, gvr)
		}
	}
	v.namedObjects(c.MayChange, c.of("mayChange"))
}

// guardedByDefault is what learners and their controllers change.
const guardedByDefault = "pods services deployments replicasets statefulsets daemonsets jobs configmaps secrets horizontalpodautoscalers"

// checkLinks keeps from and until pointing at checks whose verdict does not
// depend on this one.
func (v *validator) checkLinks(s *Step, c *Check) {
	for _, link := range []struct{ field, id string }{{"from", c.From}, {"until", c.Until}} {
		if link.id == "" {
			continue
		}
		other := s.Check(link.id)
		switch {
		case other == nil:
			v.problems.add(c.of(link.field), "%s: there is no check %q in this step", link.field, link.id)
		case other.Kind == KindAlways || other.Kind == KindUntouched || other.Kind == KindTraffic && c.Kind == KindTraffic:
			v.problems.add(c.of(link.field), "%s: check %q of kind %s can't be the one that it waits for", link.field, link.id, other.Kind)
		}
	}
}

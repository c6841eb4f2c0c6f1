package lessons

import (
	"strings"
	"testing"
)

// TestLintRefusesDangerousForms holds each form once as lint refuses it, and
// once as it should be.
func TestLintRefusesDangerousForms(t *testing.T) {
	state := func(expr string) string {
		return "checks: [{id: a, kind: state, resource: deployments, name: web, expr: \"" + expr + "\"}]"
	}
	for rule, c := range map[string]struct{ wrong, right []string }{
		"vacuous-all": {
			wrong: []string{
				state("list('pods', 'app=web').all(p, ready(p))"),
				state("owned(object, 'pods').filter(p, isNew(p)).all(p, ready(p))"),
				state("size(list('pods', 'app=other')) > 0 && list('pods', 'app=web').all(p, ready(p))"),
			},
			right: []string{
				state("size(list('pods', 'app=web')) > 0 && list('pods', 'app=web').all(p, ready(p))"),
				state("list('pods', 'app=web').size() == 3 && list('pods', 'app=web').all(p, ready(p))"),
				state("owned(object, 'pods').exists(p, isNew(p)) && owned(object, 'pods').filter(p, isNew(p)).all(p, ready(p))"),
				state("['a', 'b'].all(n, exists('pods', 'a'))"),
				state("object.spec.template.spec.containers.all(c, has(c.readinessProbe))"),
			},
		},
		"endpoints-counted": {
			wrong: []string{
				state("size(readyEndpoints('web')) == 3"),
				state("readyEndpoints('web').filter(e, e.port == 8080).map(e, e.pod).distinct().size() == object.spec.replicas"),
				state("endpoints('web').size() >= 2"),
			},
			right: []string{
				state("leadsTo(get('services', 'web'), 80, object, 8080)"),
				state("size(endpoints('web')) == 0"),
			},
		},
		"containers-twice": {
			wrong: []string{
				state("object.spec.template.spec.containers.exists(c, c.image == 'a') && object.spec.template.spec.containers.exists(c, has(c.livenessProbe))"),
			},
			right: []string{
				state("object.spec.template.spec.containers.exists(c, c.image == 'a' && has(c.livenessProbe))"),
			},
		},
		"identity-by-name": {
			wrong: []string{
				"checks: [{id: a, kind: happened, resource: pods, expr: \"new == null && before('pods', old.metadata.name) != null\"}]",
				state("listBefore('pods').exists(p, !exists('pods', p.metadata.name))"),
			},
			right: []string{
				"checks: [{id: a, kind: happened, resource: pods, expr: \"new == null && !isNew(old)\"}]",
				state("listBefore('pods').exists(p, !list('pods').exists(q, same(p, q)))"),
				state("before('services', 'web') != null && !exists('services', 'web')"),
			},
		},
		"differs-from-baseline": {
			wrong: []string{state("object.spec.template != baseline.spec.template")},
			right: []string{state("rollouts('web').exists(r, r.done)"), state("object.spec.replicas == baseline.spec.replicas")},
		},
		"whole-namespace": {
			wrong: []string{
				state("list('replicasets').filter(r, r.spec.replicas == 0).size() == 2"),
				state("size(list('pods')) > 0 && list('pods').all(p, ready(p))"),
			},
			right: []string{
				state("owned(object, 'replicasets').filter(r, r.spec.replicas == 0).size() == 2"),
				state("list('pods').exists(p, ownedBy(p, object) && ready(p))"),
				state("size(list('pods', 'app=web')) == 2"),
			},
		},
		"unbound-request": {
			wrong: []string{
				"checks: [{id: a, kind: request, resource: pods, subresource: log}]",
				"checks: [{id: a, kind: request, resource: pods, subresource: log, expr: \"request.name.startsWith('web-')\"}]",
			},
			right: []string{
				"checks: [{id: a, kind: request, resource: pods, subresource: log, name: web-0}]",
				"checks: [{id: a, kind: request, resource: pods, subresource: log, expr: \"ownedBy(object, get('deployments', 'web'))\"}]",
			},
		},
		"latched-end": {
			wrong: []string{
				"checks: [{id: a, kind: sequence, moments: [{id: x, resource: pods, expr: \"new == null\"}, {id: y, resource: deployments, expr: \"new != null && rolledOut(new)\"}]}]",
			},
			right: []string{
				"checks: [{id: a, kind: sequence, moments: [{id: x, resource: pods, expr: \"new != null && ready(new)\"}, {id: y, resource: pods, expr: \"new == null\"}]}]",
			},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			for _, step := range c.wrong {
				if got := formWarnings(t, step); !strings.Contains(got, rule) {
					t.Errorf("%s is not refused: %q", step, got)
				}
				reasoned := strings.Replace(step, "{id: a,", "{id: a, allow: {"+rule+": as this is a test},", 1)
				if got := formWarnings(t, reasoned); strings.Contains(got, rule) {
					t.Errorf("%s is refused: %q", reasoned, got)
				}
			}
			for _, step := range c.right {
				if got := formWarnings(t, step); got != "" {
					t.Errorf("%s is refused: %q", step, got)
				}
				needless := strings.Replace(step, "{id: a,", "{id: a, allow: {"+rule+": as this is a test},", 1)
				if got := formWarnings(t, needless); !strings.Contains(got, "has no such form") {
					t.Errorf("%s: the reason is not refused: %q", needless, got)
				}
			}
		})
	}
}

func TestReasonsAreChecked(t *testing.T) {
	for name, want := range map[string]string{
		"unknown rule": "is no rule",
		"vacuous-all":  "without a reason",
	} {
		step := "checks: [{id: a, kind: state, allow: {" + name + ": ''}, expr: \"list('pods', 'a=b').all(p, ready(p))\"}]"
		if got := formWarnings(t, step); !strings.Contains(got, want) {
			t.Errorf("%s: %q, wanted %q", name, got, want)
		}
	}
}

// formWarnings are the warnings of lint about the forms of a step's checks.
func formWarnings(t *testing.T, step string) string {
	t.Helper()
	var problems Problems
	for _, c := range testLesson(t, step, "a").Steps[0].Checks {
		lintForms(c, &problems)
	}
	return problems.Error()
}

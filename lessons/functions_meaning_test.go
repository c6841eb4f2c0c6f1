package lessons

import (
	"fmt"
	"strings"
	"testing"
)

// holdsNow evaluates an expression on what the rig's engine has seen.
func (r *rig) holdsNow(expr string) bool {
	r.t.Helper()
	c, err := newCompiler()
	if err != nil {
		r.t.Fatal(err)
	}
	p, problems := c.compile(objectScope(), expr, true)
	if len(problems) > 0 {
		r.t.Fatal(expr, problems)
	}
	return p.holds(r.engine.act, map[string]any{"object": nil, "baseline": nil})
}

// watchingStep watches all that the functions read.
const watchingStep = `
resources: [pods, replicasets, services, endpointslices, configmaps, secrets]
checks: [{id: a, kind: state, resource: deployments, name: web, expr: "false"}]
`

func TestRolledOutMeansWhatKubectlMeans(t *testing.T) {
	deployment := func(generation, replicas, updated, total, available int) string {
		return fmt.Sprintf("{kind: Deployment, metadata: {generation: %d}, spec: {replicas: %d}, status: {observedGeneration: 2, updatedReplicas: %d, replicas: %d, availableReplicas: %d, readyReplicas: %d}}",
			generation, replicas, updated, total, available, available)
	}
	for name, c := range map[string]struct {
		object string
		want   bool
	}{
		"three of three":                {deployment(2, 3, 3, 3, 3), true},
		"not seen by the controller":    {deployment(3, 3, 3, 3, 3), false},
		"one is not available":          {deployment(2, 3, 3, 3, 2), false},
		"one is old":                    {deployment(2, 3, 2, 3, 3), false},
		"an old one more":               {deployment(2, 3, 3, 4, 4), false},
		"none of none":                  {deployment(2, 0, 0, 0, 0), false},
		"about to go":                   {"{kind: Deployment, metadata: {deletionTimestamp: x}, spec: {replicas: 1}, status: {updatedReplicas: 1, replicas: 1, availableReplicas: 1}}", false},
		"DaemonSet on one node":         {"{kind: DaemonSet, status: {desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1}}", true},
		"DaemonSet on no node":          {"{kind: DaemonSet, status: {desiredNumberScheduled: 0}}", false},
		"ReplicaSet that wants nothing": {"{kind: ReplicaSet, spec: {replicas: 0}}", false},
		"ReplicaSet":                    {"{kind: ReplicaSet, spec: {replicas: 1}, status: {readyReplicas: 1}}", true},
		"Pod":                           {"{kind: Pod, status: {conditions: [{type: Ready, status: 'True'}]}}", true},
		"Pod about to go":               {"{kind: Pod, metadata: {deletionTimestamp: x}, status: {conditions: [{type: Ready, status: 'True'}]}}", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, watchingStep, "a")
			if got := object(r.parse(c.object).Object).ready(); got != c.want {
				t.Errorf("ready is %v, wanted %v", got, c.want)
			}
		})
	}
}

func TestIdentityGoesByUID(t *testing.T) {
	r := newRig(t, watchingStep, "a")
	r.put("deployments", "{kind: Deployment, metadata: {name: web, uid: d1}}", initial)
	r.put("replicasets", "{kind: ReplicaSet, metadata: {name: web-1, uid: r1, ownerReferences: [{uid: d1}]}}", initial)
	r.put("pods", "{kind: Pod, metadata: {name: a, uid: a1, ownerReferences: [{uid: r1}]}}", initial)
	r.put("pods", "{kind: Pod, metadata: {name: stays, uid: s1}}", initial)
	r.begin()
	r.remove("pods", "a")
	r.put("pods", "{kind: Pod, metadata: {name: a, uid: a2, ownerReferences: [{uid: r1}]}}")
	r.remove("replicasets", "web-1")
	for expr, want := range map[string]bool{
		"same(get('pods', 'stays'), before('pods', 'stays'))":        true,
		"same(get('pods', 'a'), before('pods', 'a'))":                false,
		"same(get('pods', 'none'), before('pods', 'none'))":          false,
		"isNew(get('pods', 'a'))":                                    true,
		"isNew(get('pods', 'stays'))":                                false,
		"isNew(get('pods', 'none'))":                                 false,
		"isNew({'uid': 'a2'})":                                       true,
		"ownedBy(get('pods', 'a'), get('deployments', 'web'))":       true,
		"ownedBy(before('pods', 'a'), get('deployments', 'web'))":    true,
		"ownedBy({'uid': 'a2'}, get('deployments', 'web'))":          true,
		"ownedBy(get('pods', 'stays'), get('deployments', 'web'))":   false,
		"ownedBy(get('pods', 'a'), get('deployments', 'none'))":      false,
		"ownedBy(get('pods', 'none'), get('deployments', 'web'))":    false,
		"same(get('deployments', 'none'), get('deployments', 'no'))": false,
	} {
		if got := r.holdsNow(expr); got != want {
			t.Errorf("%s is %v", expr, got)
		}
	}
}

func TestKeepsAllButTheNamedFields(t *testing.T) {
	const before = "{metadata: {labels: {a: b}}, spec: {replicas: 2, template: {spec: {containers: [{name: app, image: 'x:1', resources: {requests: {cpu: 500m}}, env: [{name: A, value: '1'}, {name: B, value: '2'}]}, {name: side, image: 'y:1'}]}}}}"
	replaced := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(before) }
	for name, c := range map[string]struct {
		now, but, want string // want: the field that is different
	}{
		"the same":                  {before, "", ""},
		"metadata and status":       {replaced("a: b", "a: c", "spec: {replicas", "status: {x: y}, spec: {replicas"), "", ""},
		"a quantity in other words": {replaced("cpu: 500m", "cpu: '0.5'"), "", ""},
		"another quantity":          {replaced("cpu: 500m", "cpu: '0.6'"), "", "spec.template.spec.containers[app].resources.requests.cpu"},
		"empty instead of absent":   {replaced("replicas: 2", "replicas: 2, selector: {}, list: []"), "", ""},
		"order of the environment":  {replaced("{name: A, value: '1'}, {name: B, value: '2'}", "{name: B, value: '2'}, {name: A, value: '1'}"), "", ""},
		"a changed image":           {replaced("x:1", "x:2"), "", "spec.template.spec.containers[app].image"},
		"an allowed image":          {replaced("x:1", "x:2"), "spec.template.spec.containers[app].image", ""},
		"any allowed image":         {replaced("x:1", "x:2", "y:1", "y:2"), "spec.template.spec.containers[*].image", ""},
		"another container's image": {replaced("y:1", "y:2"), "spec.template.spec.containers[app].image", "spec.template.spec.containers[side].image"},
		"an allowed variable":       {replaced("value: '1'", "value: '9'"), "spec.template.spec.containers[app].env[A]", ""},
		"a variable taken away":     {replaced("{name: A, value: '1'}, ", ""), "", "spec.template.spec.containers[app].env[A]"},
		"a new field":               {replaced("replicas: 2", "replicas: 2, paused: true"), "spec.replicas", "spec.paused"},
		"a container of one's own":  {replaced("{name: side", "{name: new}, {name: side"), "", "spec.template.spec.containers[new]"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, watchingStep, "a")
			but := []string{}
			if c.but != "" {
				but = append(but, c.but)
			}
			d, ok := changedField(toVal(r.parse(c.now)), toVal(r.parse(before)), but)
			got := ""
			if d != nil {
				got = d.String()
			}
			if !ok || got != c.want {
				t.Errorf("changed: %q (%v), wanted %q", got, ok, c.want)
			}
		})
	}
}

// leadingWorld is a Service that leads to two Pods of web, and to a stranger.
var leadingWorld = map[string]string{
	"services/web":         "{kind: Service, metadata: {name: web, uid: svc}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: http, protocol: TCP}]}}",
	"deployments/web":      "{kind: Deployment, metadata: {name: web, uid: dep}, spec: {replicas: 2, template: {metadata: {labels: {app: web}}}}}",
	"replicasets/web-1":    "{kind: ReplicaSet, metadata: {name: web-1, uid: rs, ownerReferences: [{uid: dep}]}}",
	"pods/web-1-a":         podOfWeb("a", "rs"),
	"pods/web-1-b":         podOfWeb("b", "rs"),
	"pods/web-1-mine":      podOfWeb("mine", ""),
	"endpointslices/web-x": sliceOfWeb("svc", 8080, "a", "b", "mine"),
}

func podOfWeb(id, owner string) string {
	owners := ""
	if owner != "" {
		owners = ", ownerReferences: [{uid: " + owner + "}]"
	}
	return "{kind: Pod, metadata: {name: web-1-" + id + ", uid: " + id + ", labels: {app: web}" + owners + "}, spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}, status: {conditions: [{type: Ready, status: 'True'}]}}"
}

func sliceOfWeb(service string, port int, pods ...string) string {
	endpoints := ""
	for _, p := range pods {
		endpoints += "{addresses: [10.0.0.1], conditions: {ready: true}, targetRef: {kind: Pod, uid: " + p + "}},"
	}
	return fmt.Sprintf("{kind: EndpointSlice, metadata: {name: web-x, labels: {kubernetes.io/service-name: web}, ownerReferences: [{uid: %s}]}, ports: [{port: %d, protocol: TCP}], endpoints: [%s]}", service, port, endpoints)
}

func TestLeadsTo(t *testing.T) {
	const to8080 = "leadsTo(get('services', 'web'), 80, get('deployments', 'web'), 8080)"
	for name, c := range map[string]struct {
		changed map[string]string // "": taken away
		expr    string
		want    bool
		why     string
	}{
		"to both, and a stranger":        {nil, to8080, true, ""},
		"without the stranger":           {map[string]string{"pods/web-1-mine": "", "endpointslices/web-x": sliceOfWeb("svc", 8080, "a", "b")}, to8080, true, ""},
		"to one Pod":                     {nil, "leadsTo(get('services', 'web'), 80, get('pods', 'web-1-mine'), 8080)", true, ""},
		"no such port":                   {nil, strings.Replace(to8080, "80,", "81,", 1), false, "service/web has no TCP port 81; its ports are [80]"},
		"the port of UDP":                {map[string]string{"services/web": "{kind: Service, metadata: {name: web, uid: svc}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080, protocol: UDP}]}}"}, to8080, false, "no TCP port 80"},
		"another target":                 {nil, strings.Replace(to8080, "8080", "9090", 1), false, "forwards to port 8080 of the Pods, expected 9090"},
		"a target that the Pods lack":    {map[string]string{"services/web": "{kind: Service, metadata: {name: web, uid: svc}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: nosuch}]}}"}, to8080, false, "reaches 0 of the 2 Pods"},
		"changed, with the old slices":   {map[string]string{"services/web": "{kind: Service, metadata: {name: web, uid: svc}, spec: {selector: {app: web}, ports: [{port: 80}]}}"}, to8080, false, "forwards to port 80 of the Pods, expected 8080"},
		"slices of the target before":    {map[string]string{"endpointslices/web-x": sliceOfWeb("svc", 80, "a", "b")}, to8080, false, "reaches 0 of the 2 Pods"},
		"no selector, slices by hand":    {map[string]string{"services/web": "{kind: Service, metadata: {name: web, uid: svc}, spec: {ports: [{port: 80, targetPort: 8080}]}}"}, to8080, false, "has no selector"},
		"slices of another Service":      {map[string]string{"endpointslices/web-x": sliceOfWeb("before", 8080, "a", "b")}, to8080, false, "reaches 0 of the 2 Pods"},
		"a look-alike for one of them":   {map[string]string{"pods/web-1-b": podOfWeb("b", "")}, to8080, false, "reaches 1 of the 2 Pods"},
		"one is not in the list yet":     {map[string]string{"endpointslices/web-x": sliceOfWeb("svc", 8080, "a", "mine")}, to8080, false, "reaches 1 of the 2 Pods"},
		"Pods found by a label by hand":  {map[string]string{"services/web": "{kind: Service, metadata: {name: web, uid: svc}, spec: {selector: {tier: x}, ports: [{port: 80, targetPort: 8080}]}}"}, to8080, false, `does not match the Pods that deployment/web creates; their labels are app=web`},
		"a workload that wants nothing":  {map[string]string{"deployments/web": "{kind: Deployment, metadata: {name: web, uid: dep}, spec: {replicas: 0, template: {metadata: {labels: {app: web}}}}}"}, to8080, false, "asks for no Pods"},
		"a workload that does not exist": {map[string]string{"deployments/web": ""}, to8080, false, "deployment/web does not exist"},
		"a Service that does not exist":  {map[string]string{"services/web": ""}, to8080, false, "service/web does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "resources: [pods, replicasets]\nchecks: [{id: a, kind: state, expr: \""+c.expr+"\"}]", "a")
			for _, key := range sortedKeys(leadingWorld) {
				text := leadingWorld[key]
				if changed, ok := c.changed[key]; ok {
					text = changed
				}
				if text != "" {
					resource, _, _ := strings.Cut(key, "/")
					r.put(resource, text, initial)
				}
			}
			r.begin()
			if c.want {
				r.want("a", Met)
			} else {
				r.want("a", Unmet, c.why)
			}
		})
	}
}

func webDeployment(generation, observed int, image, more string, available int) string {
	return fmt.Sprintf("{kind: Deployment, metadata: {name: web, uid: d, generation: %d}, spec: {replicas: 2, template: {spec: {containers: [{image: '%s'}]}}%s}, "+
		"status: {observedGeneration: %d, updatedReplicas: 2, replicas: 2, availableReplicas: %d}}", generation, image, more, observed, available)
}

func TestRolloutsAreThoseOfTheTemplate(t *testing.T) {
	r := newRig(t, watchingStep, "a")
	r.put("deployments", webDeployment(1, 1, "a", "", 2), initial)
	r.begin()
	expect := func(when string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !r.holdsNow(want) {
				t.Errorf("%s: %s does not hold", when, want)
			}
		}
	}
	expect("at first", "rollouts('web').size() == 0", "rollouts('none').size() == 0")
	r.put("deployments", webDeployment(2, 2, "a", ", minReadySeconds: 3", 0))
	expect("settings alone", "rollouts('web').size() == 0")
	r.put("deployments", webDeployment(3, 2, "b", ", minReadySeconds: 3", 2))
	expect("asked for", "rollouts('web').size() == 1", "rollouts('web')[0].current && !rollouts('web')[0].done", "rollouts('web')[0].settings.size() == 1")
	r.put("deployments", webDeployment(3, 3, "b", ", minReadySeconds: 3", 1))
	r.put("deployments", webDeployment(4, 4, "b", "", 1))
	r.put("deployments", webDeployment(4, 4, "b", "", 2))
	expect("done", "rollouts('web')[0].done", "rollouts('web')[0].minAvailable == 1", "rollouts('web')[0].settings.exists(s, !has(s.minReadySeconds))",
		"rollouts('web')[0].previous.spec.containers[0].image == 'a' && rollouts('web')[0].template.spec.containers[0].image == 'b'", "!rollouts('web')[0].paused")
	r.put("deployments", webDeployment(5, 5, "b", ", paused: true", 2))
	r.put("deployments", webDeployment(6, 6, "c", ", paused: true", 2))
	expect("paused", "rollouts('web').size() == 1")
	r.put("deployments", webDeployment(7, 7, "c", "", 2))
	expect("resumed", "rollouts('web').size() == 2", "rollouts('web')[1].paused && rollouts('web')[1].done && !rollouts('web')[0].current")
	r.put("deployments", webDeployment(8, 8, "c", ", paused: true", 2))
	r.put("deployments", webDeployment(9, 9, "c", "", 2))
	expect("paused for nothing", "rollouts('web').size() == 2")
	r.put("deployments", webDeployment(10, 10, "d", "", 2))
	expect("changed after a pause", "rollouts('web').size() == 3 && !rollouts('web')[2].paused")
	r.remove("deployments", "web")
	r.put("deployments", strings.Replace(webDeployment(1, 1, "e", "", 2), "uid: d", "uid: d2", 1))
	expect("created again", "rollouts('web').size() == 0")
}

func TestRunningIsWhatWasStarted(t *testing.T) {
	started := func(id string) string {
		return "{kind: Pod, metadata: {name: p, uid: p}, spec: {containers: [{name: app, image: 'docker.io/library/go-api:1', args: [x], envFrom: [{configMapRef: {name: conf}}], env: [{name: PLAIN, value: v}, " +
			"{name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}]}, " +
			"status: {containerStatuses: [{name: app, containerID: " + id + ", state: {running: {startedAt: x}}}]}}"
	}
	r := newRig(t, watchingStep, "a")
	r.put("configmaps", "{kind: ConfigMap, metadata: {name: conf}, data: {A: old}}", initial)
	r.put("secrets", "{kind: Secret, metadata: {name: s}, data: {k: aGlkZGVu}}", initial)
	r.put("pods", started("one"), initial)
	r.begin()
	const entry = "running(get('pods', 'p'))[0]"
	for _, want := range []string{
		entry + ".image == 'go-api:1' && " + entry + ".args == ['x'] && " + entry + ".pods == 1",
		entry + ".env == {'A': 'old', 'PLAIN': 'v', 'SECRET': 'hidden'}",
	} {
		if !r.holdsNow(want) {
			t.Errorf("%s does not hold", want)
		}
	}
	r.put("configmaps", "{kind: ConfigMap, metadata: {name: conf}, data: {A: new}}")
	if !r.holdsNow(entry + ".env.A == 'old'") {
		t.Error("what was written after the start runs")
	}
	r.put("pods", started("two"))
	if !r.holdsNow(entry + ".env.A == 'new'") {
		t.Error("what was written before the start does not run")
	}
	r.put("configmaps", "{kind: ConfigMap, metadata: {name: conf}, data: {A: newest}}")
	if !r.holdsNow(entry + ".env.A == 'new'") {
		t.Error("what was written after the second start runs")
	}
	if !r.holdsNow("running(get('deployments', 'web')).size() == 0") {
		t.Error("something runs of nothing")
	}
}

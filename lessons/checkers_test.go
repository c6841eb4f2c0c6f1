package lessons

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

const stateStep = `
checks:
  - id: a
    kind: state
    resource: services
    name: go-api
    spec: |
      object.spec.selector.app == 'go-api' &&
      object.spec.ports.exists(p, p.port == 8080)
    status: size(readyEndpoints('go-api')) == 2
`

func slice(ready ...bool) string {
	out := "{kind: EndpointSlice, metadata: {name: go-api-x, labels: {kubernetes.io/service-name: go-api}}, ports: [{port: 8080}], endpoints: ["
	for i, r := range ready {
		out += "{addresses: [10.0.0." + plain(i) + "], conditions: {ready: " + plain(r) + "}, targetRef: {kind: Pod, name: p" + plain(i) + "}},"
	}
	return out + "]}"
}

func TestStateGoesThroughEveryVerdict(t *testing.T) {
	r := newRig(t, stateStep, "a")
	r.wantMet(false)
	r.begin()
	r.want("a", Unmet, "service/go-api does not exist")
	r.put("services", service(80, "10.96.0.1"))
	r.want("a", Unmet, `service/go-api: spec.ports[0].port is 80, expected 8080`)
	r.put("services", service(8080, "10.96.0.1"))
	r.want("a", Converging, "ready endpoints of service/go-api: have 0, want 2")
	r.put("pods", pod("p1", "go-api", false))
	r.put("endpointslices", slice(true, false))
	r.want("a", Converging, "have 1, want 2", "pod/p1 is Running")
	r.wantMet(false)
	r.put("endpointslices", slice(true, true))
	r.want("a", Met)
	r.wantMet(true)
	r.remove("services", "go-api")
	r.want("a", Met)
	r.wantMet(true)
	r.handle(Begin{Step: "s", Marker: r.version})
	r.want("a", Unmet)
	r.wantMet(false)
}

func TestNothingIsMetBeforeSynced(t *testing.T) {
	r := newRig(t, "checks: [{id: a, kind: state, expr: \"!exists('services', 'go-api')\"}]", "a")
	r.handle(Begin{Step: "s"})
	r.wantMet(false)
	r.wantProblem("Reading")
	r.put("services", service(8080, "10.96.0.1"), initial)
	r.wantMet(false)
	r.sync()
	r.wantMet(false)
	r.want("a", Unmet, "service/go-api still exists")
	r.remove("services", "go-api")
	r.wantMet(true)
}

const happenedStep = `
checks:
  - id: a
    kind: happened
    resource: pods
    expr: new == null && old.metadata.labels.app == 'go-api'
    atLeast: 2
`

func TestHappenedCountsOnlyWhatWasSeen(t *testing.T) {
	r := newRig(t, happenedStep, "a")
	for _, name := range []string{"p1", "p2", "p3", "p4", "p5"} {
		r.put("pods", pod(name, "go-api", true), initial)
	}
	r.put("pods", pod("other", "x", true), initial)
	r.sync()
	// Deleted before the step begins.
	r.remove("pods", "p5")
	r.handle(Begin{Step: "s", Marker: r.version + 1})
	// Seen late: the deletion has a version that the marker covers.
	r.remove("pods", "p4")
	r.want("a", Unmet, "0 of 2")
	r.remove("pods", "other")
	r.want("a", Unmet, "0 of 2")
	r.remove("pods", "p1")
	r.want("a", Unmet, "1 of 2")
	// A gap, and a delete that the re-list infers, is no tick, and says so.
	r.signal(watch.Gap, "pods")
	r.wantProblem("do it again")
	r.remove("pods", "p2", inferred)
	r.want("a", Unmet, "1 of 2", "do it again")
	r.remove("pods", "p3")
	r.wantMet(true)
	r.wantProblem("")
}

const sequenceStep = `
checks:
  - id: a
    kind: sequence
    moments:
      - {id: new, resource: pods, expr: "new != null && ready(new) && new.metadata.labels.app == 'v2'"}
      - {id: old, resource: pods, expr: "new == null && old.metadata.labels.app == 'v1'"}
`

func TestSequenceWantsTheOrder(t *testing.T) {
	r := newRig(t, sequenceStep, "a")
	r.put("pods", pod("old1", "v1", true), initial)
	r.put("pods", pod("old2", "v1", true), initial)
	r.begin()
	r.remove("pods", "old1")
	r.want("a", Unmet, "0 of 2", "next: new")
	r.put("pods", pod("new1", "v2", true))
	r.want("a", Unmet, "1 of 2", "next: old")
	r.remove("pods", "old2")
	r.wantMet(true)
}

const alwaysStep = `
checks:
  - id: gone
    kind: happened
    resource: pods
    expr: new == null
  - id: same
    kind: always
    resource: services
    name: go-api
    expr: object.spec.clusterIP == baseline.spec.clusterIP
`

func alwaysRig(t *testing.T) *rig {
	r := newRig(t, alwaysStep, "gone", "same")
	r.put("services", service(80, "10.96.0.1"), initial)
	for _, name := range []string{"p1", "p2", "p3"} {
		r.put("pods", pod(name, "go-api", true), initial)
	}
	r.begin()
	r.want("same", Converging, "so far")
	return r
}

func TestAlwaysHolds(t *testing.T) {
	r := alwaysRig(t)
	r.put("services", service(8080, "10.96.0.1"))
	r.want("same", Converging)
	r.remove("pods", "p1")
	r.want("same", Met)
	r.wantMet(true)
}

func TestAlwaysBrokenIsViolatedUntilRetry(t *testing.T) {
	r := alwaysRig(t)
	r.put("services", service(80, "10.96.0.2"))
	r.want("same", Violated, `spec.clusterIP is "10.96.0.2", expected "10.96.0.1"`, "retry")
	r.put("services", service(80, "10.96.0.1"))
	r.want("same", Violated)
	r.remove("pods", "p1")
	r.want("gone", Met)
	r.wantMet(false)
	r.handle(Retry{})
	r.want("same", Converging)
	r.want("gone", Unmet) // the action must happen again
	r.remove("pods", "p2")
	r.wantMet(true)
}

func TestAlwaysBrokenByDeletion(t *testing.T) {
	r := alwaysRig(t)
	r.remove("services", "go-api")
	r.want("same", Violated, "service/go-api was deleted")
}

func TestAlwaysCannotVouchAcrossAGap(t *testing.T) {
	r := alwaysRig(t)
	r.signal(watch.Gap, "services")
	r.want("same", Violated, "some changes were missed")
	r.remove("pods", "p1")
	r.wantMet(false)
	r.handle(Retry{})
	r.remove("pods", "p2")
	r.wantMet(true)
}

const steadyStep = `
checks:
  - id: a
    kind: steady
    expr: size(list('pods', {'app':'go-api'})) == 1
    for: 10s
`

func TestSteadyNeedsTheTime(t *testing.T) {
	r := newRig(t, steadyStep, "a")
	r.begin()
	r.want("a", Unmet, "pods with app=go-api: have 0, want 1")
	r.put("pods", pod("p1", "go-api", true))
	r.want("a", Converging, "10s")
	since := r.now
	if at, ok := r.engine.NextDeadline(); !ok || !at.Equal(since.Add(10*time.Second)) {
		t.Fatalf("deadline is %v %v, wanted %v", at, ok, since.Add(10*time.Second))
	}
	r.put("pods", pod("p2", "go-api", true)) // a break
	r.want("a", Unmet)
	r.remove("pods", "p2")
	r.signal(watch.Lost, "")
	if _, ok := r.engine.NextDeadline(); ok {
		t.Fatal("time that nobody saw must not count")
	}
	r.now = r.now.Add(time.Minute)
	r.handle(Clock{})
	r.wantMet(false)
	r.wantProblem("connection refused")
	r.signal(watch.Recovered, "")
	r.want("a", Converging)
	r.now = r.now.Add(8 * time.Second)
	r.handle(Clock{})
	r.wantMet(false)
	r.handle(Clock{})
	r.wantMet(true)
}

const eventStep = `
checks:
  - id: a
    kind: event
    reason: BackOff
    object: Pod
    name: p1
    atLeast: 3
`

func TestEventCountsSinceTheStepBegan(t *testing.T) {
	r := newRig(t, eventStep, "a")
	at := func(count int, moment time.Time) string {
		return "{kind: Event, metadata: {name: e}, reason: BackOff, type: Warning, involvedObject: {kind: Pod, name: p1}, count: " +
			plain(count) + ", lastTimestamp: '" + moment.Format(time.RFC3339) + "'}"
	}
	r.put("events", at(7, r.now), initial)
	r.begin()
	r.want("a", Unmet, "0 of 3")
	r.put("events", at(8, r.now))
	r.want("a", Unmet, "1 of 3")
	r.put("events", at(9, r.now.Add(-time.Hour))) // stamped before the step
	r.want("a", Unmet, "1 of 3")
	r.put("events", at(11, r.now))
	r.wantMet(true)
}

const requestStep = `
checks:
  - id: a
    kind: request
    verb: get
    resource: pods
    subresource: log
    query: {previous: "true"}
`

func TestRequestFromTheAuditLog(t *testing.T) {
	r := newRig(t, requestStep, "a")
	r.begin()
	ask := func(change func(*space.Request)) {
		q := space.Request{At: r.now.Add(time.Second), Verb: "get", Resource: "pods", Subresource: "log", Namespace: "ns", Name: "p1", Query: url.Values{"previous": {"true"}}, Code: 200}
		change(&q)
		r.handle(Requested{q})
	}
	for name, change := range map[string]func(*space.Request){
		"before the step": func(q *space.Request) { q.At = r.now.Add(-time.Hour) },
		"not previous":    func(q *space.Request) { q.Query = nil },
		"not the log":     func(q *space.Request) { q.Subresource = "" },
		"elsewhere":       func(q *space.Request) { q.Namespace = "default" },
		"refused":         func(q *space.Request) { q.Code = 400 },
		"another group":   func(q *space.Request) { q.Group = "metrics.k8s.io" },
	} {
		ask(change)
		if r.engine.Outcome().Met {
			t.Fatalf("a request %s was counted", name)
		}
	}
	r.want("a", Unmet, "get pods/log?previous=true")
	ask(func(*space.Request) {})
	r.wantMet(true)
}

const trafficStep = `
traffic: {service: go-api, port: 8080}
values:
  sent: trafficOf('a').sent
  failed: trafficOf('a').failed
  second: trafficOf('a').versions['2']
  none: trafficOf('started').sent
checks:
  - id: started
    kind: state
    expr: exists('services', 'go-api')
  - id: a
    kind: traffic
    atLeast: 3
    versions: ["2"]
    pods: 2
    from: started
`

func TestTrafficIsMeasuredFromItsStart(t *testing.T) {
	r := newRig(t, trafficStep, "started", "a")
	r.begin()
	probe := func(status int, version, pod string) {
		r.handle(Probe{At: r.now.Add(time.Second), Status: status, Version: version, Pod: pod, Err: "no endpoints"})
	}
	probe(503, "", "")
	r.want("a", Unmet, "Starts with")
	r.put("services", service(80, "x"))
	probe(200, "1", "p1")
	probe(200, "1", "p1")
	r.want("a", Unmet, "Responses: 2")
	probe(200, "1", "p1")
	r.want("a", Unmet, "version 2")
	probe(200, "2", "p1")
	r.want("a", Unmet, "1 Pods")
	probe(503, "", "")
	r.want("a", Violated, "1 of 5", "503 no endpoints")
	probe(200, "2", "p2")
	r.want("a", Violated)
	r.handle(Retry{})
	for _, p := range []string{"p1", "p2", "p1"} {
		probe(200, "2", p)
	}
	r.wantMet(true)
	probe(503, "", "")
	for name, want := range map[string]string{"sent": "3", "failed": "0", "second": "3"} {
		if got, ok := r.engine.Live(name); !ok || got != want {
			t.Errorf("%s is %q (%t), wanted %q as it was when the step was met", name, got, ok, want)
		}
	}
	if got, ok := r.engine.Live("none"); ok {
		t.Errorf("a check of another kind has traffic: %q", got)
	}
}

const answerStep = `
checks:
  - id: answer
    kind: answer
    type: address
    expect: get('services', 'go-api').spec.clusterIP
`

func TestAnswer(t *testing.T) {
	r := newRig(t, answerStep, "answer")
	r.begin()
	r.handle(Answered{"answer", "10.96.0.2"})
	r.want("answer", Unmet, "no answer")
	r.put("services", service(80, "10.96.0.1"))
	r.want("answer", Unmet, "10.96.0.2")
	r.handle(Answered{"answer", strings.Repeat("10.96.0.2 ", 1000)})
	r.want("answer", Unmet)
	r.handle(Answered{"answer", "IP: 10.96.0.1"})
	r.wantMet(true)
	if _, err := r.engine.Handle(r.now, Answered{"nothing", "x"}); err == nil {
		t.Fatal("an answer to no question was taken")
	}
}

// TestAnAnswerMayComeFirst: before the deed that makes it right, or after the
// one that took its key away.
func TestAnAnswerMayComeFirst(t *testing.T) {
	r := newRig(t, answerStep, "answer")
	r.begin()
	r.handle(Answered{"answer", "10.96.0.1"})
	r.want("answer", Unmet)
	r.put("services", service(80, "10.96.0.1"))
	r.wantMet(true)

	r = newRig(t, answerStep, "answer")
	r.put("services", service(80, "10.96.0.1"), initial)
	r.begin()
	r.remove("services", "go-api")
	r.handle(Answered{"answer", "10.96.0.3"})
	r.want("answer", Unmet, "10.96.0.3")
	r.handle(Answered{"answer", "10.96.0.1"})
	r.wantMet(true)
}

func TestLostStopsTicks(t *testing.T) {
	r := newRig(t, answerStep, "answer")
	r.put("services", service(80, "10.96.0.1"), initial)
	r.begin()
	r.signal(watch.Lost, "")
	r.wantProblem("has not responded since")
	r.handle(Answered{"answer", "10.96.0.1"})
	r.wantMet(false)
	r.signal(watch.Recovered, "")
	r.wantProblem("")
	r.wantMet(true)
}

func TestSteadyStartsOverWithANewSpec(t *testing.T) {
	r := newRig(t, `
checks:
  - {id: a, kind: steady, resource: deployments, name: web, expr: "object.spec.replicas > 0", for: 10s}
  - {id: b, kind: state, expr: "exists('pods', 'go')"}
`, "a", "b")
	deployment := func(generation, replicas, image string) string {
		return "{kind: Deployment, metadata: {name: web, generation: " + generation + "}, spec: {replicas: " + replicas + ", template: {spec: {containers: [{image: '" + image + "'}]}}}}"
	}
	r.put("deployments", deployment("1", "2", "a"), initial)
	r.begin()
	r.now = r.now.Add(20 * time.Second)
	r.handle(Clock{})
	r.want("a", Met)
	r.put("deployments", deployment("2", "3", "a"))
	r.want("a", Met)
	r.put("deployments", deployment("3", "3", "b"))
	r.want("a", Converging)
	r.now = r.now.Add(20 * time.Second)
	r.handle(Clock{})
	r.want("a", Met)
	r.put("deployments", deployment("4", "0", "b"))
	r.want("a", Unmet)
}

func TestTrafficWhileAnotherCheckHolds(t *testing.T) {
	r := newRig(t, `
traffic: {service: go-api, port: 80}
checks:
  - {id: set, kind: state, expr: "exists('pods', 'set')"}
  - {id: counted, kind: traffic, while: set, atLeast: 2}
  - {id: lasts, kind: traffic, atLeast: 1, throughout: true}
`, "set", "counted", "lasts")
	r.begin()
	probe := func() { r.handle(Probe{At: r.now.Add(time.Second), Status: 200}) }
	probe()
	r.want("counted", Unmet, "The check set")
	r.want("lasts", Converging, "so far")
	r.put("pods", pod("set", "x", true))
	probe()
	r.want("counted", Unmet, "Responses: 1")
	r.remove("pods", "set")
	r.put("pods", pod("set", "x", true))
	probe()
	r.want("counted", Unmet, "Responses: 1")
	r.wantMet(false)
	probe()
	r.wantMet(true)
}

func TestRecentStartsOverWithANewSpec(t *testing.T) {
	r := newRig(t, `
traffic: {service: go-api, port: 80}
checks:
  - {id: a, kind: traffic, recent: 2, atLeast: 2}
  - {id: b, kind: state, expr: "exists('pods', 'go')"}
`, "a", "b")
	r.put("services", service(8080, "10.96.0.1"), initial)
	r.begin()
	for range 2 {
		r.handle(Probe{At: r.now.Add(time.Second), Status: 200})
	}
	r.want("a", Met)
	r.put("services", service(80, "10.96.0.1"))
	r.want("a", Unmet, "Responses: 0, expected 2")
}

func TestRequestKnowsTheObject(t *testing.T) {
	r := newRig(t, `
checks:
  - {id: a, kind: request, resource: pods, subresource: [exec, log], expr: "isNew(object) && 'nslookup' in request.command"}
`, "a")
	r.put("pods", pod("old", "x", true), initial)
	r.begin()
	ask := func(name string, command ...string) {
		r.handle(Requested{space.Request{At: r.now.Add(time.Second), Verb: "get", Resource: "pods", Subresource: "exec", Namespace: "ns", Name: name, Query: url.Values{"command": command}, Code: 101}})
	}
	ask("old", "nslookup")
	ask("none", "nslookup")
	r.put("pods", pod("new", "x", true))
	ask("new", "true")
	r.want("a", Unmet)
	r.remove("pods", "new")
	ask("new", "nslookup", "go-api")
	r.wantMet(true)
}

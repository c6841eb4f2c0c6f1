package lessons

import (
	"fmt"
	"strings"
	"testing"
)

// drawingStep has the drawings of docs/LESSONS.md as its values.
const drawingStep = `
resources: [pods, deployments, events]
traffic: {service: go-api, port: 80}
values:
  order: timeline(moments('pods').filter(m, m.what in ['Ready', 'Terminating']))
  all: moments('pods', 'crasher').map(m, m.what)
  said: moments('events').map(m, m.name + ' ' + m.what)
  scaled: moments('deployments').map(m, m.what)
  own: "timeline(moments('pods').map(m, {'at': m.at, 'text': m.version}), started)"
  backoff: |
    bars(runs('crasher').filter(r, has(r.waited)).map(r, {'label': string(r.n - 1) + '→' + string(r.n), 'value': r.waited}))
  codes: "table(runs('crasher').filter(r, has(r.code)).map(r, [string(r.n), string(r.code), r.reason]))"
  who: bars(trafficOf('a').pods)
  answers: trafficChart()
  picture: |
    tree('service/go-api', endpoints('go-api').map(e, (e.ready ? '● ' : '○ ') + e.ip + ':' + string(e.port) + '  ' + e.pod))
  replicas: |
    plot(history('deployments').map(h, {'at': h.at, 'value': h.new.spec.replicas}))
  light: "met('a') ? '●' : '○'"
  none: "met('b') ? '●' : '○'"
  step: "done('earlier') ? '●' : '○'"
  whole: metAt() - started
checks:
  - {id: a, kind: traffic, atLeast: 2, maxFailures: -1}`

func crasher(restarts int, state, last string) string {
	if last != "" {
		last = ", lastState: {terminated: " + last + "}"
	}
	return fmt.Sprintf("{kind: Pod, metadata: {name: crasher, uid: u}, spec: {containers: [{image: 'x/go-api:0.0.1'}]}, status: {phase: Running, "+
		"containerStatuses: [{name: c, restartCount: %d, state: {%s}%s}]}}", restarts, state, last)
}

func ended(code int, from, to string) string {
	return fmt.Sprintf("{exitCode: %d, reason: Error, startedAt: '2026-11-21T12:00:%sZ', finishedAt: '2026-11-21T12:00:%sZ'}", code, from, to)
}

func running(at string) string { return "running: {startedAt: '2026-11-21T12:00:" + at + "Z'}" }

func (r *rig) wantValue(name, want string) {
	r.t.Helper()
	got, ok := r.engine.Live(name)
	if !ok {
		got = missingValue
	}
	if want = strings.Trim(want, "\n"); got != want {
		r.t.Errorf("%s is\n%s\nwanted\n%s", name, got, want)
	}
}

func TestDrawingsComeFromTheRecording(t *testing.T) {
	r := newRig(t, drawingStep, "a")
	r.put("pods", pod("old", "x", true), initial)
	r.begin()
	for _, name := range []string{"order", "backoff", "who", "answers", "replicas", "none", "whole"} {
		r.wantValue(name, missingValue)
	}
	r.wantValue("light", "○")
	r.wantValue("step", "○")
	r.engine.done = func(step string) bool { return step == "earlier" }
	r.wantValue("step", "●")

	r.put("pods", pod("new", "x", false))
	r.put("pods", pod("new", "x", true))
	r.put("pods", strings.Replace(pod("old", "x", true), "name: old", "name: old, deletionTimestamp: now", 1))
	r.remove("pods", "old")
	r.wantValue("order", "+0.0 s  new  Ready\n+1.0 s  old  Terminating")

	r.put("pods", crasher(0, running("01"), ""))
	r.put("pods", crasher(0, "terminated: "+ended(1, "01", "04"), ""))
	r.put("pods", crasher(0, "waiting: {reason: CrashLoopBackOff}", ended(1, "01", "04")))
	r.put("pods", crasher(1, running("14"), ended(1, "01", "04")))
	// Ended and restarted between two looks.
	r.put("pods", crasher(2, running("37"), ended(1, "14", "17")))
	r.wantValue("all", "Running, Running, exit 1, CrashLoopBackOff, Running, exit 1, Running")
	r.wantValue("backoff", "0→1  10.0 s  "+strings.Repeat("█", 15)+"▌\n1→2  20.0 s  "+strings.Repeat("█", 31))
	r.wantValue("codes", "0  1  Error\n1  1  Error")
	if got, _ := r.engine.Live("own"); !strings.Contains(got, "0.0.1") {
		t.Errorf("own is %q, wanted the version in it", got)
	}

	r.put("deployments", "{kind: Deployment, metadata: {name: web, annotations: {deployment.kubernetes.io/revision: '1'}}, spec: {replicas: 1}}")
	r.put("deployments", "{kind: Deployment, metadata: {name: web, annotations: {deployment.kubernetes.io/revision: '2'}}, spec: {replicas: 3}, status: {conditions: [{type: Available, status: 'True'}]}}")
	r.wantValue("scaled", "Created, revision 1, revision 2, replicas 1→3, Available=True")
	if got, _ := r.engine.Live("replicas"); !strings.HasPrefix(got, "3 │") {
		t.Errorf("replicas is %q", got)
	}
	r.put("events", "{kind: Event, metadata: {name: e1}, reason: BackOff, involvedObject: {kind: Pod, name: crasher}}")
	r.wantValue("said", "crasher BackOff")

	r.put("endpointslices", `{kind: EndpointSlice, metadata: {name: s, labels: {kubernetes.io/service-name: go-api}}, ports: [{port: 8080}], endpoints: [
		{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p1}}, {addresses: [10.0.0.2], conditions: {ready: false}, targetRef: {kind: Pod, name: p2}}]}`)
	r.wantValue("picture", "service/go-api\n  ├─ ● 10.0.0.1:8080  p1\n  └─ ○ 10.0.0.2:8080  p2")

	r.handle(Probe{At: r.now, Status: 200, Version: "0.0.1", Pod: "p1"})
	r.wantValue("light", "○")
	r.handle(Probe{At: r.now, Status: 200, Version: "0.0.2", Pod: "p2"})
	r.wantValue("light", "●")
	r.wantMet(true)
	r.wantValue("who", "p1  1  "+strings.Repeat("█", 37)+"\np2  1  "+strings.Repeat("█", 37))
	r.handle(Probe{At: r.now, Status: 200, Version: "0.0.9", Pod: "p2"})
	if got, _ := r.engine.Live("answers"); !strings.Contains(got, "0.0.2 │") || strings.Contains(got, "0.0.9") {
		t.Errorf("answers is\n%s\nwanted the two versions before the tick", got)
	}
	if got, ok := r.engine.Live("whole"); !ok || !strings.HasSuffix(got, " s") {
		t.Errorf("whole is %q", got)
	}
}

// TestTimesOfChecks: a check that was met, lost and met again counts from the
// last time, and a time that would be below zero is not shown.
func TestTimesOfChecks(t *testing.T) {
	r := newRig(t, `
values:
  after: metAt('b') - metAt('a')
  before: metAt('a') - metAt('b')
  whole: metAt() - metAt('a')
checks:
  - {id: a, kind: state, expr: "exists('services', 'a')"}
  - {id: b, kind: state, expr: "exists('services', 'b')"}
  - {id: c, kind: state, expr: "exists('services', 'c')"}`, "a", "b", "c")
	r.begin()
	service := func(name string) string { return "{kind: Service, metadata: {name: " + name + "}}" }
	for _, name := range []string{"after", "before", "whole"} {
		r.wantValue(name, missingValue)
	}
	r.put("services", service("a"))
	r.put("services", service("b"))
	r.wantValue("after", "1.0 s")
	r.wantValue("before", missingValue)
	r.remove("services", "a")
	r.put("services", service("a"))
	r.wantValue("after", missingValue)
	r.wantValue("before", "2.0 s")
	r.put("services", service("c"))
	r.wantMet(true)
	r.wantValue("whole", "1.0 s")
}

// TestEndpointsAreThoseOfThePresentService: a re-created Service does not count
// what the deleted one has left behind.
func TestEndpointsAreThoseOfThePresentService(t *testing.T) {
	r := newRig(t, `
values:
  ips: endpoints('a').map(e, e.ip)
checks:
  - {id: a, kind: state, expr: "exists('services', 'none')"}`, "a")
	r.begin()
	service := func(uid string) string { return "{kind: Service, metadata: {name: a, uid: " + uid + "}}" }
	slice := func(name, uid, ip string) string {
		return "{kind: EndpointSlice, metadata: {name: " + name + ", labels: {kubernetes.io/service-name: a}, ownerReferences: [{kind: Service, name: a, uid: " +
			uid + "}]}, endpoints: [{addresses: [" + ip + "]}]}"
	}
	r.put("services", service("first"))
	r.put("endpointslices", slice("a-1", "first", "10.0.0.1"))
	r.wantValue("ips", "10.0.0.1")
	r.remove("services", "a")
	r.put("services", service("second"))
	r.wantValue("ips", missingValue)
	r.put("endpointslices", slice("a-2", "second", "10.0.0.2"))
	r.wantValue("ips", "10.0.0.2")
}

func TestRunsForgetAnotherPodOfTheSameName(t *testing.T) {
	first := object{"metadata": map[string]any{"uid": "1"}, "status": map[string]any{"containerStatuses": []any{map[string]any{
		"restartCount": int64(3), "state": map[string]any{"running": map[string]any{"startedAt": "2026-11-21T12:00:00Z"}},
	}}}}
	second := object{"metadata": map[string]any{"uid": "2"}, "status": map[string]any{"containerStatuses": []any{map[string]any{
		"restartCount": int64(0), "state": map[string]any{"running": map[string]any{"startedAt": "2026-11-21T12:01:00Z"}},
	}}}}
	runs := runsOf([]object{first, second})
	if len(runs) != 1 || runs[0].began.IsZero() {
		t.Errorf("runs are %v, wanted the one of the second Pod", runs)
	}
}

package lessons

import "testing"

// TestHistoryIsBoundedByResource: a flood of Pods takes no more than its own
// room, and what has been dropped is held nowhere.
func TestHistoryIsBoundedByResource(t *testing.T) {
	r := newRig(t, `
resources: [pods, deployments]
values: {scaled: "history('deployments').map(h, h.new.spec.replicas)"}
checks:
  - {id: a, kind: state, resource: services, name: go-api, expr: "true"}`, "a")
	r.begin()
	r.put("deployments", "{kind: Deployment, metadata: {name: web}, spec: {replicas: 1}}")
	r.put("deployments", "{kind: Deployment, metadata: {name: web}, spec: {replicas: 3}}")
	for i := range 2*maxHistory + 1 {
		r.put("pods", pod("p", "x", i%2 == 0))
	}
	r.wantValue("scaled", "1, 3")
	pods := r.engine.history[wellKnown()["pods"]]
	if len(pods) < maxHistory/2 || len(pods) > maxHistory {
		t.Errorf("%d changes of Pods, wanted %d to %d", len(pods), maxHistory/2, maxHistory)
	}
	if last := pods[len(pods)-1].New.GetResourceVersion(); last != r.held["pods/p"].GetResourceVersion() {
		t.Errorf("the last is of version %s", last)
	}
	for i, c := range pods[len(pods):cap(pods)] {
		if c.Object() != nil {
			t.Fatalf("place %d after the end still holds an object", i)
		}
	}
}

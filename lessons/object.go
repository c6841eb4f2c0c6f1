package lessons

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// object is a Kubernetes object as a plain map, with the questions that checks
// ask of it. Nothing here panics on a malformed object.
type object map[string]any

func (o object) str(path ...string) string {
	s, _, _ := unstructured.NestedString(o, path...)
	return s
}

// number reads a whole number; JSON from elsewhere may hold it as a float.
func (o object) number(path ...string) (int64, bool) {
	v, found, _ := unstructured.NestedFieldNoCopy(o, path...)
	if !found {
		return 0, false
	}
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	case int:
		return int64(n), true
	}
	return 0, false
}

func (o object) maps(path ...string) []map[string]any {
	v, _, _ := unstructured.NestedFieldNoCopy(o, path...)
	items, _ := v.([]any)
	out := make([]map[string]any, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func (o object) kind() string { return o.str("kind") }
func (o object) name() string { return o.str("metadata", "name") }
func (o object) uid() string  { return o.str("metadata", "uid") }

func (o object) terminating() bool { return o.str("metadata", "deletionTimestamp") != "" }

func (o object) labels() labels.Set {
	v, _, _ := unstructured.NestedFieldNoCopy(o, "metadata", "labels")
	m, _ := v.(map[string]any)
	set := make(labels.Set, len(m))
	for k, item := range m {
		if s, ok := item.(string); ok {
			set[k] = s
		}
	}
	return set
}

func (o object) condition(name string) string {
	for _, c := range o.maps("status", "conditions") {
		if c["type"] == name {
			s, _ := c["status"].(string)
			return s
		}
	}
	return ""
}

// ready: see docs/LESSONS.md §5. What wants no Pods is not ready: nothing is
// there that could be.
func (o object) ready() bool {
	switch o.kind() {
	case "Deployment", "StatefulSet", "DaemonSet":
		return o.rolledOut()
	case "ReplicaSet":
		return o.wanted() > 0 && !o.terminating() && o.observed() && o.replicasEqual("readyReplicas")
	}
	return o.condition("Ready") == "True" && !o.terminating()
}

// observed: the controller has seen the present spec.
func (o object) observed() bool {
	generation, _ := o.number("metadata", "generation")
	seen, _ := o.number("status", "observedGeneration")
	return seen >= generation
}

func (o object) desired() int64 {
	if n, ok := o.number("spec", "replicas"); ok {
		return n
	}
	return 1
}

func (o object) replicasEqual(fields ...string) bool {
	for _, field := range fields {
		if n, _ := o.number("status", field); n != o.desired() {
			return false
		}
	}
	return true
}

// wanted is how many Pods a workload wants.
func (o object) wanted() int64 {
	if o.kind() == "DaemonSet" {
		n, _ := o.number("status", "desiredNumberScheduled")
		return n
	}
	return o.desired()
}

// rolledOut: there is something, and `kubectl rollout status` would be content.
func (o object) rolledOut() bool {
	return o.wanted() > 0 && !o.terminating() && o.settled()
}

// settled asks what `kubectl rollout status` asks: the controller has seen the
// present spec, all Pods are of the newest template and available, and none of
// an older one is left. A workload that wants no Pods is settled without any.
func (o object) settled() bool {
	if !o.observed() {
		return false
	}
	switch o.kind() {
	case "DaemonSet":
		want := o.wanted()
		updated, _ := o.number("status", "updatedNumberScheduled")
		available, _ := o.number("status", "numberAvailable")
		return updated == want && available == want
	case "StatefulSet":
		return o.replicasEqual("updatedReplicas", "readyReplicas") && o.str("status", "updateRevision") == o.str("status", "currentRevision")
	case "Deployment":
		return o.replicasEqual("updatedReplicas", "replicas", "availableReplicas")
	}
	return o.replicasEqual("replicas", "readyReplicas")
}

func (o object) images() []string {
	containers := o.maps("spec", "template", "spec", "containers")
	if o.kind() == "Pod" {
		containers = o.maps("spec", "containers")
	}
	out := []string{}
	for _, c := range containers {
		if image, ok := c["image"].(string); ok {
			out = append(out, image)
		}
	}
	return out
}

// podStatus is the STATUS that `kubectl get pods` shows, as far as it tells
// why a Pod is not ready, and the message behind it.
func (o object) podStatus() (status, message string) {
	if o.terminating() {
		return "Terminating", ""
	}
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, c := range o.maps("status", field) {
			state := object(c)
			for _, at := range []string{"waiting", "terminated"} {
				reason := state.str("state", at, "reason")
				if reason != "" && (reason != "Completed" || field == "containerStatuses") {
					return reason, state.str("state", at, "message")
				}
			}
		}
	}
	phase := o.str("status", "phase")
	if phase == "Pending" {
		for _, c := range o.maps("status", "conditions") {
			if c["type"] == "PodScheduled" && c["status"] == "False" {
				message, _ = c["message"].(string)
			}
		}
	}
	return phase, message
}

// parseSelector takes a string, a map of labels or a LabelSelector.
func parseSelector(v any) (labels.Selector, error) {
	switch x := v.(type) {
	case string:
		return labels.Parse(x)
	case map[string]any:
		_, hasLabels := x["matchLabels"]
		_, hasExpressions := x["matchExpressions"]
		if hasLabels || hasExpressions {
			var s metav1.LabelSelector
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(x, &s); err != nil {
				return nil, fmt.Errorf("label selector: %w", err)
			}
			return metav1.LabelSelectorAsSelector(&s)
		}
		set := make(labels.Set, len(x))
		for k, item := range x {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("label selector: the value of %s is not a string", k)
			}
			set[k] = s
		}
		return set.AsSelector(), nil
	}
	return nil, fmt.Errorf("not a label selector")
}

package lessons

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// momentsOf tells the recorded changes of one resource as what happened: a Pod
// got ready, a ReplicaSet was scaled. name is empty for all objects. The words
// are those of Kubernetes, so they need no translation.
func momentsOf(history []Change, gvr schema.GroupVersionResource, name string) []any {
	out := []any{}
	for _, c := range history {
		if c.Object() == nil || name != "" && c.Object().GetName() != name {
			continue
		}
		var before, now object
		if c.Old != nil {
			before = c.Old.Object
		}
		if c.New != nil {
			now = c.New.Object
		}
		o := object(c.Object().Object)
		image := ""
		if images := o.images(); len(images) > 0 {
			image = images[0]
		}
		_, version, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
		subject := o.name()
		if gvr == eventsResource() {
			subject = o.str("involvedObject", "name")
		}
		for _, what := range happenings(gvr, before, now) {
			out = append(out, map[string]any{"at": c.At, "name": subject, "what": what, "image": image, "version": version})
		}
	}
	return out
}

// happenings names what a change brought; either side may be nil.
func happenings(gvr schema.GroupVersionResource, before, now object) []string {
	switch {
	case gvr == eventsResource():
		if now == nil {
			return nil
		}
		return []string{now.str("reason")}
	case now == nil:
		return []string{"Deleted"}
	case gvr == wellKnown()["pods"]:
		return podHappenings(before, now)
	}
	var out []string
	if before == nil {
		out = append(out, "Created")
	} else if now.terminating() && !before.terminating() {
		out = append(out, "Terminating")
	}
	if gvr == wellKnown()["deployments"] {
		const revision = "deployment.kubernetes.io/revision"
		if r := now.str("metadata", "annotations", revision); r != "" && r != before.str("metadata", "annotations", revision) {
			out = append(out, "revision "+r)
		}
	}
	for _, field := range [][]string{{"spec", "replicas"}, {"status", "desiredReplicas"}} {
		n, ok := now.number(field...)
		old, had := before.number(field...)
		if ok && had && n != old {
			out = append(out, fmt.Sprintf("replicas %d→%d", old, n))
		}
	}
	for _, c := range now.maps("status", "conditions") {
		kind, status := object(c).str("type"), object(c).str("status")
		if before != nil && before.condition(kind) != status {
			out = append(out, kind+"="+status)
		}
	}
	return out
}

func podHappenings(before, now object) []string {
	var out []string
	if before == nil {
		out = append(out, cmp.Or(now.str("status", "phase"), "Pending"))
	}
	leaving := now.terminating()
	if leaving && !before.terminating() {
		out = append(out, "Terminating")
	}
	old := map[string]object{}
	for _, s := range before.maps("status", "containerStatuses") {
		old[object(s).str("name")] = s
	}
	for _, s := range now.maps("status", "containerStatuses") {
		if !leaving {
			out = append(out, containerHappenings(old[object(s).str("name")], s)...)
		}
	}
	was, is := before.condition("Ready") == "True", now.condition("Ready") == "True"
	switch {
	case is && !was:
		out = append(out, "Ready")
	case was && !is && !leaving:
		out = append(out, "NotReady")
	}
	return out
}

func containerHappenings(before, now object) []string {
	var out []string
	ended := func(at ...string) {
		path := func(field string) []string { return append(slices.Clone(at), field) }
		if now.str(path("finishedAt")...) == "" {
			return
		}
		for _, place := range [][]string{{"state", "terminated"}, {"lastState", "terminated"}} {
			if before.str(append(slices.Clone(place), "finishedAt")...) == now.str(path("finishedAt")...) &&
				before.str(append(slices.Clone(place), "containerID")...) == now.str(path("containerID")...) {
				return // known already
			}
		}
		code, _ := now.number(path("exitCode")...)
		what := fmt.Sprintf("exit %d", code)
		if reason := now.str(path("reason")...); reason == "OOMKilled" {
			what = reason
		}
		out = append(out, what)
	}
	ended("lastState", "terminated")
	ended("state", "terminated")
	if reason := now.str("state", "waiting", "reason"); reason != before.str("state", "waiting", "reason") {
		switch reason {
		case "", "ContainerCreating", "PodInitializing":
		default:
			out = append(out, reason)
		}
	}
	if started := now.str("state", "running", "startedAt"); started != "" && started != before.str("state", "running", "startedAt") {
		out = append(out, "Running")
	}
	return out
}

// containerRun is one life of a Pod's first container, as its status told it.
type containerRun struct {
	began, ended time.Time
	code         int64
	reason       string
}

// runsOf collects the lives of a Pod's first container from several pictures
// of the Pod, oldest first. The key is the restart count. Times are whole
// seconds: those of the container runtime.
func runsOf(pictures []object) map[int64]containerRun {
	runs := map[int64]containerRun{}
	uid := ""
	for _, pod := range pictures {
		statuses := pod.maps("status", "containerStatuses")
		if len(statuses) == 0 {
			continue
		}
		if pod.uid() != uid { // another Pod of the same name
			uid = pod.uid()
			clear(runs)
		}
		s := object(statuses[0])
		n, _ := s.number("restartCount")
		if began, ok := s.time("state", "running", "startedAt"); ok {
			r := runs[n]
			r.began = began
			runs[n] = r
		}
		end := func(n int64, at ...string) {
			ended, ok := s.time(append(at, "finishedAt")...)
			if !ok || n < 0 {
				return
			}
			began, _ := s.time(append(at, "startedAt")...)
			code, _ := s.number(append(at, "exitCode")...)
			runs[n] = containerRun{began: began, ended: ended, code: code, reason: s.str(append(at, "reason")...)}
		}
		end(n, "state", "terminated")
		// A container that waits has the restart count of its last life.
		if s.str("state", "waiting", "reason") != "" {
			end(n, "lastState", "terminated")
		} else {
			end(n-1, "lastState", "terminated")
		}
	}
	return runs
}

// time reads a time as the API writes it.
func (o object) time(path ...string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, o.str(path...))
	return t, err == nil
}

// runValues is runs() of the values: what can't be known is left out.
func runValues(runs map[int64]containerRun) []any {
	out := []any{}
	for _, n := range sortedKeys(runs) {
		r := runs[n]
		v := map[string]any{"n": n}
		if !r.began.IsZero() {
			v["began"] = r.began
		}
		if !r.ended.IsZero() {
			v["ended"], v["code"], v["reason"] = r.ended, r.code, r.reason
			if !r.began.IsZero() {
				v["ran"] = r.ended.Sub(r.began)
			}
		}
		if last, ok := runs[n-1]; ok && !last.ended.IsZero() && !r.began.IsZero() {
			v["waited"] = r.began.Sub(last.ended)
		}
		out = append(out, v)
	}
	return out
}

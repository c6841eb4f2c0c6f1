package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Resources that the cluster pane knows the shape of.
var (
	gvrPods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	gvrServices    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	gvrEvents      = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	gvrEndpoints   = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
	gvrDeployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	gvrReplicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
)

// treeLine is one line of the cluster pane, not yet coloured or fitted.
type treeLine struct {
	branch string // "├ ", "│ └ " …
	mark   mark   // markNone for a line that stands for no state
	name   string
	note   string // beside the name: counts, addresses, status
	extra  string // shown only where there is room for all of it
	faint  bool   // scaled to nothing, or of the system

	key     string    // the same as long as the line is about the same
	ref     objectRef // what a key opens; without a name for nothing
	changed time.Time // when it last changed; zero: it was so from the start
}

// treeBuilder turns the objects of a cluster into lines. It reads the objects
// and changes nothing, so it may run beside everything else.
type treeBuilder struct {
	namespace string
	objects   map[schema.GroupVersionResource][]*unstructured.Unstructured
	children  map[types.UID][]owned
	lines     []treeLine
}

type owned struct {
	gvr schema.GroupVersionResource
	obj *unstructured.Unstructured
}

// buildTree draws Services over their endpoints, then the workloads over what
// they own, then everything else plainly. Objects of other namespaces come
// last, with their namespace before the name.
func buildTree(namespace string, objects map[schema.GroupVersionResource][]*unstructured.Unstructured) []treeLine {
	count := 0
	for _, list := range objects {
		count += len(list)
	}
	endpoints := 0
	for _, slice := range objects[gvrEndpoints] {
		endpoints += len(listAt(slice.Object, "endpoints"))
	}
	b := &treeBuilder{namespace: namespace, objects: objects, children: map[types.UID][]owned{}, lines: make([]treeLine, 0, count+endpoints)}
	present := make(map[types.UID]bool, count)
	for _, list := range objects {
		for _, o := range list {
			present[o.GetUID()] = true
		}
	}
	order := b.order()
	var roots []owned
	for _, gvr := range order {
		for _, o := range objects[gvr] {
			parent := types.UID("")
			for _, ref := range o.GetOwnerReferences() {
				if present[ref.UID] {
					parent = ref.UID
					break
				}
			}
			if parent == "" {
				roots = append(roots, owned{gvr, o})
			} else {
				b.children[parent] = append(b.children[parent], owned{gvr, o})
			}
		}
	}
	for _, here := range []bool{true, false} {
		for _, r := range roots {
			if b.here(r.obj) == here && !b.hidden(r) {
				b.root(r)
			}
		}
	}
	return b.lines
}

// here reports whether an object belongs to the lesson's namespace.
func (b *treeBuilder) here(o *unstructured.Unstructured) bool {
	return o.GetNamespace() == b.namespace
}

// order is the resources in the order of the pane.
func (b *treeBuilder) order() []schema.GroupVersionResource {
	first := []schema.GroupVersionResource{gvrServices, gvrDeployments, gvrReplicaSets, gvrPods}
	var rest []schema.GroupVersionResource
	for gvr := range b.objects {
		if !slices.Contains(first, gvr) && gvr != gvrEvents {
			rest = append(rest, gvr)
		}
	}
	slices.SortFunc(rest, func(a, b schema.GroupVersionResource) int { return strings.Compare(a.Resource, b.Resource) })
	return append(first, rest...)
}

// hidden leaves out what every namespace has and no lesson is about.
func (b *treeBuilder) hidden(r owned) bool {
	switch r.gvr.Resource {
	case "endpointslices", "endpoints", "namespaces":
		return true
	case "serviceaccounts":
		return r.obj.GetName() == "default"
	case "configmaps":
		return r.obj.GetName() == "kube-root-ca.crt"
	}
	return false
}

func (b *treeBuilder) root(r owned) {
	b.add("", r)
	if r.gvr == gvrServices {
		b.endpoints(r.obj)
		return
	}
	b.descend("", r.obj)
}

// descend draws what an object owns. A ReplicaSet scaled to nothing is part of
// a Deployment's history: it stays one faint line.
func (b *treeBuilder) descend(branch string, parent *unstructured.Unstructured) {
	children := slices.DeleteFunc(slices.Clone(b.children[parent.GetUID()]), b.hidden)
	slices.SortStableFunc(children, func(x, y owned) int {
		return intAt(y.obj, "status", "replicas") - intAt(x.obj, "status", "replicas")
	})
	for i, c := range children {
		tee, down := "├ ", "│ "
		if i == len(children)-1 {
			tee, down = "└ ", "  "
		}
		b.add(branch+tee, c)
		b.descend(branch+down, c.obj)
	}
}

func (b *treeBuilder) add(branch string, r owned) {
	l := treeLine{branch: branch, name: shortResource(r.gvr) + "/" + r.obj.GetName()}
	l.ref = objectRef{r.gvr, r.obj.GetKind(), r.obj.GetNamespace(), r.obj.GetName()}
	l.key = l.ref.namespace + "/" + l.name
	if branch != "" && r.gvr == gvrPods {
		l.name = r.obj.GetName() // what it hangs from says that it is a Pod
	}
	if !b.here(r.obj) && r.obj.GetNamespace() != "" {
		l.name = r.obj.GetNamespace() + " " + l.name
		l.faint = true
	}
	switch r.gvr {
	case gvrPods:
		l.mark, l.note = podState(r.obj)
		l.extra = stringAt(r.obj, "status", "podIP")
	case gvrServices:
		l.mark, l.note = markOpen, serviceNote(r.obj) // endpoints that are ready make it good
	case gvrDeployments, gvrReplicaSets:
		want := intAt(r.obj, "spec", "replicas")
		have := intAt(r.obj, "status", "readyReplicas")
		l.note = fmt.Sprintf("%d/%d", have, want)
		l.mark = countMark(have, want, r.obj)
		if r.gvr == gvrReplicaSets && want == 0 && intAt(r.obj, "status", "replicas") == 0 {
			l.faint, l.mark = true, markOpen
		}
	default:
		l.mark, l.note = plainState(r.obj)
	}
	if r.obj.GetDeletionTimestamp() != nil && r.gvr != gvrPods {
		l.mark, l.note = markWait, "Terminating"
	}
	b.lines = append(b.lines, l)
}

// endpoints draws the addresses behind a Service.
func (b *treeBuilder) endpoints(svc *unstructured.Unstructured) {
	var lines []*treeLine // many, and moved about by sorting
	for _, slice := range b.objects[gvrEndpoints] {
		if slice.GetNamespace() != svc.GetNamespace() || slice.GetLabels()["kubernetes.io/service-name"] != svc.GetName() {
			continue
		}
		all := listAt(slice.Object, "endpoints")
		drawn := make([]treeLine, len(all))
		for i, e := range all {
			if ep, ok := e.(map[string]any); ok {
				l := &drawn[i]
				*l = endpointLine(ep)
				l.key = "endpoint/" + svc.GetNamespace() + "/" + svc.GetName() + "/" + l.name
				l.ref.namespace = svc.GetNamespace()
				lines = append(lines, l)
			}
		}
	}
	slices.SortStableFunc(lines, func(x, y *treeLine) int { return strings.Compare(x.extra, y.extra) })
	if len(lines) == 0 && stringAt(svc, "spec", "type") != "ExternalName" {
		lines = []*treeLine{{mark: markOpen, name: "no endpoints", faint: true, key: "endpoint/" + svc.GetNamespace() + "/" + svc.GetName()}}
	}
	head := &b.lines[len(b.lines)-1]
	if slices.ContainsFunc(lines, func(l *treeLine) bool { return l.mark == markGood }) || len(lines) == 0 {
		head.mark = markGood
	}
	for i, l := range lines {
		l.branch = "├ "
		if i == len(lines)-1 {
			l.branch = "└ "
		}
		b.lines = append(b.lines, *l)
	}
}

func endpointLine(ep map[string]any) treeLine {
	var addresses []string
	for _, a := range listAt(ep, "addresses") {
		addresses = append(addresses, asString(a))
	}
	pod, _, _ := unstructured.NestedString(ep, "targetRef", "name")
	l := treeLine{mark: markGood, name: strings.Join(addresses, ","), note: "ready", extra: pod}
	l.ref = objectRef{resource: gvrPods, kind: "Pod", name: pod}
	if ready, found, _ := unstructured.NestedBool(ep, "conditions", "ready"); found && !ready {
		l.mark, l.note = markWait, "not ready"
	}
	if going, _, _ := unstructured.NestedBool(ep, "conditions", "terminating"); going {
		l.mark, l.note = markOpen, "terminating"
	}
	return l
}

func serviceNote(o *unstructured.Unstructured) string {
	kind := stringAt(o, "spec", "type")
	parts := []string{kind}
	switch ip := stringAt(o, "spec", "clusterIP"); {
	case kind == "ExternalName":
		parts = append(parts, "→ "+stringAt(o, "spec", "externalName"))
	case ip == "None":
		parts = []string{"headless"}
	default:
		parts = append(parts, ip)
	}
	for _, p := range listAt(o.Object, "spec", "ports") {
		m, ok := p.(map[string]any)
		if !ok {
			continue
		}
		text := fmt.Sprintf(":%v", m["port"])
		if target := m["targetPort"]; target != nil && fmt.Sprint(target) != fmt.Sprint(m["port"]) {
			text += fmt.Sprintf("→%v", target)
		}
		if node := m["nodePort"]; node != nil {
			text += fmt.Sprintf(" node:%v", node)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// podState is what kubectl's STATUS column says, with the mark that goes with
// it, and beside it what matters: ready containers and restarts.
func podState(o *unstructured.Unstructured) (mark, string) {
	status := stringAt(o, "status", "phase")
	if reason := stringAt(o, "status", "reason"); reason != "" {
		status = reason
	}
	total, ready, restarts := 0, 0, 0
	for _, c := range listAt(o.Object, "status", "containerStatuses") {
		m, ok := c.(map[string]any)
		if !ok {
			continue
		}
		total++
		if r, _, _ := unstructured.NestedBool(m, "ready"); r {
			ready++
		}
		n, _, _ := unstructured.NestedInt64(m, "restartCount")
		restarts += int(n)
		if reason, _, _ := unstructured.NestedString(m, "state", "waiting", "reason"); reason != "" {
			status = reason
		} else if reason, _, _ := unstructured.NestedString(m, "state", "terminated", "reason"); reason != "" {
			status = reason
		}
	}
	total = max(total, len(listAt(o.Object, "spec", "containers")))
	status = initStatus(o, status)
	if o.GetDeletionTimestamp() != nil {
		status = "Terminating"
	}
	note := fmt.Sprintf("%d/%d %s", ready, total, status)
	if restarts > 0 {
		note += fmt.Sprintf(" ↻%d", restarts)
	}
	return podMark(status, ready, total), note
}

// initStatus is the status while init containers run, as kubectl shows it.
func initStatus(o *unstructured.Unstructured, status string) string {
	list := listAt(o.Object, "status", "initContainerStatuses")
	for i, c := range list {
		m, ok := c.(map[string]any)
		if !ok {
			continue
		}
		if code, found, _ := unstructured.NestedInt64(m, "state", "terminated", "exitCode"); found && code == 0 {
			continue
		}
		if started, _, _ := unstructured.NestedBool(m, "started"); started && i < len(list) {
			if _, running, _ := unstructured.NestedFieldNoCopy(m, "state", "running"); running {
				continue // a sidecar
			}
		}
		reason, _, _ := unstructured.NestedString(m, "state", "waiting", "reason")
		if reason != "" && reason != "PodInitializing" {
			return "Init:" + reason
		}
		return fmt.Sprintf("Init:%d/%d", i, len(list))
	}
	return status
}

func podMark(status string, ready, total int) mark {
	switch {
	case status == "Running" && ready == total:
		return markGood
	case status == "Completed" || status == "Succeeded" || status == "Terminating":
		return markOpen
	case status == "Failed" || status == "Evicted" || strings.Contains(status, "Err") ||
		strings.Contains(status, "BackOff") || strings.Contains(status, "OOM") || strings.Contains(status, "Invalid"):
		return markBad
	}
	return markWait
}

func countMark(have, want int, o *unstructured.Unstructured) mark {
	switch {
	case stringAt(o, "metadata", "deletionTimestamp") != "", have != want:
		return markWait
	case want == 0:
		return markOpen
	}
	return markGood
}

// plainState is the state of any other object: its Ready or Available
// condition, or its phase.
func plainState(o *unstructured.Unstructured) (mark, string) {
	for _, c := range listAt(o.Object, "status", "conditions") {
		m, ok := c.(map[string]any)
		if !ok || m["type"] != "Ready" && m["type"] != "Available" {
			continue
		}
		if m["status"] == "True" {
			return markGood, fmt.Sprint(m["type"])
		}
		return markWait, strings.TrimSpace(fmt.Sprintf("not %v %v", m["type"], asString(m["reason"])))
	}
	if _, found, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); found {
		want, have := intAt(o, "spec", "replicas"), intAt(o, "status", "readyReplicas")
		return countMark(have, want, o), fmt.Sprintf("%d/%d", have, want)
	}
	return markNone, stringAt(o, "status", "phase")
}

func asString(v any) string {
	s, _ := v.(string)
	return s
}

// shortResource is kubectl's short name of a resource, where it has one.
func shortResource(gvr schema.GroupVersionResource) string {
	switch gvr.Resource {
	case "services":
		return "svc"
	case "deployments":
		return "deploy"
	case "replicasets":
		return "rs"
	case "statefulsets":
		return "sts"
	case "daemonsets":
		return "ds"
	case "configmaps":
		return "cm"
	case "horizontalpodautoscalers":
		return "hpa"
	case "persistentvolumeclaims":
		return "pvc"
	case "ingresses", "ingresss":
		return "ing"
	}
	return strings.TrimSuffix(gvr.Resource, "s")
}

// listAt is a list in an object, not copied.
func listAt(object map[string]any, path ...string) []any {
	v, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	list, _ := v.([]any)
	return list
}

func stringAt(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}

func intAt(o *unstructured.Unstructured, path ...string) int {
	n, _, _ := unstructured.NestedInt64(o.Object, path...)
	return int(n)
}

package lessons

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apitypes "k8s.io/apimachinery/pkg/types"
)

// clusterFunctions read what the engine has seen of the cluster.
func clusterFunctions() functionGroup {
	objects := cel.ListType(cel.DynType)
	return functionGroup{
		title: "Reading the cluster",
		functions: []function{
			{
				name: "get", calls: [][]param{{resourceParam(), textParam("name")}, {resourceParam(), namespaceParam(), textParam("name")}}, result: cel.DynType,
				doc:     "an object of the lesson's namespace, or of another one; null when it does not exist",
				example: "get('services', 'go-api').spec.clusterIP",
				read:    getObject,
			},
			{
				name: "list", calls: [][]param{{resourceParam()}, {resourceParam(), anyParam("selector")}}, result: objects,
				doc: "the objects of the lesson's namespace, oldest first: all of them, or those that a selector matches. A selector is a map of labels, " +
					"a text such as `'app in (a,b)'`, or a LabelSelector such as `object.spec.selector`",
				example:  "list('pods', {'app': 'go-api'}).all(p, ready(p))",
				read:     listObjects,
				describe: describeObjects,
			},
			{
				name: "listIn", calls: oneCall(resourceParam(), namespaceParam()), result: objects,
				doc:     "all objects of another namespace; `''` for a cluster-scoped resource",
				example: "size(listIn('nodes', '')) == 1",
				read: func(a *activation, args []ref.Val) ref.Val {
					return a.listOf(a.now, textOf(args[0]), textOf(args[1]))
				},
				describe: describeObjects,
			},
			{
				name: "exists", calls: oneCall(resourceParam(), textParam("name")), result: cel.BoolType,
				doc:     "whether an object of that name is in the lesson's namespace",
				example: "!exists('pods', 'go-api')",
				read: func(a *activation, args []ref.Val) ref.Val {
					return types.Bool(a.find(a.now, args[0], args[1]) != nil)
				},
				why: func(w *walk, args []string) []string {
					return w.say("no-object", "Object", w.objectOf(args[0], args[1]))
				},
			},
			{
				name: "before", calls: oneCall(resourceParam(), anyParam("name")), result: cel.DynType,
				doc:     "an object as it was when the step began; null when it did not exist",
				example: "before('pods', old.metadata.name) != null",
				read: func(a *activation, args []ref.Val) ref.Val {
					return toVal(a.find(a.base, args[0], args[1]))
				},
			},
			{
				name: "listBefore", calls: oneCall(resourceParam()), result: objects,
				doc:     "the objects as they were when the step began",
				example: "listBefore('pods').all(p, !exists('pods', p.metadata.name))",
				read: func(a *activation, args []ref.Val) ref.Val {
					return a.listOf(a.base, textOf(args[0]), a.namespace)
				},
			},
			{
				name: "owned", calls: oneCall(anyParam("object"), resourceParam()), result: objects, reads: []string{"replicasets"},
				doc:      "what an object owns, directly or through others",
				example:  "owned(get('deployments', 'go-api'), 'pods').size() == 3",
				read:     ownedObjects,
				describe: describeOwned,
			},
			{
				name: "owners", calls: oneCall(anyParam("object")), result: cel.ListType(cel.StringType), reads: []string{"replicasets"},
				doc: "the owners up the chain as `Kind/name`, such as `['ReplicaSet/go-api-65577', 'Deployment/go-api']`. Only what is watched is found: " +
					"name the owners' resources under `resources`",
				example: "'Deployment/go-api' in owners(object)",
				read:    ownersOf,
			},
			{
				name: "endpoints", calls: oneCall(textParam("service")), result: objects, reads: []string{"endpointslices"},
				doc:     "the endpoints of a Service as `{ip, port, pod, uid, node, ready}`, where `uid` is the Pod's, from its EndpointSlices",
				example: "endpoints('go-api').map(e, e.ip)",
				read: func(a *activation, args []ref.Val) ref.Val {
					return toVal(a.endpoints(textOf(args[0]), false))
				},
				describe: describeEndpoints("endpoints"),
			},
			{
				name: "readyEndpoints", calls: oneCall(textParam("service")), result: objects, reads: []string{"endpointslices"},
				doc:     "those of them that are ready",
				example: "size(readyEndpoints('go-api')) == 3",
				read: func(a *activation, args []ref.Val) ref.Val {
					return toVal(a.endpoints(textOf(args[0]), true))
				},
				describe: describeEndpoints("ready-endpoints"),
			},
			{
				name: "settled", calls: oneCall(), result: cel.BoolType,
				reads: []string{"deployments", "replicasets", "statefulsets", "daemonsets", "pods"},
				doc: "whether the namespace is at rest: every Deployment, ReplicaSet, StatefulSet and DaemonSet is rolled out, and no Pod is pending or " +
					"terminating",
				example: "settled()",
				read:    func(a *activation, _ []ref.Val) ref.Val { return types.Bool(a.settled()) },
				why:     func(w *walk, _ []string) []string { return w.say("not-settled") },
			},
		},
	}
}

func (a *activation) find(s *store, resource, name ref.Val) *unstructured.Unstructured {
	gvr, err := ParseResource(textOf(resource))
	if err != nil {
		return nil
	}
	return s.get(gvr, a.namespace, textOf(name))
}

func getObject(a *activation, args []ref.Val) ref.Val {
	if len(args) == 2 {
		return toVal(a.find(a.now, args[0], args[1]))
	}
	gvr, err := ParseResource(textOf(args[0]))
	if err != nil {
		return types.WrapErr(err)
	}
	return toVal(a.now.get(gvr, textOf(args[1]), textOf(args[2])))
}

func (a *activation) listOf(s *store, resource, namespace string) ref.Val {
	gvr, err := ParseResource(resource)
	if err != nil {
		return types.WrapErr(err)
	}
	return toVal(s.list(gvr, namespace))
}

func listObjects(a *activation, args []ref.Val) ref.Val {
	if len(args) == 1 {
		return a.listOf(a.now, textOf(args[0]), a.namespace)
	}
	gvr, err := ParseResource(textOf(args[0]))
	if err != nil {
		return types.WrapErr(err)
	}
	selector, err := parseSelector(native(args[1]))
	if err != nil {
		return types.WrapErr(err)
	}
	var out []*unstructured.Unstructured
	for _, u := range a.now.list(gvr, a.namespace) {
		if selector.Matches(object(u.Object).labels()) {
			out = append(out, u)
		}
	}
	return toVal(out)
}

// describeObjects names the resource that list or listIn reads, and the
// selector.
func describeObjects(w *walk, call node) string {
	args := call.expr.AsCall().Args()
	resource := strings.Trim(call.child(args[0]), `"`)
	if call.expr.AsCall().FunctionName() != "list" || len(args) != 2 {
		return resource
	}
	v, ok := w.value(call.child(args[1]))
	if !ok {
		return resource
	}
	selector, err := parseSelector(native(v))
	if err != nil {
		return resource
	}
	return w.engine.say.text("with", "Resource", resource, "Selector", selector.String())
}

func ownedObjects(a *activation, args []ref.Val) ref.Val {
	owner, ok := native(args[0]).(map[string]any)
	if !ok {
		return types.NewErr("no such object")
	}
	gvr, err := ParseResource(textOf(args[1]))
	if err != nil {
		return types.WrapErr(err)
	}
	return toVal(a.ownedBy(object(owner).uid(), gvr))
}

func describeOwned(w *walk, call node) string {
	args := call.expr.AsCall().Args()
	resource, _ := literal(args[1])
	at := w.locate(call.child(args[0]))
	w.note(at.subject)
	return w.engine.say.text("pods-of", "Resource", resource, "Owner", at.title())
}

func describeEndpoints(message string) func(*walk, node) string {
	return func(w *walk, call node) string {
		service := strings.Trim(call.child(call.expr.AsCall().Args()[0]), `"`)
		w.note("service/" + service)
		return w.engine.say.text(message, "Service", service)
	}
}

// ownedBy walks owner references downwards, through whatever is watched.
func (a *activation) ownedBy(uid string, gvr schema.GroupVersionResource) []*unstructured.Unstructured {
	if uid == "" {
		return nil
	}
	owners := map[string]bool{uid: true}
	for grown := true; grown; {
		grown = false
		for _, m := range a.now.objects {
			for _, u := range m {
				if id := string(u.GetUID()); !owners[id] && ownedByAny(u, owners) {
					owners[id], grown = true, true
				}
			}
		}
	}
	var out []*unstructured.Unstructured
	for _, u := range a.now.list(gvr, a.namespace) {
		if string(u.GetUID()) != uid && owners[string(u.GetUID())] {
			out = append(out, u)
		}
	}
	return out
}

func ownedByAny(u *unstructured.Unstructured, owners map[string]bool) bool {
	return slices.ContainsFunc(object(u.Object).maps("metadata", "ownerReferences"), func(r map[string]any) bool {
		id, _ := r["uid"].(string)
		return owners[id]
	})
}

func ownersOf(a *activation, args []ref.Val) ref.Val {
	m, _ := native(args[0]).(map[string]any)
	out := []string{}
	for range 10 { // no chain is longer; a made-up loop must not hang us
		refs := object(m).maps("metadata", "ownerReferences")
		if len(refs) == 0 {
			break
		}
		owner := object(refs[0])
		out = append(out, owner.str("kind")+"/"+owner.str("name"))
		m = a.now.held(owner.str("uid"))
	}
	return toVal(out)
}

// endpoints flattens the EndpointSlices of a Service.
func (a *activation) endpoints(service string, onlyReady bool) []any {
	out := []any{}
	seen := map[string]bool{}
	present := a.now.get(wellKnown()["services"], a.namespace, service)
	for _, u := range a.now.list(wellKnown()["endpointslices"], a.namespace) {
		slice := object(u.Object)
		if slice.labels()["kubernetes.io/service-name"] != service || present != nil && slice.ofAnother(present.GetUID()) {
			continue
		}
		var port any
		if ports := slice.maps("ports"); len(ports) > 0 {
			port = ports[0]["port"]
		}
		for _, e := range slice.maps("endpoints") {
			endpoint := object(e)
			ready, set, _ := unstructured.NestedBool(endpoint, "conditions", "ready")
			ready = ready || !set // the API says: absent means ready
			addresses, _, _ := unstructured.NestedStringSlice(endpoint, "addresses")
			if len(addresses) == 0 || onlyReady && !ready || seen[addresses[0]] {
				continue
			}
			seen[addresses[0]] = true
			pod, uid := "", ""
			if endpoint.str("targetRef", "kind") == "Pod" {
				pod, uid = endpoint.str("targetRef", "name"), endpoint.str("targetRef", "uid")
			}
			out = append(out, map[string]any{
				"ip": addresses[0], "port": port, "pod": pod, "uid": uid, "node": endpoint.str("nodeName"), "ready": ready,
			})
		}
	}
	return out
}

// ofAnother: an owner is named, and it is not the one with this UID. A Service
// that was deleted leaves its slices behind for a moment, and they would count
// for the one that is re-created.
func (o object) ofAnother(uid apitypes.UID) bool {
	owners := o.maps("metadata", "ownerReferences")
	return len(owners) > 0 && !slices.ContainsFunc(owners, func(owner map[string]any) bool {
		return object(owner).str("uid") == string(uid)
	})
}

// settled: nothing in the namespace is on its way.
func (a *activation) settled() bool {
	resources := wellKnown()
	for _, name := range []string{"deployments", "replicasets", "statefulsets", "daemonsets"} {
		for _, u := range a.now.list(resources[name], a.namespace) {
			if o := object(u.Object); o.terminating() || !o.settled() {
				return false
			}
		}
	}
	for _, u := range a.now.list(resources["pods"], a.namespace) {
		o := object(u.Object)
		if phase := o.str("status", "phase"); o.terminating() || phase == "Pending" || phase == "" {
			return false
		}
	}
	return true
}

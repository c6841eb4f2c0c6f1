package lessons

import (
	"encoding/base64"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// runningFunctions say what containers run with, which is not always what is
// written down now.
func runningFunctions() functionGroup {
	return functionGroup{
		title: "What is running",
		functions: []function{{
			name: "running", calls: oneCall(anyParam("object")), result: cel.ListType(cel.DynType),
			reads: []string{"pods", "replicasets", "configmaps", "secrets"},
			doc: "the containers that run now in a Pod, or in the Pods of a workload that is `rolledOut`, one entry per name: `{name, image, command, " +
				"args, env, pods}`. `image` is short (`go-api:0.0.1`, without `docker.io/library/`); `env` maps names to the values that the " +
				"container got when it was started, also from ConfigMaps and Secrets that have been changed since; a value that " +
				"differs from Pod to Pod, or is not known, is left out; `pods` is how many Pods run it. Empty while nothing runs, or while " +
				"the workload is not rolled out",
			example:  "running(object).exists(c, c.image == 'go-api:0.0.2' && c.env[?'LOG'].orValue('') == 'debug')",
			read:     func(a *activation, args []ref.Val) ref.Val { return toVal(a.running(native(args[0]))) },
			describe: describeRunning,
		}},
	}
}

func describeRunning(w *walk, call node) string {
	at := w.locate(call.child(call.expr.AsCall().Args()[0]))
	w.note(at.subject)
	return w.engine.say.text("running-in", "What", at.title())
}

// running lists the containers of a Pod or a workload.
func (a *activation) running(held any) []any {
	out := []any{}
	m, _ := held.(map[string]any)
	o := object(m)
	pods := []object{o}
	if o.kind() != "Pod" {
		if !o.rolledOut() {
			return out
		}
		pods = a.readyPodsOf(o)
	}
	byName := map[string]map[string]any{}
	for _, pod := range pods {
		for _, c := range pod.maps("spec", "containers") {
			if !pod.runs(object(c).str("name")) {
				continue
			}
			entry := a.container(pod, c)
			name := object(c).str("name")
			if byName[name] == nil {
				byName[name] = entry
				out = append(out, entry)
			} else {
				agree(byName[name], entry)
			}
		}
	}
	return out
}

// agree counts one more Pod, and drops the environment in which it differs.
func agree(entry, other map[string]any) {
	entry["pods"] = entry["pods"].(int64) + 1
	env, theirs := entry["env"].(map[string]any), other["env"].(map[string]any)
	for name, value := range env {
		if theirs[name] != value {
			delete(env, name)
		}
	}
}

// statusOf is the status of a container, nil when there is none.
func (o object) statusOf(container string) object {
	for _, s := range o.maps("status", "containerStatuses") {
		if s["name"] == container {
			return s
		}
	}
	return nil
}

func (o object) runs(container string) bool {
	_, running, _ := unstructured.NestedMap(o.statusOf(container), "state", "running")
	return running && !o.terminating()
}

func (a *activation) container(pod, c object) map[string]any {
	list := func(field string) []any {
		v, _, _ := unstructured.NestedSlice(c, field)
		return append([]any{}, v...)
	}
	return map[string]any{
		"name": c.str("name"), "image": shortImage(c.str("image")), "command": list("command"), "args": list("args"),
		"env": a.environment(pod, c), "pods": int64(1),
	}
}

// shortImage is an image without what the container runtime adds by itself.
func shortImage(image string) string {
	for _, prefix := range []string{"docker.io/library/", "index.docker.io/library/", "docker.io/"} {
		if rest, ok := strings.CutPrefix(image, prefix); ok {
			return rest
		}
	}
	return image
}

// environment is what a container was started with.
func (a *activation) environment(pod, c object) map[string]any {
	env := map[string]any{}
	started := a.startOf(pod, c.str("name"))
	for _, from := range c.maps("envFrom") {
		for _, source := range []string{"configMapRef", "secretRef"} {
			if name := object(from).str(source, "name"); name != "" {
				for key, value := range a.dataThen(source, name, started) {
					env[object(from).str("prefix")+key] = value
				}
			}
		}
	}
	for _, v := range c.maps("env") {
		e := object(v)
		name := e.str("name")
		delete(env, name)
		if _, refers := e["valueFrom"]; !refers {
			env[name] = e.str("value")
			continue
		}
		for _, source := range []string{"configMapKeyRef", "secretKeyRef"} {
			if from := e.str("valueFrom", source, "name"); from != "" {
				if value, ok := a.dataThen(source, from, started)[e.str("valueFrom", source, "key")]; ok {
					env[name] = value
				}
			}
		}
	}
	return env
}

// startOf is the resource version at which a container was first reported with
// the ID that it has now; 0 when that was before the step began.
func (a *activation) startOf(pod object, container string) uint64 {
	id := func(o object) string { return o.statusOf(container).str("containerID") }
	now := id(pod)
	for _, c := range a.live.changes("pods") {
		if c.New == nil || string(c.New.GetUID()) != pod.uid() || id(c.New.Object) != now {
			continue
		}
		if c.Old != nil && id(c.Old.Object) == now {
			return 0
		}
		return revision(c.New)
	}
	return 0
}

// dataThen is what a ConfigMap or a Secret held at a resource version, which
// the API server hands out from one counter for all resources; 0 is when the
// step began.
func (a *activation) dataThen(source, name string, then uint64) map[string]any {
	resource := "configmaps"
	if strings.HasPrefix(source, "secret") {
		resource = "secrets"
	}
	held := a.base.get(wellKnown()[resource], a.namespace, name)
	for _, c := range a.live.changes(resource) {
		if u := c.Object(); u != nil && u.GetName() == name && u.GetNamespace() == a.namespace && then > 0 && revision(u) < then {
			held = c.New
		}
	}
	if held == nil {
		return nil
	}
	data, _, _ := unstructured.NestedMap(held.Object, "data")
	if resource == "secrets" {
		for key, value := range data {
			plainText, err := base64.StdEncoding.DecodeString(plain(value))
			if err != nil {
				delete(data, key)
				continue
			}
			data[key] = string(plainText)
		}
	}
	return data
}

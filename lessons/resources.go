package lessons

import (
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// wellKnown maps the plurals that lessons write to what the API calls them. A
// lesson is checked without a cluster, so discovery can't do this.
var wellKnown = sync.OnceValue(func() map[string]schema.GroupVersionResource {
	out := map[string]schema.GroupVersionResource{}
	for _, group := range []struct {
		group, version, resources string
	}{
		{"", "v1", "pods services endpoints configmaps secrets nodes namespaces events persistentvolumes persistentvolumeclaims serviceaccounts replicationcontrollers resourcequotas limitranges"},
		{"apps", "v1", "deployments replicasets statefulsets daemonsets controllerrevisions"},
		{"batch", "v1", "jobs cronjobs"},
		{"discovery.k8s.io", "v1", "endpointslices"},
		{"networking.k8s.io", "v1", "ingresses ingressclasses networkpolicies"},
		{"autoscaling", "v2", "horizontalpodautoscalers"},
		{"policy", "v1", "poddisruptionbudgets"},
		{"storage.k8s.io", "v1", "storageclasses"},
		{"rbac.authorization.k8s.io", "v1", "roles rolebindings clusterroles clusterrolebindings"},
		{"coordination.k8s.io", "v1", "leases"},
		{"scheduling.k8s.io", "v1", "priorityclasses"},
		{"apiregistration.k8s.io", "v1", "apiservices"},
		{"apiextensions.k8s.io", "v1", "customresourcedefinitions"},
	} {
		for _, name := range strings.Fields(group.resources) {
			out[name] = schema.GroupVersionResource{Group: group.group, Version: group.version, Resource: name}
		}
	}
	return out
})

// ParseResource reads a resource as lessons write it: a well-known plural
// ("deployments"), "version/plural" of the core group, or
// "group/version/plural".
func ParseResource(name string) (schema.GroupVersionResource, error) {
	if gvr, ok := wellKnown()[name]; ok {
		return gvr, nil
	}
	parts := strings.Split(name, "/")
	switch {
	case len(parts) == 3 && parts[0] != "" && parts[1] != "" && parts[2] != "":
		return schema.GroupVersionResource{Group: parts[0], Version: parts[1], Resource: parts[2]}, nil
	case len(parts) == 2 && parts[0] != "" && parts[1] != "":
		return schema.GroupVersionResource{Version: parts[0], Resource: parts[1]}, nil
	}
	return schema.GroupVersionResource{}, fmt.Errorf("unknown resource %q: use the plural that kubectl uses, such as deployments, or group/version/plural", name)
}

// clusterScoped tells which of the well-known resources have no namespace.
func clusterScoped(gvr schema.GroupVersionResource) bool {
	switch gvr.Resource {
	case "nodes", "namespaces", "persistentvolumes", "ingressclasses", "storageclasses", "clusterroles",
		"clusterrolebindings", "priorityclasses", "apiservices", "customresourcedefinitions":
		return true
	}
	return false
}

// singular is the resource as it stands before a name: "deployment/go-api".
func singular(gvr schema.GroupVersionResource) string {
	r := gvr.Resource
	switch {
	case r == "endpoints":
		return r
	case strings.HasSuffix(r, "sses") || strings.HasSuffix(r, "xes"):
		return strings.TrimSuffix(r, "es")
	case strings.HasSuffix(r, "ies"):
		return strings.TrimSuffix(r, "ies") + "y"
	}
	return strings.TrimSuffix(r, "s")
}

// objectTitle names an object for a learner: "pod/go-api-x".
func objectTitle(gvr schema.GroupVersionResource, name string) string {
	return singular(gvr) + "/" + name
}

package space

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/k8stutor/k8stutor/cluster"
)

// maxLog is how much of a container's log is read, in lines and in bytes.
const (
	maxLogLines = 2000
	maxLogBytes = 1 << 20
)

// Inspector reads objects for a learner who looks at them. It is safe for
// concurrent use.
type Inspector struct {
	config  *rest.Config
	dynamic dynamic.Interface
	web     *http.Client
}

// NewInspector opens the cluster. It does not ask it anything yet.
func NewInspector(a cluster.Access) (*Inspector, error) {
	cfg, err := a.RESTConfig(cluster.ScreenUserAgent)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	web, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	return &Inspector{config: cfg, dynamic: dyn, web: web}, nil
}

// Config is a copy of how it reaches the cluster.
func (i *Inspector) Config() *rest.Config { return rest.CopyConfig(i.config) }

// YAML is an object as `kubectl get -o yaml` prints it. The namespace is empty
// for cluster-scoped resources.
func (i *Inspector) YAML(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (string, error) {
	var client dynamic.ResourceInterface = i.dynamic.Resource(resource)
	if namespace != "" {
		client = i.dynamic.Resource(resource).Namespace(namespace)
	}
	u, err := client.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
	data, err := json.Marshal(u.Object)
	if err != nil {
		return "", err
	}
	out, err := yaml.JSONToYAML(data)
	return string(out), err
}

// Log is the end of a container's log: at most 2,000 lines and 1 MiB. With
// previous it is that of the container before the last restart. Without a
// container's name it is that of the Pod's only one.
func (i *Inspector) Log(ctx context.Context, namespace, pod, container string, previous bool) (string, error) {
	query := url.Values{"limitBytes": {fmt.Sprint(maxLogBytes)}}
	if previous {
		query.Set("previous", "true")
	}
	body, err := i.openLog(ctx, namespace, pod, container, query)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxLogBytes+4096))
	return string(text), err
}

// openLog asks for the end of a container's log.
func (i *Inspector) openLog(ctx context.Context, namespace, pod, container string, query url.Values) (io.ReadCloser, error) {
	query.Set("tailLines", fmt.Sprint(maxLogLines))
	if container != "" {
		query.Set("container", container)
	}
	address := strings.TrimSuffix(i.config.Host, "/") + "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods/" + url.PathEscape(pod) + "/log?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := i.web.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxLogBytes))
	if err != nil {
		return nil, err
	}
	if status := apiStatus(resp, body); status != "" {
		return nil, fmt.Errorf("log of %s: %s", pod, status)
	}
	return nil, fmt.Errorf("log of %s: HTTP %d", pod, resp.StatusCode)
}

package space

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Reply is what a Service answered.
type Reply struct {
	Code int    // HTTP status
	Body []byte // at most 64 KiB of it
	Took time.Duration
}

// Probe sends GET path to the Service's port (a number or a name) through the
// API server's proxy. A status other than 2xx is a Reply, not an error; an
// answer of the API server itself, such as "no endpoints available", is an
// error.
func (w *Client) Probe(ctx context.Context, ns, service, port, path string) (Reply, error) {
	url := strings.TrimSuffix(w.config.Host, "/") + "/api/v1/namespaces/" + ns + "/services/" + service + ":" + port + "/proxy/" + strings.TrimPrefix(path, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Reply{}, err
	}
	start := time.Now()
	resp, err := w.web.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return Reply{}, err
	}
	reply := Reply{Code: resp.StatusCode, Body: body, Took: time.Since(start)}
	if status := apiStatus(resp, body); status != "" {
		return reply, fmt.Errorf("service %s port %s: %s", service, port, status)
	}
	return reply, nil
}

// apiStatus is the message of a metav1.Status, which the API server answers
// when it could not reach the Service, and "" for everything else.
func apiStatus(resp *http.Response, body []byte) string {
	if resp.StatusCode < 400 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return ""
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil || u.GetKind() != "Status" || u.GetAPIVersion() != "v1" {
		return ""
	}
	msg, _, _ := unstructured.NestedString(u.Object, "message")
	if msg == "" {
		msg = "HTTP " + strconv.Itoa(resp.StatusCode)
	}
	return msg
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestInspector(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.UserAgent()+" "+r.URL.RequestURI())
		switch {
		case strings.HasSuffix(r.URL.Path, "/pods/gone/log"):
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","message":"pods \"gone\" not found"}`)
		case strings.HasSuffix(r.URL.Path, "/log"):
			fmt.Fprint(w, "line 1\nline 2\n")
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","managedFields":[{"manager":"x"}]},"spec":{"nodeName":"n"}}`)
		}
	}))
	t.Cleanup(server.Close)
	i := inspectorOf(t, server)
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	got, err := i.YAML(t.Context(), pods, "ns", "p")
	if err != nil || got != "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  nodeName: \"n\"\n" {
		t.Errorf("YAML: %q, %v", got, err)
	}
	if got, err := i.Log(t.Context(), "ns", "p", "app", true); err != nil || got != "line 1\nline 2\n" {
		t.Errorf("log: %q, %v", got, err)
	}
	if _, err := i.Log(t.Context(), "ns", "gone", "", false); err == nil || !strings.Contains(err.Error(), `pods "gone" not found`) {
		t.Errorf("log of a Pod that is gone: %v", err)
	}
	want := []string{
		ScreenUserAgent + " /api/v1/namespaces/ns/pods/p",
		ScreenUserAgent + " /api/v1/namespaces/ns/pods/p/log?container=app&limitBytes=1048576&previous=true&tailLines=2000",
		ScreenUserAgent + " /api/v1/namespaces/ns/pods/gone/log?limitBytes=1048576&tailLines=2000",
	}
	if strings.Join(asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked:\n%s\nwant:\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
}

// inspectorOf reads from a server that stands for a cluster.
func inspectorOf(t *testing.T, server *httptest.Server) *Inspector {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: x, context: {cluster: c, user: u}}], users: [{name: u}]}`, server.URL)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	i, err := NewInspector(Access{Kubeconfig: file, Context: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestFollowLog: lines come while the container runs, the end of ctx ends it, and
// so does the end of the container.
func TestFollowLog(t *testing.T) {
	more := make(chan string)
	asked := make(chan string, 3)
	over := make(chan struct{}, 3) // the server is done with a request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RequestURI()
		defer func() { over <- struct{}{} }()
		if strings.Contains(r.URL.Path, "/gone/") {
			http.Error(w, `{"kind":"Status","apiVersion":"v1","message":"pods \"gone\" not found"}`, http.StatusNotFound)
			return
		}
		for {
			select {
			case text, ok := <-more:
				if !ok {
					return
				}
				fmt.Fprint(w, text)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	i := inspectorOf(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	lines, result := make(chan string, 8), make(chan error, 1)
	follow := func(ctx context.Context, pod string) {
		result <- i.FollowLog(ctx, "ns", pod, "app", func(l string) { lines <- l })
	}

	go follow(ctx, "p")
	more <- "one\ntw"
	if got := <-lines; got != "one" {
		t.Errorf("line %q", got)
	}
	more <- "o\n"
	if got := <-lines; got != "two" {
		t.Errorf("line %q", got)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	<-over
	if got, want := <-asked, "/api/v1/namespaces/ns/pods/p/log?container=app&follow=true&tailLines=2000"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}

	go follow(t.Context(), "p")
	more <- "no end of line"
	close(more)
	if err := <-result; err != nil || <-lines != "no end of line" {
		t.Errorf("ended: %v", err)
	}
	go follow(t.Context(), "gone")
	if err := <-result; err == nil || !strings.Contains(err.Error(), "HTTP 404") && !strings.Contains(err.Error(), "not found") {
		t.Errorf("a Pod that is gone: %v", err)
	}
}

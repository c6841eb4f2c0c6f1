package space

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster"
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
		cluster.ScreenUserAgent + " /api/v1/namespaces/ns/pods/p",
		cluster.ScreenUserAgent + " /api/v1/namespaces/ns/pods/p/log?container=app&limitBytes=1048576&previous=true&tailLines=2000",
		cluster.ScreenUserAgent + " /api/v1/namespaces/ns/pods/gone/log?limitBytes=1048576&tailLines=2000",
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
	i, err := NewInspector(cluster.Access{Kubeconfig: file, Context: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

package space

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/k8stutor/k8stutor/cluster"
)

// clientOf is a Client whose API server is the handler.
func clientOf(t *testing.T, handler http.HandlerFunc) (*Client, cluster.Access) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters["c"] = &clientcmdapi.Cluster{Server: server.URL}
	cfg.AuthInfos["u"] = &clientcmdapi.AuthInfo{}
	cfg.Contexts["ours"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, path); err != nil {
		t.Fatal(err)
	}
	access := cluster.Access{Kubeconfig: path, Context: "ours"}
	w, err := NewClient(access)
	if err != nil {
		t.Fatal(err)
	}
	return w, access
}

func TestProbeTellsTheServiceFromTheAPIServer(t *testing.T) {
	for _, tc := range []struct {
		name, contentType, body string
		code                    int
		fails                   string // "" is a Reply
	}{
		{"an answer", "text/plain", "go-api 0.0.1", 200, ""},
		{"an error of the Service", "text/plain", "not ready", 503, ""},
		{"JSON of the Service", "application/json", `{"kind":"Order"}`, 404, ""},
		{"no endpoints", "application/json", `{"kind":"Status","apiVersion":"v1","message":"no endpoints available for service \"go-api\""}`, 503, "no endpoints available"},
		{"a Status without a word", "application/json", `{"kind":"Status","apiVersion":"v1"}`, 502, "HTTP 502"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked *http.Request
			w, _ := clientOf(t, func(rw http.ResponseWriter, r *http.Request) {
				asked = r
				rw.Header().Set("Content-Type", tc.contentType)
				rw.WriteHeader(tc.code)
				_, _ = rw.Write([]byte(tc.body))
			})
			reply, err := w.Probe(t.Context(), "tutor-x", "go-api", "http", "/work?ms=5")
			if want := "/api/v1/namespaces/tutor-x/services/go-api:http/proxy/work?ms=5"; asked.URL.String() != want {
				t.Errorf("asked for %s, want %s", asked.URL, want)
			}
			if !strings.HasPrefix(asked.UserAgent(), cluster.UserAgent) {
				t.Errorf("User-Agent %q: the audit log would take this for the learner's", asked.UserAgent())
			}
			switch {
			case tc.fails == "" && (err != nil || reply.Code != tc.code || string(reply.Body) != tc.body):
				t.Errorf("reply %+v, %v", reply, err)
			case tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)):
				t.Errorf("err = %v, want one with %q", err, tc.fails)
			}
		})
	}
}

func TestNamespaceOfSomebodyElse(t *testing.T) {
	var changed []string
	w, _ := clientOf(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		switch r.Method {
		case http.MethodPost: // it exists
			rw.WriteHeader(http.StatusConflict)
			_, _ = rw.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"AlreadyExists","code":409}`))
		case http.MethodGet:
			_, _ = rw.Write([]byte(`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"tutor-x"}}`))
		default:
			changed = append(changed, r.Method+" "+r.URL.Path)
		}
	})
	if err := w.EmptyNamespace(t.Context(), "tutor-x"); err == nil || !strings.Contains(err.Error(), "not k8stutor's") {
		t.Errorf("EmptyNamespace: %v", err)
	}
	if err := w.DeleteNamespace(t.Context(), "tutor-x"); err == nil || !strings.Contains(err.Error(), "it stays") {
		t.Errorf("DeleteNamespace: %v", err)
	}
	if len(changed) > 0 {
		t.Errorf("a namespace that is not ours was changed: %v", changed)
	}
}

// Who waits in vain for a namespace to go is told what is in the way.
func TestNamespaceThatStays(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	w, _ := clientOf(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		body := `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"tutor-x","labels":{"` + madeLabel + `":"` + cluster.UserAgent + `"}},"status":{"conditions":[
			{"type":"NamespaceContentRemaining","status":"False","message":"all gone"},
			{"type":"NamespaceDeletionDiscoveryFailure","status":"True","message":"metrics.k8s.io/v1beta1: stale"}]}}`
		if r.Method == http.MethodGet {
			if asked++; asked == 3 {
				defer cancel()
			}
		}
		_, _ = rw.Write([]byte(body))
	})
	err := w.DeleteNamespace(ctx, "tutor-x")
	want := "namespace tutor-x is not gone (NamespaceDeletionDiscoveryFailure: metrics.k8s.io/v1beta1: stale): "
	if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, context.Canceled) {
		t.Errorf("DeleteNamespace: %v, wanted %s…", err, want)
	}
}

func TestDeletableGoesFromOwnersToOwned(t *testing.T) {
	w, _ := clientOf(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		list := func(gv string, resources ...string) string {
			var b strings.Builder
			for i, name := range resources {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(`{"name":"` + name + `","namespaced":true,"kind":"K` + name + `","verbs":["list","delete"]}`)
			}
			return `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"` + gv + `","resources":[` + b.String() + `]}`
		}
		body := map[string]string{
			"/api":                   `{"kind":"APIVersions","versions":["v1"]}`,
			"/apis":                  `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}},{"name":"events.k8s.io","versions":[{"groupVersion":"events.k8s.io/v1","version":"v1"}],"preferredVersion":{"groupVersion":"events.k8s.io/v1","version":"v1"}}]}`,
			"/api/v1":                list("v1", "events", "pods", "services"),
			"/apis/apps/v1":          list("apps/v1", "replicasets", "deployments"),
			"/apis/events.k8s.io/v1": list("events.k8s.io/v1", "events"),
		}[r.URL.Path]
		if body == "" {
			rw.WriteHeader(http.StatusNotFound)
		}
		_, _ = rw.Write([]byte(body))
	})
	kinds, err := w.deletable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Resource)
	}
	at := func(name string) int { return slices.Index(names, name) }
	if len(names) != 5 || at("deployments") > at("replicasets") || at("replicasets") > at("pods") || at("pods") > at("events") {
		t.Errorf("order of deletion: %v", names)
	}
}

package space

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster"
)

// auditLine is one line of an audit log, as the API server writes it.
func auditLine(id, stage, user, agent, uri, resource, subresource string, code int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":%q,"stage":%q,"requestURI":%q,"verb":"get",`+
		`"user":{"username":%q},"userAgent":%q,"objectRef":{"resource":%q,"namespace":"ns","name":"p","apiVersion":"v1","subresource":%q},`+
		`"responseStatus":{"metadata":{},"code":%d},"requestReceivedTimestamp":"2026-11-21T12:00:00.123456Z"}`+"\n", id, stage, uri, user, agent, resource, subresource, code)
}

func tailAudit(t *testing.T, path string) *AuditTail {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	a, err := TailAudit(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Close()
		goleak.VerifyNone(t, leaks)
	})
	return a
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func nextRequest(t *testing.T, a *AuditTail) Request {
	t.Helper()
	select {
	case r := <-a.Requests():
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("no request came")
		return Request{}
	}
}

const kubectlAgent = "kubectl/v1.36.3"

func TestAuditKeepsWhatPeopleAsk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write(t, path, auditLine("old", "ResponseComplete", "kubernetes-admin", kubectlAgent, "/old", "pods", "", 200))
	a := tailAudit(t, path)
	for _, line := range []string{
		auditLine("1", "ResponseComplete", "system:kube-scheduler", "kube-scheduler", "/x", "pods", "", 200),
		auditLine("2", "ResponseComplete", "kubernetes-admin", cluster.UserAgent+"/1", "/x", "pods", "", 200),
		auditLine("3", "RequestReceived", "kubernetes-admin", kubectlAgent, "/x", "pods", "", 0),
		"not JSON\n",
	} {
		write(t, path, line)
	}
	write(t, path, auditLine("4", "ResponseComplete", "kubernetes-admin", kubectlAgent, "/api/v1/namespaces/ns/pods/p/log?container=c&previous=true", "pods", "log", 200))
	got := nextRequest(t, a)
	if got.Query.Get("previous") != "true" || got.Subresource != "log" || got.Name != "p" || got.Namespace != "ns" || got.Code != 200 || got.Verb != "get" {
		t.Fatalf("request is %+v", got)
	}
	if want := time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC); !got.At.Equal(want) {
		t.Fatalf("it came at %v, wanted %v", got.At, want)
	}
}

// What the learner reads by a key of the screen is the learner's looking.
func TestAuditKeepsWhatTheScreenIsAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a := tailAudit(t, path)
	write(t, path, auditLine("1", "ResponseComplete", "kubernetes-admin", cluster.UserAgent, "/x", "pods", "", 200))
	write(t, path, auditLine("2", "ResponseComplete", "kubernetes-admin", cluster.ScreenUserAgent, "/x?previous=true", "pods", "log", 200))
	if got := nextRequest(t, a); got.UserAgent != cluster.ScreenUserAgent || got.Subresource != "log" {
		t.Fatalf("request is %+v", got)
	}
}

func TestAuditTellsOfALongRequestOnceWhenItStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a := tailAudit(t, path) // the file comes later
	write(t, path, auditLine("1", "ResponseStarted", "kubernetes-admin", kubectlAgent, "/x", "pods", "exec", 101))
	if got := nextRequest(t, a); got.Subresource != "exec" {
		t.Fatalf("request is %+v", got)
	}
	write(t, path, auditLine("1", "ResponseComplete", "kubernetes-admin", kubectlAgent, "/x", "pods", "exec", 101))
	write(t, path, auditLine("2", "ResponseComplete", "kubernetes-admin", kubectlAgent, "/x", "pods", "log", 200))
	if got := nextRequest(t, a); got.Subresource != "log" {
		t.Fatalf("the end of exec was told of: %+v", got)
	}
}

// Counts of a lesson's request check ("atLeast") depend on it.
func TestAuditTellsOfEachAuditIDOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a := tailAudit(t, path)
	for _, line := range []struct{ id, stage, verb string }{
		{"logs", "ResponseStarted", "log"},
		{"exec", "ResponseStarted", "exec"},
		{"forward", "ResponseStarted", "portforward"},
		{"exec", "ResponseComplete", "exec"},
		{"forward", "Panic", "portforward"},
		{"logs", "ResponseComplete", "log"},
		{"get", "ResponseComplete", ""},
		{"last", "ResponseComplete", "last"},
	} {
		write(t, path, auditLine(line.id, line.stage, "kubernetes-admin", kubectlAgent, "/x", "pods", line.verb, 200))
	}
	for _, want := range []string{"log", "exec", "portforward", "", "last"} {
		if got := nextRequest(t, a); got.Subresource != want {
			t.Fatalf("got %q, wanted %q", got.Subresource, want)
		}
	}
}

func TestAuditIDsAreBounded(t *testing.T) {
	var s auditIDs
	id := func(i int) string { return fmt.Sprint("id", i) }
	for i := range 3 * maxOpenRequests {
		if !s.add(id(i)) || s.add(id(i)) {
			t.Fatalf("%s is not new once", id(i))
		}
		if i%2 == 0 && (!s.remove(id(i)) || s.remove(id(i))) {
			t.Fatalf("%s does not end once", id(i))
		}
		if len(s.number) > maxOpenRequests {
			t.Fatalf("%d are remembered", len(s.number))
		}
	}
	if s.remove(id(2*maxOpenRequests-1)) || !s.remove(id(3*maxOpenRequests-1)) {
		t.Error("not the oldest were forgotten")
	}
}

func TestAuditFollowsARotationAndHalfLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write(t, path, "")
	a := tailAudit(t, path)
	line := auditLine("1", "ResponseComplete", "kubernetes-admin", kubectlAgent, "/x", "pods", "log", 200)
	write(t, path, line[:50])
	write(t, path, line[50:])
	if got := nextRequest(t, a); got.Subresource != "log" {
		t.Fatalf("request is %+v", got)
	}
	write(t, path, auditLine("2", "ResponseComplete", "kubernetes-admin", kubectlAgent, "/x", "pods", "attach", 200))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, path, auditLine("3", "ResponseComplete", "kubernetes-admin", kubectlAgent, "/x", "pods", "portforward", 200))
	for _, want := range []string{"attach", "portforward"} {
		if got := nextRequest(t, a); got.Subresource != want {
			t.Fatalf("got %s, wanted %s", got.Subresource, want)
		}
	}
}

func TestAuditNeedsNoWatcher(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a, err := followAudit(t.Context(), path, func() (*fsnotify.Watcher, error) {
		return nil, errors.New("too many open files")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	write(t, path, auditLine("1", "ResponseComplete", "learner", kubectlAgent, "/api/v1/namespaces/ns/pods/p", "pods", "", 200))
	if r := nextRequest(t, a); r.Name != "p" {
		t.Errorf("the request is for %q, wanted p", r.Name)
	}
}

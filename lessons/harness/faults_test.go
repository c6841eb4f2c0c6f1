package harness

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

// badLine stands between a session and the API server. It can hold back what
// watches tell, and end them so that they can't go on where they stopped.
type badLine struct {
	proxy *httputil.ReverseProxy

	mu   sync.Mutex
	held chan struct{} // while watches are held back; closed to let go
	gone uint64        // a watch that asks to go on from before it is told 410 Gone
	cut  context.CancelFunc
	ctx  context.Context // of the present watches
	told int             // how often 410 was said
}

func newBadLine(t *testing.T, config *rest.Config) (*badLine, string) {
	t.Helper()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	b := &badLine{proxy: &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}}
	b.ctx, b.cut = context.WithCancel(t.Context())
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	t.Cleanup(b.hang)
	return b, server.URL
}

func (b *badLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.RawQuery, "watch=") {
		b.proxy.ServeHTTP(w, r)
		return
	}
	b.mu.Lock()
	from, _ := strconv.ParseUint(r.URL.Query().Get("resourceVersion"), 10, 64)
	gone, ctx := from < b.gone && r.URL.Query().Get("sendInitialEvents") != "true", b.ctx
	if gone {
		b.told++
	}
	b.mu.Unlock()
	if gone {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusGone)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}`)
		return
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(r.Context(), stop)()
	b.proxy.ServeHTTP(&slowWriter{ResponseWriter: w, line: b, ctx: ctx}, r.WithContext(ctx))
}

// slowWriter waits while watches are held back.
type slowWriter struct {
	http.ResponseWriter
	line *badLine
	ctx  context.Context
}

func (s *slowWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *slowWriter) Write(p []byte) (int, error) {
	s.line.mu.Lock()
	held := s.line.held
	s.line.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	return s.ResponseWriter.Write(p)
}

// hold makes watches wait until the returned function is called.
func (b *badLine) hold() (letGo func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := make(chan struct{})
	b.held = held
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		close(held)
		b.held = nil
	}
}

// hang ends all watches.
func (b *badLine) hang() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut()
	b.ctx, b.cut = context.WithCancel(context.Background())
}

// forget is what etcd's compaction does: nobody can go on from before version.
func (b *badLine) forget(version string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone, _ = strconv.ParseUint(version, 10, 64)
}

func (b *badLine) goneTold() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.told
}

// faulty is a session behind a bad line, and a straight way to the cluster.
type faulty struct {
	*run
	t    *testing.T
	line *badLine
	maps dynamic.ResourceInterface
}

// startFaulty begins the lesson of TestOutage behind a bad line.
func startFaulty(t *testing.T, name, lang string) *faulty {
	t.Helper()
	ctx := t.Context()
	access := liveAccess(t)
	config, err := clientcmd.BuildConfigFromFlags("", access.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	line, address := newBadLine(t, config)
	through := access
	through.Kubeconfig, through.Context = filepath.Join(t.TempDir(), "through"), "bad"
	err = clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:  map[string]*clientcmdapi.Cluster{"bad": {Server: address}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"bad": {}},
		Contexts:  map[string]*clientcmdapi.Context{"bad": {Cluster: "bad", AuthInfo: "bad"}},
	}, through.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	namespace := fmt.Sprintf("tutor-%s-%d", name, os.Getpid())
	opened, err := space.Open(ctx, through, namespace, space.Options{Kubeconfig: filepath.Join(t.TempDir(), "space")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Delete(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	world, err := space.NewClient(access)
	if err != nil {
		t.Fatal(err)
	}
	session, err := lessons.StartSession(ctx, lessons.SessionOptions{Lesson: outageLesson(t), Environment: opened, Step: "s", Lang: lang})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	f := &faulty{
		run: &run{session: session}, t: t, line: line,
		maps: world.Dynamic().Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace),
	}
	f.until("the learner's turn", func(u lessons.Update) bool { return u.State == lessons.StateActive && u.Outcome.Problem == "" })
	return f
}

func (f *faulty) until(what string, wanted func(lessons.Update) bool) {
	f.t.Helper()
	if err := f.await(f.t.Context(), time.Minute, wanted); err != nil {
		f.t.Fatalf("%s: %v; the last update was %+v", what, err, f.latest)
	}
}

func (f *faulty) remove(name string) {
	f.t.Helper()
	if err := f.maps.Delete(f.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		f.t.Fatal(err)
	}
}

// create returns the resource version of the new object.
func (f *faulty) create(name string) string {
	f.t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}}}
	u, err := f.maps.Create(f.t.Context(), u, metav1.CreateOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	return u.GetResourceVersion()
}

func verdicts(u lessons.Update) string {
	var out []string
	for _, c := range u.Outcome.Checks {
		out = append(out, c.ID+" "+string(c.Verdict))
	}
	return strings.Join(out, ", ")
}

// TestSlowWatch: what a slow watch tells late is no tick until it is told, and
// then it is one.
func TestSlowWatch(t *testing.T) {
	f := startFaulty(t, "slow", "en")
	letGo := f.line.hold()
	f.remove("a")
	f.create("a") // there again: only the history can know
	f.remove("b")
	if err := f.await(t.Context(), 3*time.Second, func(u lessons.Update) bool { return strings.Contains(verdicts(u), " met") }); err == nil {
		t.Fatalf("a tick for what was not told: %s", verdicts(f.latest))
	}
	letGo()
	f.until("the tick", func(u lessons.Update) bool { return u.Outcome.Met })
}

// TestGone: after 410 Gone the way from the old to the new state was not seen.
// Nothing is ticked for it, the step says so in the learner's language, and
// the action counts when it is done once more.
func TestGone(t *testing.T) {
	for lang, words := range map[string]string{"en": "do it again", "zh-TW": "請再做一次", "zh-CN": "请再做一次"} {
		t.Run(lang, func(t *testing.T) {
			f := startFaulty(t, "gone-"+strings.ToLower(lang), lang)
			letGo := f.line.hold() // so that nothing is told before the line is cut
			f.remove("b")
			f.remove("a")
			f.line.forget(f.create("a"))
			f.line.hang()
			letGo()
			f.until("what was lost", func(u lessons.Update) bool {
				return strings.Contains(u.Outcome.Problem, words) && strings.Contains(verdicts(u), "still met")
			})
			if f.line.goneTold() == 0 {
				t.Fatal("no watch was told 410 Gone")
			}
			if got := verdicts(f.latest); got != "gone unmet, still met" {
				t.Fatalf("verdicts are %s", got)
			}
			if why := strings.Join(f.latest.Outcome.Checks[0].Why, " "); !strings.Contains(why, words) {
				t.Errorf("the check does not say so: %s", why)
			}
			f.remove("a")
			f.until("the tick", func(u lessons.Update) bool { return u.Outcome.Met && u.Outcome.Problem == "" })
		})
	}
}

// TestBeforeTheStep: what happened before the step began never ticks it, also
// when its Events and requests are still there to be read.
func TestBeforeTheStep(t *testing.T) {
	f := startFaulty(t, "before", "en")
	f.remove("a")
	f.remove("b")
	f.until("the tick", func(u lessons.Update) bool { return u.Outcome.Met })
	f.session.Reset()
	f.until("the new beginning", func(u lessons.Update) bool { return u.Entry == 2 && u.State == lessons.StateActive })
	if err := f.session.AwaitSettled(t.Context(), lessons.Expr{}, settlePatience); err != nil {
		t.Fatal(err)
	}
	if err := f.await(t.Context(), time.Second, func(u lessons.Update) bool { return strings.Contains(verdicts(u), " met") }); err == nil {
		t.Fatalf("ticked by what was before: %s", verdicts(f.latest))
	}
	f.remove("a")
	f.remove("b")
	f.until("the tick", func(u lessons.Update) bool { return u.Outcome.Met })
}

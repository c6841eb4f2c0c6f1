package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

// cable is a TCP connection to the API server that a test can pull out.
type cable struct {
	target string
	addr   string

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

func newCable(t *testing.T, target string) *cable {
	t.Helper()
	c := &cable{target: target, addr: "127.0.0.1:0"}
	c.plug(t)
	t.Cleanup(c.pull)
	return c
}

func (c *cable) plug(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.listener, c.addr = listener, listener.Addr().String()
	c.mu.Unlock()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", c.target)
			if err != nil {
				in.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, in, out)
			c.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			go func() { _, _ = io.Copy(in, out); in.Close() }()
		}
	}()
}

func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listener.Close()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

func outageLesson(t *testing.T) *lessons.Lesson {
	t.Helper()
	l, err := lessons.Load(fstest.MapFS{
		"outage/lesson.yaml": {Data: []byte(`apiVersion: k8stutor.dev/v1
kind: Lesson
metadata: {name: outage}
order: 1
minutes: 1
steps:
  - id: s
    solution: "true"
    mutants: [{name: idle, script: "true", caughtBy: gone}]
    start: {manifests: [a.yaml]}
    checks:
      - {id: gone, kind: happened, resource: configmaps, name: a, expr: new == null}
      - {id: still, kind: state, expr: "!exists('configmaps', 'b')"}
`)},
		"outage/a.yaml":        {Data: []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n")},
		"outage/lesson.en.md":  {Data: []byte("---\ntitle: Outage\nsummary: x\n---\n")},
		"outage/steps/s.en.md": {Data: []byte("---\ntitle: S\nchecks: {gone: a is gone, still: b is gone}\n---\nx\n")},
	}, "outage")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestOutage pulls the cable to the API server while a step is open: the
// session says so, ticks nothing, comes back by itself, and what happened
// meanwhile counts, because the watch goes on where it stopped.
func TestOutage(t *testing.T) {
	access := liveAccess(t)
	ctx := context.Background()
	config, err := clientcmd.LoadFromFile(access.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	server := config.Clusters[config.Contexts[access.Context].Cluster]
	address, err := url.Parse(server.Server)
	if err != nil {
		t.Fatal(err)
	}
	wire := newCable(t, address.Host)
	server.Server = "https://" + wire.addr
	through := access
	through.Kubeconfig = filepath.Join(t.TempDir(), "through")
	if err := clientcmd.WriteToFile(*config, through.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	namespace := fmt.Sprintf("tutor-outage-%d", os.Getpid())
	direct, err := space.Open(ctx, access, namespace, space.Options{Kubeconfig: filepath.Join(t.TempDir(), "direct")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := direct.Delete(ctx); err != nil {
			t.Error(err)
		}
	})
	opened, err := space.Open(ctx, through, namespace, space.Options{Kubeconfig: filepath.Join(t.TempDir(), "space")})
	if err != nil {
		t.Fatal(err)
	}
	session, err := lessons.StartSession(ctx, lessons.SessionOptions{Lesson: outageLesson(t), Environment: opened, Step: "s"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	r := &run{session: session}
	await := func(what string, wanted func(lessons.Update) bool) {
		t.Helper()
		if err := r.await(ctx, 30*time.Second, wanted); err != nil {
			t.Fatalf("%s: %v; the last update was %+v", what, err, r.latest)
		}
	}
	await("the learner's turn", func(u lessons.Update) bool { return u.State == lessons.StateActive && u.Outcome.Problem == "" })
	pulled := time.Now()
	wire.pull()
	await("the loss", func(u lessons.Update) bool { return u.Outcome.Problem != "" })
	t.Logf("said so after %s: %s", time.Since(pulled), r.latest.Outcome.Problem)
	world, err := space.NewClient(access)
	if err != nil {
		t.Fatal(err)
	}
	maps := world.Dynamic().Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace)
	for _, name := range []string{"a", "b"} {
		if err := maps.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if r.latest.Outcome.Met {
		t.Fatal("a tick without a connection")
	}
	plugged := time.Now()
	wire.plug(t)
	await("the tick", func(u lessons.Update) bool { return u.Outcome.Met && u.Outcome.Problem == "" })
	t.Logf("back after %s", time.Since(plugged))
}

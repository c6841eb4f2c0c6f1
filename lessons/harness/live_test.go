package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

// liveAccess is the cluster of K8STUTOR_KUBECONFIG, with K8STUTOR_AUDIT_LOG as
// its audit log.
func liveAccess(t testing.TB) cluster.Access {
	t.Helper()
	path := os.Getenv("K8STUTOR_KUBECONFIG")
	if path == "" {
		t.Skip("K8STUTOR_KUBECONFIG names no live cluster")
	}
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return cluster.Access{Name: "live", Kubeconfig: path, Context: config.CurrentContext, AuditLog: os.Getenv("K8STUTOR_AUDIT_LOG")}
}

// TestLive proves the lessons on a live cluster; K8STUTOR_LESSON=NAME[/STEP]
// chooses one.
func TestLive(t *testing.T) {
	access := liveAccess(t)
	all, err := lessons.LoadAll(os.DirFS("../content"))
	if err != nil {
		t.Fatal(err)
	}
	name, step, _ := strings.Cut(os.Getenv("K8STUTOR_LESSON"), "/")
	for _, lesson := range all {
		if name != "" && lesson.Name() != name {
			continue
		}
		t.Run(lesson.Name(), func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent(),
				// Idle connections of the HTTP clients, which have no owner to close them.
				goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
				goleak.IgnoreAnyFunction("golang.org/x/net/http2.(*ClientConn).readLoop"), goleak.IgnoreAnyFunction("golang.org/x/net/http2.(*clientConnReadLoop).run"),
				goleak.IgnoreAnyFunction("net/http.(*http2ClientConn).readLoop"))
			dir := t.TempDir()
			results, err := Run(context.Background(), Options{
				Select: []Selection{{Lesson: lesson, Step: step}}, Suffix: fmt.Sprintf("%04x-", time.Now().UnixNano()&0xffff),
				Open: func(ctx context.Context, namespace string) (Space, error) {
					return space.Open(ctx, access, namespace, space.Options{Kubeconfig: filepath.Join(dir, namespace)})
				},
				Report: func(r Result) {
					mark := "ok  "
					if !r.OK {
						mark = "FAIL"
					}
					t.Logf("%s %-12s %-15s %-40s %6s %s", mark, r.Step, r.Proof, r.Name, r.Took.Round(100*time.Millisecond), r.Detail)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := Failed(results); n > 0 {
				t.Errorf("%d of %d failed", n, len(results))
			}
		})
	}
}

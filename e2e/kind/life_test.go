//go:build linux

package kind

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLife follows one cluster from its making to its end. The parts follow
// each other.
func TestLife(t *testing.T) {
	l := newLearner(t, "e2e")
	own := newOwnFiles(t, l)
	defer own.check(t)

	t.Run("create", func(t *testing.T) {
		out := l.must(t, "cluster", "up")
		at := 0
		for _, phase := range []string{"Preparing nodes", "Writing configuration", "Starting control-plane", "Installing CNI", "Installing StorageClass", "Waiting for the node to be ready"} {
			i := strings.Index(out[at:], "✓ "+phase)
			if i < 0 {
				t.Errorf("the phase %q is missing after the one before it:\n%s", phase, out)
				continue
			}
			at += i
		}
		wantWords(t, out, "✓ Loading the lessons' images")
		s := l.status(t)
		if info, err := os.Stat(s.Kubeconfig); err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(s.Kubeconfig, l.state) {
			t.Errorf("kubeconfig %s: %v %v", s.Kubeconfig, info, err)
		}
		own.check(t)
	})

	t.Run("join", func(t *testing.T) {
		out := l.must(t, "cluster", "up")
		wantWords(t, out, "✓ Waiting for the cluster's DNS")
		if strings.Contains(out, "Preparing nodes") {
			t.Errorf("a cluster that runs was re-created:\n%s", out)
		}
	})

	t.Run("adopt without a record", func(t *testing.T) {
		if err := os.Remove(filepath.Join(l.state, "k8stutor", "clusters", "e2e.json")); err != nil {
			t.Fatal(err)
		}
		if s := l.status(t); s.State != "broken" {
			t.Errorf("state without a record: %+v", s)
		}
		out := l.must(t, "cluster", "up")
		if strings.Contains(out, "half-made") {
			t.Errorf("a cluster that works was removed:\n%s", out)
		}
	})

	t.Run("requests are in the audit log", func(t *testing.T) {
		l.must(t, "kubectl", "get", "configmaps", "--namespace", "kube-public", "e2e-asks-for-this", "--ignore-not-found")
		log := l.status(t).AuditLog
		for deadline := time.Now().Add(patience); ; {
			data, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), "e2e-asks-for-this") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the request is not in %s", log)
			}
		}
	})

	t.Run("pause and resume", func(t *testing.T) {
		l.must(t, "cluster", "down")
		if s := l.status(t); s.State != "paused" || s.Parts[0].State != "stopped" {
			t.Errorf("after down: %+v", s)
		}
		out := l.must(t, "cluster", "up")
		wantWords(t, out, "✓ Starting the node", "✓ Waiting for the API server", "✓ Waiting for the cluster's DNS")
	})

	t.Run("the node is killed", func(t *testing.T) {
		docker(t, "kill", l.node())
		if s := l.status(t); s.State != "paused" {
			t.Errorf("after kill: %+v", s)
		}
		l.must(t, "cluster", "up")
		if s := l.status(t); s.State != "running" {
			t.Errorf("after up: %+v", s)
		}
	})

	t.Run("the node is killed in the middle of a lesson", func(t *testing.T) {
		l.must(t, "reset", "service/deploy")
		watch := l.begin(t, "check", "service/deploy", "--watch")
		watch.see(t, "service/deploy: ")
		docker(t, "kill", l.node())
		l.must(t, "cluster", "up")
		l.must(t, "kubectl", "--namespace", "tutor-service", "create", "deployment", "go-api", "--image=go-api:0.0.1", "--replicas=3")
		// The one that watched all the time sees what came after.
		if err := watch.wait(t); err != nil {
			t.Errorf("the session that was there before ended: %v\n%s", err, watch.text())
		}
	})

	t.Run("the port of the API server is taken, and the cluster re-created", func(t *testing.T) {
		server := l.status(t).Server
		l.must(t, "cluster", "down")
		var config net.ListenConfig
		taken, err := config.Listen(t.Context(), "tcp", strings.TrimPrefix(server, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		l.fails(t, []string{"does not recover", "address already in use", "--rebuild --name e2e"}, "cluster", "up")
		// Somebody who did not agree still has the cluster.
		if s := l.status(t); s.State != "paused" {
			t.Errorf("it was touched: %+v", s)
		}
		out := l.must(t, "cluster", "up", "--rebuild")
		wantWords(t, out, "✓ Deleting the node", "✓ Preparing nodes", "is up after")
	})

	t.Run("delete", func(t *testing.T) {
		l.must(t, "cluster", "delete")
		l.nothingLeft(t)
		if s := l.status(t); s.State != "absent" {
			t.Errorf("after delete: %+v", s)
		}
		own.check(t)
	})
}

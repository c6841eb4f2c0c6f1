//go:build linux

package kind

import (
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestCancel(t *testing.T) {
	for name, after := range map[string]string{
		"at once":               "",
		"when the node is made": "✓ Preparing nodes",
		"in the control plane":  "✓ Writing configuration",
		"at the end":            "✓ Installing CNI",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLearner(t, "cancel")
			s := l.begin(t, "cluster", "up")
			s.see(t, after)
			if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if err := s.wait(t); err == nil {
				t.Errorf("it came up:\n%s", s.text())
			}
			if after != "" {
				wantWords(t, s.text(), "Cleaning up", "cancelled")
			}
			l.nothingLeft(t)
			if left, _ := filepath.Glob(filepath.Join(l.state, "k8stutor", "clusters", "cancel", "*")); len(left) > 0 {
				t.Errorf("files are left: %v", left)
			}
		})
	}
}

func TestCrashedRun(t *testing.T) {
	l := newLearner(t, "crash")
	s := l.begin(t, "cluster", "up")
	s.see(t, "✓ Preparing nodes")
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = s.wait(t)
	if st := l.status(t); st.State != "broken" {
		t.Errorf("after a crash: %+v", st)
	}
	out := l.must(t, "cluster", "up")
	wantWords(t, out, "✓ Removing a half-made cluster", "is up after")
}

func TestForeignCluster(t *testing.T) {
	l := newLearner(t, "mine")
	other := newLearner(t, "mine") // the same name, another state folder
	image := os.Getenv("K8STUTOR_KIND_IMAGE")
	id := docker(t, "run", "--detach", "--name", l.node(), "--label", "io.x-k8s.kind.cluster=k8stutor-mine",
		"--label", "io.x-k8s.kind.role=control-plane", "--entrypoint", "sleep", image, "infinity")
	defer docker(t, "rm", "--force", id)
	for _, x := range []*learner{l, other} {
		x.fails(t, []string{"was not made from this state folder", "left alone", "--name"}, "cluster", "up")
		x.fails(t, []string{"was not made from this state folder"}, "cluster", "delete")
	}
	if state := docker(t, "inspect", "--format", "{{.State.Running}}", id); state != "true" {
		t.Error("the foreign node was touched")
	}
}

func TestNoImage(t *testing.T) {
	l := newLearner(t, "noimage")
	l.fails(t, []string{"the node image is missing and can't be pulled", "bundle load", "--cluster embedded"},
		"--image", "registry.invalid/node:none", "cluster", "up")
	l.nothingLeft(t)
}

// TestPull pulls from a registry of its own, as nothing else is reached here. What
// it pulls is no node, which the learner is told.
func TestPull(t *testing.T) {
	l := newLearner(t, "pull")
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	image := strings.TrimPrefix(server.URL, "http://") + "/node:none"
	ref, err := name.ParseReference(image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	content, err := random.Image(64<<10, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, content); err != nil {
		t.Fatal(err)
	}
	l.fails(t, []string{"Pulling the node image: 5 of 5 layers", "✓ Pulling the node image", "✗ Preparing nodes"}, "--image", image, "cluster", "up")
	docker(t, "image", "rm", image)
	l.nothingLeft(t)
}

func TestDiskAlmostFull(t *testing.T) {
	l := newLearner(t, "full")
	dir := os.Getenv("K8STUTOR_ENGINE_DISK")
	if dir == "" {
		t.Skip("SKIPPED: this test fills the engine's disk, and this one is not ours to fill: hack/engine makes one where it can")
	}
	free := freeAt(t, dir)
	f, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, free-(1<<30)); err != nil {
		t.Fatal(err)
	}
	l.fails(t, []string{"almost full", "MB are free", "--cluster embedded"}, "cluster", "up")
	l.nothingLeft(t)
}

// wire is a way to the engine that can be cut.
type wire struct {
	listener net.Listener
	engine   string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	done  sync.WaitGroup
}

// newWire makes the learner reach the engine through the wire.
func newWire(t *testing.T, l *learner) *wire {
	t.Helper()
	engine, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if !ok {
		engine = "/var/run/docker.sock"
	}
	// The path of a socket must be short, and TMPDIR may not be.
	dir, err := os.MkdirTemp("/tmp", "k8stutor-wire")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "engine.sock")
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, engine: engine, conns: map[net.Conn]bool{}}
	w.done.Go(w.accept)
	before := l.env
	t.Cleanup(func() { // what tidies up after the learner comes later
		l.env = before
		listener.Close()
		w.setCut(true)
		w.done.Wait()
	})
	// Without another engine to turn to.
	bin := t.TempDir()
	exe, err := exec.LookPath("docker")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(bin, "docker")); err != nil {
		t.Fatal(err)
	}
	l.env = append(slices.Clone(before), "DOCKER_HOST=unix://"+path, "PATH="+bin)
	return w
}

func (w *wire) accept() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		engine, err := net.Dial("unix", w.engine)
		w.mu.Lock()
		if err != nil || w.cut {
			c.Close()
			if engine != nil {
				engine.Close()
			}
			w.mu.Unlock()
			continue
		}
		w.conns[c], w.conns[engine] = true, true
		w.mu.Unlock()
		for from, to := range map[net.Conn]net.Conn{c: engine, engine: c} {
			w.done.Go(func() {
				_, _ = io.Copy(to, from)
				if half, ok := to.(interface{ CloseWrite() error }); ok {
					_ = half.CloseWrite()
				}
			})
		}
	}
}

// setCut cuts the wire, or restores it.
func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for c := range w.conns {
			c.Close()
		}
		clear(w.conns)
	}
}

// TestEngineGoesAway cuts the program off from the engine, which goes on for
// everybody else: for the program it has stopped.
func TestEngineGoesAway(t *testing.T) {
	l := newLearner(t, "gone")
	w := newWire(t, l)
	t.Run("before", func(t *testing.T) {
		w.setCut(true)
		l.fails(t, []string{"docker is installed, but no engine answers it", "--cluster embedded"}, "cluster", "up")
		w.setCut(false)
	})
	t.Run("during", func(t *testing.T) {
		s := l.begin(t, "cluster", "up")
		s.see(t, "✓ Writing configuration")
		w.setCut(true)
		if err := s.wait(t); err == nil {
			t.Errorf("it came up:\n%s", s.text())
		}
		wantWords(t, s.text(), "docker stopped answering while the cluster was made", "try again")
		w.setCut(false)
		out := l.must(t, "cluster", "up")
		wantWords(t, out, "✓ Removing a half-made cluster", "is up after")
	})
	t.Run("after", func(t *testing.T) {
		w.setCut(true)
		l.fails(t, []string{"no engine answers", `cluster "gone" was made with it`, "start it again"}, "cluster", "up")
		l.fails(t, []string{"no engine answers"}, "cluster", "down")
		l.fails(t, []string{"no engine answers"}, "cluster", "delete")
		w.setCut(false)
		l.must(t, "cluster", "up")
	})
}

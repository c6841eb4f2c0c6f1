//go:build linux

// Package kind proves the kind provider, with the real program on a real
// container engine: `make e2e-kind` starts one where none answers. What is
// tested is what a learner runs; only where the engine has to go away does the
// test stand between the program and the engine.
package kind

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is for what should not take so long on any machine that can hold a
// node.
const patience = 8 * time.Minute

// program is the built program, and how it is configured by default.
func program(t *testing.T) string {
	t.Helper()
	if os.Getenv("K8STUTOR_KIND") == "" {
		t.Skip("SKIPPED: needs a container engine and a node image; `make e2e-kind` brings both")
	}
	for _, name := range []string{"K8STUTOR_BIN", "K8STUTOR_KIND_IMAGE"} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set: run `make e2e-kind`", name)
		}
	}
	return os.Getenv("K8STUTOR_BIN")
}

// learner has a state folder of its own and one cluster, which is gone after
// the test.
type learner struct {
	bin, name, state string
	env              []string
}

func newLearner(t *testing.T, name string) *learner {
	t.Helper()
	l := &learner{bin: program(t), name: name, state: t.TempDir()}
	l.env = []string{"XDG_STATE_HOME=" + l.state, "XDG_CONFIG_HOME=" + l.state}
	t.Cleanup(func() {
		if out, err := l.run(context.Background(), "cluster", "delete"); err != nil && !strings.Contains(out, "does not exist") {
			t.Errorf("tidy up: %v\n%s", err, out)
		}
		l.nothingLeft(t)
	})
	return l
}

func (l *learner) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.bin, append([]string{"--cluster", "kind", "--name", l.name}, args...)...)
	cmd.Env = append(os.Environ(), l.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 2 * time.Minute
	return cmd
}

// run runs the program and returns all that it printed.
func (l *learner) run(ctx context.Context, args ...string) (string, error) {
	out, err := l.command(ctx, args...).CombinedOutput()
	return string(out), err
}

// must runs the program, which must succeed.
func (l *learner) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := l.run(t.Context(), args...)
	if err != nil {
		t.Fatalf("k8stutor %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// fails runs the program, which must fail and say all of words.
func (l *learner) fails(t *testing.T, words []string, args ...string) {
	t.Helper()
	began := time.Now()
	out, err := l.run(t.Context(), args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Errorf("k8stutor %s: %v, want a failure\n%s", strings.Join(args, " "), err, out)
	}
	wantWords(t, out, words...)
	t.Logf("after %.1f s: %s", time.Since(began).Seconds(), lastLine(out))
}

func wantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

type status struct {
	State, Error, AuditLog, Kubeconfig, Server string
	Parts                                      []struct{ Name, State string }
}

func (l *learner) status(t *testing.T) (s status) {
	t.Helper()
	cmd := l.command(t.Context(), "cluster", "status", "--output", "json")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("status: %v", err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (l *learner) node() string { return "k8stutor-" + l.name + "-control-plane" }

// nothingLeft checks that no container of the learner's cluster is there.
func (l *learner) nothingLeft(t *testing.T) {
	t.Helper()
	if out := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=k8stutor-"+l.name); out != "" {
		t.Errorf("containers of %s are left behind: %s", l.name, out)
	}
}

// docker asks the engine itself.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(context.Background(), "docker", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// started is a command in the background, whose output can be waited for.
type started struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error

	mu    sync.Mutex
	out   bytes.Buffer
	wrote chan struct{} // something was written
}

// begin runs a command in the background.
func (l *learner) begin(t *testing.T, args ...string) *started {
	t.Helper()
	s := &started{cmd: l.command(t.Context(), args...), done: make(chan struct{}), wrote: make(chan struct{}, 1)}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.Cancel = func() error { return s.cmd.Process.Kill() }
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	return s
}

func (s *started) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.wrote <- struct{}{}:
	default:
	}
	return s.out.Write(p)
}

func (s *started) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// see waits until words were printed.
func (s *started) see(t *testing.T, words string) {
	t.Helper()
	for !strings.Contains(s.text(), words) {
		select {
		case <-s.wrote:
		case <-s.done:
			if !strings.Contains(s.text(), words) {
				t.Fatalf("it ended (%v) without %q:\n%s", s.err, words, s.text())
			}
		case <-time.After(patience):
			t.Fatalf("no %q within %s:\n%s", words, patience, s.text())
		}
	}
}

// wait waits for the end.
func (s *started) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-s.done:
		return s.err
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", s.text())
		return nil
	}
}

// ownFiles are the learner's own kubeconfigs, which k8stutor never touches.
type ownFiles map[string][sha256.Size]byte

func newOwnFiles(t *testing.T, l *learner) ownFiles {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(t.TempDir(), "theirs")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: production\ncontexts:\n- name: production\n  context: {cluster: production, user: me}\n"
	if err := os.WriteFile(theirs, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.env = append(l.env, "KUBECONFIG="+theirs)
	f := ownFiles{theirs: {}, filepath.Join(home, ".kube", "config"): {}}
	for path := range f {
		f[path] = hashOf(t, path)
	}
	return f
}

// hashOf a file that is not there is zero.
func hashOf(t *testing.T, path string) (sum [sha256.Size]byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return sum
	case err != nil:
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}

func (f ownFiles) check(t *testing.T) {
	t.Helper()
	for path, before := range f {
		if hashOf(t, path) != before {
			t.Errorf("%s was changed", path)
		}
	}
}

// freeAt is how many bytes are free at a folder.
func freeAt(t *testing.T, dir string) int64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

func TestMain(m *testing.M) {
	if os.Getenv("K8STUTOR_KIND") == "" {
		fmt.Println("e2e/kind: ALL TESTS ARE SKIPPED: they need a container engine and a node image; `make e2e-kind` brings both")
	}
	m.Run()
}

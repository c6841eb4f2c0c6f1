//go:build linux

// Package e2e tests the real program on a real terminal and a real embedded
// cluster. A robot types what a learner types and looks at the screen. It waits
// for what it wants to see, never for time to pass.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/embedded"
	"github.com/k8stutor/k8stutor/tui/term"
)

// patience is how long the robot waits for anything. It is long because
// everything else on the machine may be slow; what is fast is measured
// elsewhere.
const patience = 90 * time.Second

// tourSeen is there when the learner has seen the tour of the screen.
const tourSeen = "state/k8stutor/tour-seen"

// learner is somebody with a home folder of their own, on a machine that has
// no container engine and no kubectl.
type learner struct {
	home, bin string
	env       []string
}

// kubeconfig is what stands in the learner's own kubeconfig: nothing that
// could be read as one.
const kubeconfig = "{this is not a kubeconfig\n"

func newLearner(t testing.TB) *learner {
	t.Helper()
	bin := binary(t, "k8stutor", "K8STUTOR_BIN")
	embedded := binary(t, embedded.Binary, "K8STUTOR_EMBEDDED")
	// Unix sockets must fit into the paths beneath, so not t.TempDir.
	home, err := os.MkdirTemp("", "k8s-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	l := &learner{home: home, bin: bin}
	l.env = []string{
		"HOME=" + home,
		"XDG_STATE_HOME=" + filepath.Join(home, "state"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(home, "cache"),
		"PATH=" + l.tools(t),
		"K8STUTOR_EMBEDDED=" + embedded,
		"SHELL=/bin/sh", "PS1=$ ", "LANG=en_US.UTF-8", "USER=learner",
	}
	l.write(t, ".kube/config", kubeconfig)
	l.write(t, tourSeen, "") // this learner is no newcomer
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if out, err := l.command(ctx, "cluster", "delete").CombinedOutput(); err != nil && !strings.Contains(string(out), "does not exist") {
			t.Errorf("delete the cluster: %v: %s", err, out)
		}
		if got, err := os.ReadFile(filepath.Join(home, ".kube/config")); err != nil || string(got) != kubeconfig {
			t.Errorf("the learner's own kubeconfig was changed: %q, %v", got, err)
		}
		os.RemoveAll(home)
	})
	return l
}

// binary finds a program that `make` has built.
func binary(t testing.TB, name, env string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		path = filepath.Join("..", "bin", name)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abs); err != nil {
		t.Fatalf("%s is missing: run `make e2e`, or set %s", abs, env)
	}
	return abs
}

// tools is a folder with what /usr/bin and /bin hold, but for container
// engines and kubectl.
func (l *learner) tools(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(l.home, "tools")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"/usr/bin", "/bin"} {
		entries, err := os.ReadDir(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			switch e.Name() {
			case "docker", "podman", "nerdctl", "kubectl":
			default:
				// /bin is often /usr/bin: the second is not needed then.
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name()))
			}
		}
	}
	return dir
}

func (l *learner) write(t testing.TB, name, content string) {
	t.Helper()
	path := filepath.Join(l.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (l *learner) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.bin, args...)
	cmd.Env, cmd.Dir = l.env, l.home
	cmd.WaitDelay = time.Second
	return cmd
}

// run runs k8stutor without a terminal and returns what it printed.
func (l *learner) run(t testing.TB, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := l.command(ctx, args...)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// must runs k8stutor, which must end well.
func (l *learner) must(t testing.TB, args ...string) string {
	t.Helper()
	out, errOut, err := l.run(t, args...)
	if err != nil {
		t.Fatalf("k8stutor %s: %v\n%s%s", strings.Join(args, " "), err, out, errOut)
	}
	return out
}

// part is the process of a part of the cluster.
func (l *learner) part(t testing.TB, name string) cluster.Part {
	t.Helper()
	var s cluster.Status
	if err := json.Unmarshal([]byte(l.must(t, "cluster", "status", "-o", "json")), &s); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Parts {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("the cluster has no part %q: %+v", name, s.Parts)
	return cluster.Part{}
}

// robot is a learner at a terminal, which shows only whole frames of the screen
// (synchronized updates): the robot never takes the upper half of a new one for
// all of it.
type robot struct {
	t testing.TB
	*term.Term
}

// sit starts k8stutor on a terminal of this size.
func (l *learner) sit(t testing.TB, width, height int, args ...string) *robot {
	t.Helper()
	return &robot{t, l.at(t, width, height, append([]string{l.bin}, args...)...)}
}

// at starts a program on a terminal of this size.
func (l *learner) at(t testing.TB, width, height int, argv ...string) *term.Term {
	t.Helper()
	tt, err := term.Start(term.Spec{Argv: argv, Env: l.env, Dir: l.home, Width: width, Height: height})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tt.Close)
	return tt
}

func (r *robot) screen() string { return strings.Join(r.Text(), "\n") }

// await waits until the screen is as wanted and returns it.
func (r *robot) await(what string, wanted func(screen string) bool) string {
	r.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		s := r.screen()
		if wanted(s) {
			return s
		}
		select {
		case <-r.Dirty():
		case <-r.Done():
			if s := r.screen(); wanted(s) {
				return s
			}
			e, _ := r.Exit()
			r.t.Fatalf("the program ended (%+v) while the robot waited for %s. The screen:\n%s", e, what, r.screen())
		case <-limit.C:
			r.t.Fatalf("the robot does not see %s. The screen:\n%s", what, r.screen())
		}
	}
}

func (r *robot) see(text string) string {
	r.t.Helper()
	return r.await(fmt.Sprintf("%q", text), func(s string) bool { return strings.Contains(s, text) })
}

func (r *robot) seeNot(text string) string {
	r.t.Helper()
	return r.await(fmt.Sprintf("that %q is gone", text), func(s string) bool { return !strings.Contains(s, text) })
}

// keys types text as it is.
func (r *robot) keys(text string) {
	r.t.Helper()
	if err := r.Type(text); err != nil {
		r.t.Fatal(err)
	}
}

// command types the prefix key and a command to the screen.
func (r *robot) command(key string) {
	r.t.Helper()
	r.keys("\x07" + key) // Ctrl-G
}

// shell types a line into the shell.
func (r *robot) shell(line string) {
	r.t.Helper()
	r.keys(line + "\r")
}

// ended waits for the program's end and returns its exit code.
func (r *robot) ended() int {
	r.t.Helper()
	select {
	case <-r.Done():
		e, _ := r.Exit()
		return e.Code
	case <-time.After(patience):
		r.t.Fatalf("the program does not end. The screen:\n%s", r.screen())
		return -1
	}
}

// gone waits until a process is no more.
func gone(t testing.TB, pid int) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

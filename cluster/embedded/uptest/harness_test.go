//go:build linux

package uptest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	envBinary = "K8STUTOR_EMBEDDED_BIN"
	nobody    = 65534
	// patience is how long a busy machine may take for anything.
	patience = 3 * time.Minute
)

// binary returns a copy of the program that an unprivileged user may execute.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv(envBinary)
	if path == "" {
		t.Skip(envBinary + " is not set: it names the k8stutor-embedded to test (make test sets it)")
	}
	if testing.Short() {
		t.Skip("-short: starting clusters takes a while")
	}
	src, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = src.Close() }()
	name := filepath.Join(openDir(t), "k8stutor-embedded")
	dst, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// openDir is t.TempDir for an unprivileged user: that one is for root only.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "uptest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lab is one cluster of a test, run by an unprivileged user.
type lab struct {
	bin, dir, name string
}

func newLab(t *testing.T, bin, name string) lab {
	t.Helper()
	parent := openDir(t)
	if os.Getuid() == 0 {
		if err := os.Chown(parent, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	l := lab{bin: bin, dir: filepath.Join(parent, "c"), name: name}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("status at the end:\n%s", l.command(context.Background(), "status").text())
		}
		if r := l.command(context.Background(), "delete"); r.err != nil {
			t.Errorf("clean up: %v: %s", r.err, r.stderr.String())
		}
	})
	return l
}

// result is what a command left behind.
type result struct {
	stdout, stderr bytes.Buffer
	err            error
}

func (r *result) text() string { return r.stdout.String() + r.stderr.String() }

func (l lab) cmd(ctx context.Context, verb string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.bin, append([]string{verb, "--dir", l.dir}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd
}

func (l lab) command(ctx context.Context, verb string, args ...string) *result {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var r result
	cmd := l.cmd(ctx, verb, args...)
	cmd.Stdout, cmd.Stderr = &r.stdout, &r.stderr
	r.err = cmd.Run()
	return &r
}

func (l lab) must(t *testing.T, verb string, args ...string) *result {
	t.Helper()
	r := l.command(t.Context(), verb, args...)
	if r.err != nil {
		t.Fatalf("%s: %v\n%s", verb, r.err, r.text())
	}
	return r
}

// line is a line of up's progress.
type line struct {
	Phase     string
	Title     string
	Detail    string
	Done      bool
	ElapsedMs int64
	Err       string
	Access    *access
}

type access struct {
	Provider, Name, Kubeconfig, Context, Server, Version, NodeHost, AuditLog string
}

// up brings the cluster up and returns how it is reached.
func (l lab) up(t *testing.T) access {
	t.Helper()
	r := l.must(t, "up", "--name", l.name, "--progress", "json")
	lines := parse(t, &r.stdout)
	last := lines[len(lines)-1]
	if last.Access == nil {
		t.Fatalf("the last line of up is not the access:\n%s", r.text())
	}
	done := map[string]bool{}
	for _, ln := range lines[:len(lines)-1] {
		if ln.Phase == "" || ln.Title == "" || ln.Err != "" {
			t.Errorf("progress: %+v", ln)
		}
		done[ln.Phase] = done[ln.Phase] || ln.Done
	}
	for _, phase := range []string{"prepare", "control-plane", "node", "system"} {
		if !done[phase] {
			t.Errorf("phase %s did not end", phase)
		}
	}
	return *last.Access
}

func parse(t *testing.T, out io.Reader) []line {
	t.Helper()
	var lines []line
	for sc := bufio.NewScanner(out); sc.Scan(); {
		var ln line
		if err := json.Unmarshal(sc.Bytes(), &ln); err != nil {
			t.Fatalf("not a JSON line: %s: %v", sc.Text(), err)
		}
		lines = append(lines, ln)
	}
	if len(lines) == 0 {
		t.Fatal("no progress was written")
	}
	return lines
}

// status is what the command status says.
type status struct {
	State, Error, Name string
	Parts              []part
}

type part struct {
	Name, State string
	PID         int
	Restarts    int
	LastLog     []string
	Exit        string
}

func (l lab) status(t *testing.T) status {
	t.Helper()
	var st status
	r := l.must(t, "status", "--output", "json")
	if err := json.Unmarshal(r.stdout.Bytes(), &st); err != nil {
		t.Fatalf("status: %v: %s", err, r.text())
	}
	return st
}

func (st status) part(t *testing.T, name string) part {
	t.Helper()
	for _, p := range st.Parts {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("status has no part %s: %+v", name, st)
	return part{}
}

// processes are the IDs of the cluster's processes.
func (l lab) processes(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && strings.Contains(string(cmdline), l.dir+"\x00") || strings.Contains(string(cmdline), l.dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// until waits for a condition, or fails the test.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

func client(t *testing.T, a access) kubernetes.Interface {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", a.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func healthy(t *testing.T, a access) bool {
	t.Helper()
	_, err := client(t, a).CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceDefault, metav1.GetOptions{})
	return err == nil
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(fmt.Errorf("killing %d: %w", pid, err))
	}
}

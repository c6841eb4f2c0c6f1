//go:build linux

package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary plays the supervised programs, too.
const (
	envRole = "K8STUTOR_TEST_ROLE"
	envDir  = "K8STUTOR_TEST_DIR"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(envRole); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(m)
}

// play is what a child of the tests does.
func play(role string) int {
	fmt.Println("here is", role)
	leash := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(leash)
	}()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	switch role {
	case "crash":
		fmt.Println("something is wrong")
		fmt.Fprintln(os.Stderr, "giving up")
		return 3
	case "stubborn":
		<-leash
		return 1
	case "supervisor":
		s := New(Options{
			Program: os.Args[0], LogDir: os.Getenv(envDir), Log: slog.New(slog.DiscardHandler),
			Parts: []Part{steadyPart("one"), steadyPart("two")},
		})
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		go func() {
			if err := s.Serve(ctx, filepath.Join(os.Getenv(envDir), "s"), stop); err != nil {
				fmt.Println(err)
			}
		}()
		s.Run(ctx)
		return 0
	default: // "steady"
		select {
		case <-leash:
			return 1
		case <-term:
			fmt.Println("bye")
			return 0
		}
	}
}

func steadyPart(name string) Part { return Part{Name: name, Env: []string{envRole + "=steady"}} }

// start runs a supervisor for a test and returns how to stop it.
func start(t *testing.T, o Options) (s *Supervisor, stop func()) {
	t.Helper()
	o.Program, o.Log = os.Args[0], slog.New(slog.DiscardHandler)
	if o.LogDir == "" {
		o.LogDir = t.TempDir()
	}
	s = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return s, stop
}

// until waits for a condition, or fails the test.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

func partOf(t *testing.T, st Status, name string) PartStatus {
	t.Helper()
	for _, p := range st.Parts {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("status has no part %s: %+v", name, st)
	return PartStatus{}
}

func TestCrashBacksOffAndKeepsLastLines(t *testing.T) {
	dir := t.TempDir()
	s, stop := start(t, Options{
		LogDir:  dir,
		Parts:   []Part{{Name: "bad", Env: []string{envRole + "=crash"}}, steadyPart("good")},
		Backoff: time.Millisecond, MaxBackoff: 40 * time.Millisecond,
	})
	until(t, "three restarts", func() bool { return partOf(t, s.Status(), "bad").Restarts >= 3 })
	until(t, "a pause", func() bool { return partOf(t, s.Status(), "bad").State == StateBackingOff })
	bad := partOf(t, s.Status(), "bad")
	if bad.ExitCode != 3 || bad.Exit != "exit status 3" {
		t.Errorf("ended with %d, %q", bad.ExitCode, bad.Exit)
	}
	if got := strings.Join(bad.LastLog, "|"); !strings.HasSuffix(got, "something is wrong|giving up") {
		t.Errorf("last lines %q", got)
	}
	if good := partOf(t, s.Status(), "good"); good.Restarts != 0 || good.State != StateRunning || good.PID == 0 {
		t.Errorf("the other part: %+v", good)
	}
	stop()
	for _, p := range s.Status().Parts {
		if p.State != StateStopped || p.PID != 0 {
			t.Errorf("after the end: %+v", p)
		}
	}
	if lines := LastLines(filepath.Join(dir, "good.log"), 1); len(lines) != 1 || lines[0] != "bye" {
		t.Errorf("the good part was not asked to stop: %q", lines)
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	s, _ := start(t, Options{
		Parts:   []Part{{Name: "bad", Env: []string{envRole + "=crash"}}},
		Backoff: 10 * time.Millisecond, MaxBackoff: time.Hour,
	})
	// 10, 20, 40, 80, 160 ms and the time of six starts.
	began := time.Now()
	until(t, "five restarts", func() bool { return partOf(t, s.Status(), "bad").Restarts >= 5 })
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("five restarts took only %s", took)
	}
}

func TestProgramIsMissing(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{Program: filepath.Join(dir, "gone"), LogDir: dir, Parts: []Part{{Name: "part"}}, Log: slog.New(slog.DiscardHandler), Backoff: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	until(t, "the failure", func() bool { return partOf(t, s.Status(), "part").State == StateBackingOff })
	if got := partOf(t, s.Status(), "part").Exit; !strings.Contains(got, "no such file") {
		t.Errorf("exit %q", got)
	}
	cancel()
	<-done
}

func TestStubbornPartIsKilled(t *testing.T) {
	s, stop := start(t, Options{Parts: []Part{{Name: "deaf", Env: []string{envRole + "=stubborn"}}}, StopTimeout: 50 * time.Millisecond})
	until(t, "the part", func() bool { return partOf(t, s.Status(), "deaf").State == StateRunning })
	// It has to be deaf to SIGTERM first.
	log := filepath.Join(s.opts.LogDir, "deaf.log")
	until(t, "its first line", func() bool { return len(LastLines(log, 1)) == 1 })
	pid := partOf(t, s.Status(), "deaf").PID
	stop()
	if alive(pid) {
		t.Errorf("process %d is still there", pid)
	}
}

func TestStagesStopInOrder(t *testing.T) {
	dir := t.TempDir()
	parts := []Part{steadyPart("store"), steadyPart("server"), steadyPart("client")}
	parts[0].StopStage, parts[1].StopStage = 2, 1
	s, stop := start(t, Options{LogDir: dir, Parts: parts})
	for _, p := range parts {
		until(t, p.Name, func() bool { return len(LastLines(filepath.Join(dir, p.Name+".log"), 1)) == 1 })
	}
	stop()
	st := s.Status()
	client, server, store := partOf(t, st, "client"), partOf(t, st, "server"), partOf(t, st, "store")
	if !client.Since.Before(server.Since) || !server.Since.Before(store.Since) {
		t.Errorf("stopped at: client %v, server %v, store %v", client.Since, server.Since, store.Since)
	}
}

// TestChildrenDieWithTheSupervisor kills a supervisor in a process of its own.
func TestChildrenDieWithTheSupervisor(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envRole+"=supervisor", envDir+"="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := NewClient(filepath.Join(dir, "s"))
	var pids []int
	until(t, "both children", func() bool {
		st, err := client.Status(t.Context())
		if err != nil {
			return false
		}
		pids = nil
		for _, p := range st.Parts {
			if p.State == StateRunning {
				pids = append(pids, p.PID)
			}
		}
		return len(pids) == 2
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for _, pid := range pids {
		until(t, "the end of process "+strconv.Itoa(pid), func() bool { return !alive(pid) })
	}
	if _, err := client.Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("status says %v", err)
	}
}

func TestControlSocket(t *testing.T) {
	dir := t.TempDir()
	s, _ := start(t, Options{LogDir: dir, Parts: []Part{steadyPart("one")}, Backoff: time.Millisecond})
	socket := filepath.Join(dir, "s")
	if err := os.WriteFile(socket, nil, 0o600); err != nil { // left by one that was killed
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, socket, func() { close(stopped) }) }()
	client := NewClient(socket)
	source := Source{Client: client, LogDir: dir}
	until(t, "an answer", func() bool { _, err := client.Status(ctx); return err == nil })
	run, err := source.WaitRunning(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}

	ended := make(chan int, 1)
	go func() {
		code, err := source.WaitExit(ctx, "one", run)
		if err != nil {
			code = -1
		}
		ended <- code
	}()
	st, err := client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(partOf(t, st, "one").PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != 137 {
		t.Errorf("exit code %d, want 137", code)
	}
	again, err := source.WaitRunning(ctx, "one")
	if err != nil || again != run+1 {
		t.Errorf("next run is %d, %v", again, err)
	}
	if _, err := client.WaitChange(ctx, "two", 0); err == nil {
		t.Error("a part that does not exist has a status")
	}
	if err := client.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	<-stopped
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err) && syscall.Kill(pid, 0) == nil
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return !strings.HasPrefix(rest, "Z")
}

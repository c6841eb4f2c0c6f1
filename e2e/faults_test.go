//go:build linux

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// first is the first step of the Service lesson, done by one command.
const (
	first  = "kubectl create deployment go-api --image=go-api:0.0.1 --replicas=3"
	second = "step 2 of"
)

// TestFaults shows what happens when things go wrong while somebody learns.
// The parts follow each other on one cluster, as they would in a bad hour.
func TestFaults(t *testing.T) {
	l := newLearner(t)
	r := l.sit(t, 120, 40, "start", "service")
	r.see("CHECKS")

	t.Run("a second start says who holds the cluster", func(t *testing.T) {
		_, stderr, err := l.run(t, "start")
		if err == nil || !strings.Contains(stderr, `cluster "default" is in use by k8stutor start (process `+strconv.Itoa(r.PID())) {
			t.Errorf("%v: %s", err, stderr)
		}
		// Another name is another cluster: nothing of the first is in the way.
		if out := l.must(t, "--name", "other", "cluster", "status"); !strings.Contains(out, "absent") {
			t.Errorf("the cluster other: %s", out)
		}
	})

	t.Run("the API server is killed while a step is open", func(t *testing.T) {
		r := &robot{t, r.Term}
		before := l.part(t, "apiserver")
		if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s := r.see("unreachable")
		if strings.Contains(s, "What happened") {
			t.Errorf("a step was ticked by an API server that is gone:\n%s", s)
		}
		s = r.seeNot("unreachable")
		if strings.Contains(s, "What happened") {
			t.Errorf("a step was ticked by an API server that came back:\n%s", s)
		}
		after := l.part(t, "apiserver")
		if after.PID == before.PID || after.Restarts == 0 || len(after.LastLog) == 0 {
			t.Errorf("the status does not tell of the restart: %+v", after)
		}
		r.shell(first)
		r.see("What happened")
	})

	t.Run("the screen is killed", func(t *testing.T) {
		r := &robot{t, r.Term}
		r.command("n")
		r.see(second)
		r.see("CHECKS")
		r.shell("clear; export SH=$$; sh -c 'echo child=$$=shell=$SH=; sleep 1000'")
		child := regexp.MustCompile(`child=(\d+)=shell=(\d+)=`)
		m := child.FindStringSubmatch(r.await("the PIDs", child.MatchString))
		if err := syscall.Kill(r.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.ended()
		for _, pid := range m[1:] {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			gone(t, n)
		}
		if out := l.must(t, "list"); !strings.Contains(out, "1/10") {
			t.Errorf("the progress is lost:\n%s", out)
		}
	})

	t.Run("the next start resumes", func(t *testing.T) {
		r := l.sit(t, 80, 24, "start")
		r.see(second)
		r.command("q")
		r.see("Quit?")
		r.keys("y")
		if code := r.ended(); code != 0 {
			t.Errorf("exit code %d:\n%s", code, r.screen())
		}
	})

	t.Run("the progress file is damaged", func(t *testing.T) {
		file := filepath.Join("state/k8stutor/progress/default.json")
		l.write(t, file, `{"version":1,"lessons":{`)
		_, stderr, err := l.run(t, "start")
		if err != nil || !strings.Contains(stderr, "cannot read the progress file") || !strings.Contains(stderr, "it was moved to") {
			t.Errorf("%v: %s", err, stderr)
		}
		kept, err := filepath.Glob(filepath.Join(l.home, file+".damaged-*"))
		if err != nil || len(kept) != 1 {
			t.Errorf("the damaged file was not set aside: %v, %v", kept, err)
		}
	})

	t.Run("the terminal is too small", func(t *testing.T) {
		r := l.sit(t, 39, 11, "start")
		r.await("that it is too small", func(s string) bool { return seen(s, "The terminal is too small") })
		if err := r.Resize(80, 24); err != nil {
			t.Fatal(err)
		}
		r.see("step 2 of")
		r.keys("\x07q")
		r.see("Quit?")
		r.keys("y")
		r.ended()
	})

	t.Run("without a terminal", func(t *testing.T) {
		out := l.must(t, "start")
		if !strings.Contains(out, "step 2 of 10 (service/addresses)") || !strings.Contains(out, "check service/addresses --watch") {
			t.Errorf("start printed:\n%s", out)
		}
		if out, _, err := l.run(t, "check"); err == nil || !strings.Contains(out, "service/addresses") {
			t.Errorf("check: %v\n%s", err, out)
		}
		if _, stderr, err := l.run(t, "check", "service/dns"); err == nil || !strings.Contains(stderr, "the cluster is at service/addresses, not at service/dns") {
			t.Errorf("check of another step: %v: %s", err, stderr)
		}
		l.must(t, "reset", "service/deploy")
		if out, _, err := l.run(t, "check", "service/deploy", "-o", "json"); err == nil || !strings.Contains(out, `"met":false`) {
			t.Errorf("check after reset: %v\n%s", err, out)
		}
		l.must(t, append([]string{"kubectl", "-n", "tutor-service"}, strings.Fields(first)[1:]...)...)
		if out, stderr, err := l.run(t, "check", "service/deploy", "--watch"); err != nil {
			t.Errorf("check --watch: %v\n%s%s", err, out, stderr)
		}
	})

	t.Run("pause and resume", func(t *testing.T) {
		pid := l.part(t, "etcd").PID
		l.must(t, "cluster", "down")
		gone(t, pid)
		if _, stderr, err := l.run(t, "check"); err == nil || !strings.Contains(stderr, "bring it up with `k8stutor cluster up`") {
			t.Errorf("check on a paused cluster: %v: %s", err, stderr)
		}
		l.must(t, "cluster", "up")
		if out := l.must(t, "kubectl", "-n", "tutor-service", "get", "deployment", "go-api", "-o", "name"); out != "deployment.apps/go-api\n" {
			t.Errorf("after the pause: %q", out)
		}
	})
}

// TestCancelledStart cancels the start of a new cluster: nothing of it stays.
func TestCancelledStart(t *testing.T) {
	l := newLearner(t)
	r := l.sit(t, 80, 24, "start")
	r.see("control plane")
	r.keys("\x03")
	if code := r.ended(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	r.see("k8stutor: cancelled")
	if out := l.must(t, "cluster", "list"); !strings.Contains(out, "no clusters yet") {
		t.Errorf("a cluster is left: %s", out)
	}
	left, err := processes(t.Context(), filepath.Join(l.home, "state"))
	if err != nil || len(left) > 0 {
		t.Errorf("processes of it are left: %v, %v", left, err)
	}
}

// processes finds the processes with path in their command line.
func processes(ctx context.Context, path string) ([]string, error) {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range all {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		line, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(line), path) {
			out = append(out, f+": "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return out, nil
}

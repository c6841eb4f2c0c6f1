package fidelity

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
)

// https://kubernetes.io/docs/reference/kubectl/generated/kubectl_logs/
func TestLogs(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: logs}
spec:
  restartPolicy: Never
  containers:
  - name: first
    image: toolbox:1.0
    command: [sh, -c, "i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); done; echo oops >&2; while [ ! -f /tmp/go ]; do sleep 0.1; done; echo last"]
  - {name: second, image: "toolbox:1.0", command: [sh, -c, "echo other; sleep infinity"]}
`)
	s.waitReady("logs")
	follow := s.start("logs", "-f", "logs", "-c", "first")
	follow.waitOutput("oops")
	const all = "line 0\nline 1\nline 2\nline 3\nline 4\noops\n"
	if got := s.kubectl("logs", "logs", "-c", "first"); got != all {
		t.Errorf("logs: %q", got)
	}
	if got := s.kubectl("logs", "logs"); got != all { // the first container is the default
		t.Errorf("logs of the default container: %q", got)
	}
	if got := s.kubectl("logs", "logs", "-c", "first", "--tail=2"); got != "line 4\noops\n" {
		t.Errorf("--tail=2: %q", got)
	}
	if got := s.kubectl("logs", "logs", "-c", "first", "--since=1h", "--limit-bytes=6"); got != "line 0" {
		t.Errorf("--limit-bytes=6: %q", got)
	}
	if got := s.kubectl("logs", "logs", "-c", "first", "--timestamps", "--tail=1"); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z oops\n$`).MatchString(got) {
		t.Errorf("--timestamps: %q", got)
	}
	if got := s.kubectl("logs", "logs", "--all-containers", "--prefix", "--tail=1"); !strings.Contains(got, "[pod/logs/second] other") {
		t.Errorf("--all-containers --prefix: %q", got)
	}
	if r := s.try("", "logs", "logs", "-c", "first", "--previous"); r.code == 0 || !strings.Contains(r.stderr, "previous terminated container") {
		t.Errorf("--previous without a previous one: %+v", r)
	}
	if r := s.try("", "logs", "logs", "-c", "none"); r.code == 0 || !strings.Contains(r.stderr, "container none is not valid for pod logs") {
		t.Errorf("unknown container: %+v", r)
	}
	// A follower sees the rest and ends with the container.
	s.kubectl("exec", "logs", "-c", "first", "--", "touch", "/tmp/go")
	if code := follow.waitEnd(); code != 0 || follow.output.String() != all+"last\n" {
		t.Errorf("logs -f: exit code %d, %q", code, follow.output)
	}
}

// https://kubernetes.io/docs/tasks/debug/debug-application/get-shell-running-container/
func TestExec(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "box", "--image=toolbox:1.0")
	s.kubectl("run", "scratch", "--image=go-api:0.0.1")
	s.waitReady("box")
	s.waitReady("scratch")
	tests := []struct {
		name, stdin    string
		args           []string
		code           int
		stdout, stderr string // stderr: a part of it
	}{
		{"output", "", []string{"box", "--", "echo", "hello"}, 0, "hello\n", ""},
		{"streams apart", "", []string{"box", "--", "sh", "-c", "echo out; echo err >&2"}, 0, "out\n", "err"},
		{"exit code", "", []string{"box", "--", "sh", "-c", "exit 7"}, 7, "", "command terminated with exit code 7"},
		{"stdin", "from here", []string{"-i", "box", "--", "cat"}, 0, "from here", ""},
		{"hostname", "", []string{"box", "--", "hostname"}, 0, "box\n", ""},
		{"no shell", "", []string{"scratch", "--", "sh"}, 1, "", `OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown`},
		{"unknown container", "", []string{"box", "-c", "none", "--", "true"}, 1, "", "container none is not valid for pod box"},
		{"unknown pod", "", []string{"none", "--", "true"}, 1, "", `pods "none" not found`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := s.try(test.stdin, append([]string{"exec"}, test.args...)...)
			if r.code != test.code || r.stdout != test.stdout || !strings.Contains(r.stderr, test.stderr) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// https://kubernetes.io/docs/reference/kubectl/generated/kubectl_attach/
func TestAttach(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: cat}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: "toolbox:1.0", stdin: true, stdinOnce: true, command: [sh, -c, "while read line; do echo got $line; done"]}
`)
	s.waitReady("cat")
	attach := s.start("attach", "-i", "cat")
	if _, err := io.WriteString(attach.stdin, "one\n"); err != nil {
		t.Fatal(err)
	}
	attach.waitOutput("got one")
	if err := attach.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	// stdinOnce: the end of the first client's input is the end of the program's.
	s.waitPod("cat", "Succeeded", func(p *v1.Pod) bool { return p.Status.Phase == v1.PodSucceeded })
	if log := s.kubectl("logs", "cat"); log != "got one\n" {
		t.Errorf("log: %q", log)
	}
}

// https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/
func TestPortForward(t *testing.T) {
	s := newSpace(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: "go-api:0.0.2", ports: [{name: http, containerPort: 8080}], readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
`)
	s.waitReady("web")
	for target, remote := range map[string]string{"pod/web": "8080", "svc/web": "80"} {
		forward := s.start("port-forward", target, ":"+remote)
		forward.waitOutput("Forwarding from 127.0.0.1:")
		local := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindStringSubmatch(forward.output.String())[1]
		for range 3 { // more than one connection
			body, err := get("http://127.0.0.1:" + local + "/")
			if err != nil || !strings.Contains(body, "go-api 0.0.2 from web") {
				t.Errorf("%s: %q, %v", target, body, err)
			}
		}
	}
	closed := s.start("port-forward", "pod/web", ":9")
	closed.waitOutput("Forwarding from 127.0.0.1:")
	local := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindStringSubmatch(closed.output.String())[1]
	if body, err := get("http://127.0.0.1:" + local + "/"); err == nil {
		t.Errorf("a port where nothing listens answered %q", body)
	}
	closed.waitOutput("connection refused")
}

func get(url string) (string, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// https://kubernetes.io/docs/reference/kubectl/generated/kubectl_cp/
func TestCopy(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "box", "--image=toolbox:1.0")
	s.waitReady("box")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.kubectl("cp", filepath.Join(dir, "in"), "box:/tmp/in")
	if got := s.kubectl("exec", "box", "--", "cat", "/tmp/in"); got != "content" {
		t.Errorf("copied into the container: %q", got)
	}
	s.kubectl("cp", "box:/tmp/in", filepath.Join(dir, "out"))
	if got, err := os.ReadFile(filepath.Join(dir, "out")); string(got) != "content" {
		t.Errorf("copied out of the container: %q, %v", got, err)
	}
}

// https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ and
// https://kubernetes.io/docs/reference/access-authn-authz/node/ : the kubelet's
// figures of a Pod that works.
func TestStatsFollowWork(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "busy", "--image=go-api:0.0.1", "--env=FAIL=cpu")
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: limited}
spec: {containers: [{name: c, image: "go-api:0.0.1", env: [{name: FAIL, value: cpu}], resources: {limits: {cpu: 100m, memory: 64Mi}}}]}
`)
	s.kubectl("run", "idle", "--image=go-api:0.0.1")
	node := s.waitReady("busy").Spec.NodeName
	s.waitReady("idle")
	s.waitReady("limited")
	container := map[string]string{"busy": "busy", "limited": "c", "idle": "idle"}
	path := fmt.Sprintf("/api/v1/nodes/%s/proxy/stats/summary", node)
	var busy, limited, idle float64
	s.wait("CPU figures that follow the work", func() bool {
		summary := s.kubectl("get", "--raw", path)
		busy, limited, idle = nanoCores(t, summary, s.ns, "busy"), nanoCores(t, summary, s.ns, "limited"), nanoCores(t, summary, s.ns, "idle")
		// A machine that is busy with other things gives them less.
		return busy > 0.05e9 && limited > 0.02e9
	})
	// No call leaves a Pod out, nor does what metrics-server reads.
	resources := fmt.Sprintf("/api/v1/nodes/%s/proxy/metrics/resource", node)
	for range 10 {
		checkListed(t, s.kubectl("get", "--raw", path), s.ns, "busy", "limited", "idle")
		metrics := s.kubectl("get", "--raw", resources)
		for _, pod := range []string{"busy", "limited", "idle"} {
			line := fmt.Sprintf("container_memory_working_set_bytes{container=%q,namespace=%q,pod=%q}", container[pod], s.ns, pod)
			if !strings.Contains(metrics, line) {
				t.Errorf("the metrics lack %s", line)
			}
		}
	}
	if limited > 0.13e9 {
		t.Errorf("the container with a limit of 100m uses %.0fm", limited/1e6)
	}
	if idle > 0.02e9 {
		t.Errorf("the idle container uses %.0fm", idle/1e6)
	}
}

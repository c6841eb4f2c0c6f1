package goapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/goapi"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// app is a running go-api.
type app struct {
	t    *testing.T
	p    *workloadtest.Process
	kill context.CancelFunc
	done chan int
	http *http.Client
}

func start(t *testing.T, env []string, args ...string) *app {
	t.Helper()
	p := workloadtest.New(t, append([]string{"/go-api"}, args...)...)
	p.Env = append(p.Env, env...)
	ctx, kill := context.WithCancel(t.Context())
	p.Memory.OnLimit, p.Memory.Limit = kill, 96<<20
	a := &app{t: t, p: p, kill: kill, done: make(chan int, 1)}
	transport := &http.Transport{DialContext: p.Net.Dial, DisableKeepAlives: true}
	a.http = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	go func() { a.done <- goapi.New("0.0.2").Run(ctx, p.Process) }()
	t.Cleanup(func() { kill(); transport.CloseIdleConnections() })
	return a
}

func (a *app) request(method, path string, header ...string) (int, string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, "http://10.244.0.9:8080"+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := a.http.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (a *app) get(path, want string, status int) {
	a.t.Helper()
	if code, body := a.request("GET", path); code != status || !strings.Contains(body, want) {
		a.t.Errorf("GET %s: %d %q, want %d %q", path, code, body, status, want)
	}
}

func (a *app) log(want string) { a.t.Helper(); a.p.Out.WaitFor(a.t, 0, want) }

func (a *app) ends(code int) {
	a.t.Helper()
	select {
	case got := <-a.done:
		if got != code {
			a.t.Errorf("exit code %d, want %d; log:\n%s", got, code, a.p.Out)
		}
	case <-time.After(20 * time.Second):
		a.t.Fatalf("still running; log:\n%s", a.p.Out)
	}
}

func TestAnswers(t *testing.T) {
	a := start(t, nil)
	a.log("go-api 0.0.2 listening on :8080 (pid 7, host toolbox-1)")
	a.get("/", "go-api 0.0.2 from toolbox-1\n", 200)
	a.get("/version", "0.0.2\n", 200)
	a.get("/healthz", "ok", 200)
	a.get("/readyz", "ok", 200)
	a.get("/nope", "404", 404)
	a.get("/env?name=GREETING", "hello", 200)
	a.get("/env?name=NOPE", "not set", 404)
	a.get("/work?ms=20", "worked 20 ms", 200)
	a.get("/work?ms=-1", "want a number", 400)
	a.get("/work?ms=999999999", "want a number", 400)
	_, body := a.request("GET", "/", "Accept", "application/json")
	var answer struct{ App, Version, Hostname string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Version != "0.0.2" || answer.Hostname != "toolbox-1" {
		t.Errorf("JSON %q, %v", body, err)
	}
	a.log("GET /work?ms=20 200 from 127.0.0.1 in ")
	if _, charged := a.p.CPU.Seen(); charged < time.Millisecond {
		t.Errorf("eleven requests were charged %s", charged)
	}
	if strings.Contains(a.p.Out.String(), "/readyz") {
		t.Error("successful probes are in the log")
	}
	a.p.Sig <- workload.SIGTERM
	a.ends(0)
	a.log("stopped after")
}

func TestSettings(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		args []string
		code int
		log  string
	}{
		{"missing variable", []string{"REQUIRED_ENV=GREETING,DATABASE_URL"}, nil, 1, "ERROR can't start: environment variable DATABASE_URL is not set"},
		{"config", nil, []string{"--fail=config"}, 1, "config file /etc/go-api/config.yaml: no such file or directory"},
		{"crash", []string{"FAIL=crash", "FAIL_EXIT_CODE=7"}, nil, 7, "FATAL database db:5432: connection refused, exiting with code 7"},
		{"argument wins", []string{"FAIL=crash"}, []string{"--fail", "exit"}, 0, "work is done"},
		{"unknown mode", []string{"FAIL=nope"}, nil, 2, `environment variable FAIL="nope": unknown mode, want one of none, config`},
		{"unknown argument", nil, []string{"--nope"}, 2, "flag provided but not defined: -nope"},
		{"bad duration", []string{"START_DELAY=x"}, nil, 2, "want a duration such as 500ms"},
		{"bad port", []string{"PORT=99999"}, nil, 2, "want 1 to 65535"},
		{"operand", nil, []string{"x"}, 2, `unexpected argument "x"`},
		{"version", nil, []string{"--version"}, 0, "go-api 0.0.2"},
		{"help", nil, []string{"--help"}, 0, "-fail-after"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := start(t, tt.env, tt.args...)
			a.ends(tt.code)
			a.log(tt.log)
		})
	}
}

func TestStartDelay(t *testing.T) {
	a := start(t, []string{"START_DELAY=1h"})
	a.log("not ready for another 1h")
	a.get("/healthz", "ok", 200)
	a.get("/readyz", "warming up", 503)
}

func TestListenDelay(t *testing.T) {
	a := start(t, []string{"LISTEN_DELAY=1h"})
	a.log("will listen in 1h0m0s")
	if a.p.Net.Listening("8080") {
		t.Error("listens already")
	}
	a.p.Sig <- workload.SIGTERM
	a.ends(0)
}

func TestModes(t *testing.T) {
	a := start(t, nil)
	a.log("listening")
	set := func(mode string) {
		t.Helper()
		if code, body := a.request("POST", "/fail?mode="+mode); code != 200 {
			t.Fatalf("%s: %d %s", mode, code, body)
		}
		a.log("failing mode is now " + mode)
	}
	set("not-ready")
	a.get("/readyz", "database db:5432 not reachable", 503)
	a.get("/healthz", "ok", 200)
	set("unhealthy")
	a.get("/readyz", "ok", 200)
	a.get("/healthz", "unhealthy", 500)
	set("error")
	a.get("/", "internal error", 500)
	set("hang")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://10.244.0.9:8080/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := a.http.Do(req); err == nil {
		_ = res.Body.Close()
		t.Error("answered while hanging")
	}
	set("ignore-term")
	a.p.Sig <- workload.SIGTERM
	a.log("ignoring it")
	a.get("/", "go-api", 200)
	set("none")
	if code, _ := a.request("POST", "/fail?mode=nope"); code != 400 {
		t.Errorf("unknown mode: %d", code)
	}
	if code, _ := a.request("GET", "/fail?mode=none"); code != 405 {
		t.Errorf("GET: %d", code)
	}
	a.get("/crash", "going to crash", 200)
	a.ends(1)
	a.log("FATAL crash was asked for")
}

func TestMemoryUntilKilled(t *testing.T) {
	a := start(t, []string{"FAIL=memory", "MEMORY=90Mi"})
	a.ends(137)
}

func TestMemoryFromTheStart(t *testing.T) {
	a := start(t, []string{"MEMORY=64Mi"})
	a.log("listening")
	if used, _ := a.p.Memory.Usage(); used != 64<<20 {
		t.Errorf("holds %d", used)
	}
}

func TestCPU(t *testing.T) {
	a := start(t, []string{"FAIL=cpu"})
	a.log("listening")
	deadline := time.After(10 * time.Second)
	for {
		if calls, _ := a.p.CPU.Seen(); calls > 3 {
			break
		}
		select {
		case <-deadline:
			t.Fatal("uses no CPU")
		case <-time.After(time.Millisecond):
		}
	}
	a.kill()
	a.ends(137)
}

func TestPanic(t *testing.T) {
	p := workloadtest.New(t, "/go-api", "--fail=panic")
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "nil pointer") {
			t.Errorf("recovered %v", r)
		}
	}()
	goapi.New("0.0.1").Run(t.Context(), p.Process)
}

func TestKilled(t *testing.T) {
	a := start(t, nil)
	a.log("listening")
	a.kill()
	a.ends(137)
}

// TestShutdownDrains holds a request open, sends TERM, and wants the request
// answered, readiness gone, and new connections refused only after the delay.
func TestShutdownDrains(t *testing.T) {
	a := start(t, []string{"RESPONSE_DELAY=300ms", "SHUTDOWN_DELAY=100ms"})
	a.log("listening")
	open := make(chan string, 1)
	conn, err := a.p.Net.Dial(t.Context(), "tcp", net.JoinHostPort("10.244.0.9", "8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		b, _ := io.ReadAll(conn)
		open <- string(b)
	}()
	// A second request that was answered shows that the first was accepted.
	a.get("/version", "0.0.2", 200)
	a.p.Sig <- workload.SIGTERM
	a.log("answering for another 100ms")
	a.get("/readyz", "shutting down", 503)
	a.ends(0)
	if got := <-open; !strings.Contains(got, "go-api 0.0.2 from toolbox-1") {
		t.Errorf("open request got %q", got)
	}
}

func TestTerminal(t *testing.T) {
	p := workloadtest.New(t, "/go-api")
	in, keyboard := io.Pipe()
	p.TTY, p.Stdin = true, in
	done := make(chan int, 1)
	go func() { done <- goapi.New("0.0.1").Run(t.Context(), p.Process) }()
	p.Out.WaitFor(t, 0, "toolbox-1)\r\n")
	if _, err := io.WriteString(keyboard, "\x03"); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
	_ = keyboard.Close()
	p.Out.WaitFor(t, 0, "got INT")
}

package system_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/rest"

	"github.com/k8stutor/k8stutor/cluster/embedded/system"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) { //nolint:forbidigo // between two looks
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in 10 s", what)
		}
	}
}

// files is the part of a file system that the programs use.
type files struct {
	workload.FS
	dir string
}

func (f files) OpenFile(name string, flag int, perm os.FileMode) (workload.File, error) {
	return os.OpenFile(filepath.Join(f.dir, name), flag, perm)
}

// run is one run of a part for Mirror.
type run struct {
	log  string
	exit chan int
}

func (r run) LogFile(part string) string {
	if part != "etcd" {
		return ""
	}
	return r.log
}

func (r run) WaitRunning(ctx context.Context, part string) (int, error) {
	if part != "etcd" {
		return 0, errors.New("there is no part " + part)
	}
	return 3, ctx.Err()
}

func (r run) WaitExit(ctx context.Context, part string, number int) (int, error) {
	if part != "etcd" || number != 3 {
		return 0, errors.New("another run")
	}
	select {
	case code := <-r.exit:
		return code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func appendTo(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMirror(t *testing.T) {
	tests := []struct {
		name, part string
		end        func(r run, signals chan<- workload.Signal, kill func())
		code       int
		err        string
	}{
		{name: "the part ends", part: "etcd", end: func(r run, _ chan<- workload.Signal, _ func()) { r.exit <- 7 }, code: 7},
		{name: "the container is told to end", part: "etcd", end: func(_ run, s chan<- workload.Signal, _ func()) { s <- workload.SIGTERM }},
		{name: "the container is killed", part: "etcd", end: func(_ run, _ chan<- workload.Signal, kill func()) { kill() }, code: 1, err: "context canceled"},
		{name: "no such part", part: "nothing", code: 1, err: "there is no part nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run{log: filepath.Join(t.TempDir(), "etcd.log"), exit: make(chan int, 1)}
			appendTo(t, r.log, "one\n")
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			out, signals, code := &workloadtest.Buffer{}, make(chan workload.Signal, 1), make(chan int, 1)
			m := &system.Mirror{Part: tt.part, Source: r}
			go func() { code <- m.Run(ctx, &workload.Process{Stdout: io.Discard, Stderr: out, Signals: signals}) }()
			if tt.end != nil {
				waitFor(t, "the first line", func() bool { return out.String() == "one\n" })
				appendTo(t, r.log, "two\n")
				tt.end(r, signals, kill)
			}
			if got := <-code; got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
			// What was logged last is not lost.
			if tt.end != nil && !strings.HasPrefix(out.String(), "one\ntwo\n") || !strings.Contains(out.String(), tt.err) {
				t.Errorf("output %q", out)
			}
		})
	}
}

func TestFollow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	out := &workloadtest.Buffer{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- system.Follow(ctx, name, out) }()
	appendTo(t, name, "first file\n")
	waitFor(t, "a file that appears", func() bool { return out.String() == "first file\n" })
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	appendTo(t, name, "cut\n")
	waitFor(t, "a file that was truncated", func() bool { return strings.HasSuffix(out.String(), "cut\n") })
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, name, "new file\n")
	waitFor(t, "a file that was replaced", func() bool { return strings.HasSuffix(out.String(), "new file\n") })
	appendTo(t, name, "last\n")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, want := out.String(), "first file\ncut\nnew file\nlast\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPause(t *testing.T) {
	for _, s := range []workload.Signal{workload.SIGTERM, workload.SIGINT} {
		signals, code := make(chan workload.Signal), make(chan int, 1)
		go func() {
			code <- system.Pause(t.Context(), &workload.Process{Stderr: io.Discard, Signals: signals})
		}()
		signals <- workload.SIGHUP // not for it
		signals <- s
		if got := <-code; got != 0 {
			t.Errorf("signal %d: exit code %d", s, got)
		}
	}
}

// TestInCluster shows the whole way of a Pod to the API server: its
// ServiceAccount's files, the Service's address, the node's port.
func TestInCluster(t *testing.T) {
	var mu sync.Mutex
	var tokens []string
	real := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		tokens = append(tokens, r.Header.Get("Authorization"))
	}))
	defer real.Close()
	n := vnet.New(vnet.Config{})
	defer n.Close()
	n.MapNodePort(6443, real.Listener.Addr().String())
	pod, err := n.Attach(vnet.PodConfig{Name: "kube-system/test"})
	if err != nil {
		t.Fatal(err)
	}
	fs := files{dir: t.TempDir()}
	p := &workload.Process{FS: fs, Net: pod, Env: []string{"KUBERNETES_SERVICE_HOST=10.9.9.9", "KUBERNETES_SERVICE_HOST=172.18.0.2", "KUBERNETES_SERVICE_PORT=6443"}}
	if _, err := system.InCluster(p, ""); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt") {
		t.Errorf("without a ServiceAccount: %v", err)
	}
	if _, err := system.InCluster(&workload.Process{FS: fs, Net: pod}, ""); err == nil || !strings.Contains(err.Error(), "KUBERNETES_SERVICE_HOST") {
		t.Errorf("without the Service's variables: %v", err)
	}
	dir := filepath.Join(fs.dir, "var/run/secrets/kubernetes.io/serviceaccount")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	appendTo(t, filepath.Join(dir, "ca.crt"), "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
	appendTo(t, filepath.Join(dir, "token"), "secret\n")
	cfg, err := system.InCluster(p, "")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Host != "https://172.18.0.2:6443" {
		t.Errorf("server %s", cfg.Host)
	}
	// The test's server has a certificate of its own.
	cfg.CAData, cfg.Insecure = nil, true
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Get(cfg.Host + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	client.CloseIdleConnections()
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(tokens, []string{"Bearer secret"}) {
		t.Errorf("credentials %q", tokens)
	}
}

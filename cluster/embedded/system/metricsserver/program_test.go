package metricsserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "metrics-server" {
		os.Exit(fakeChild(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

// fakeChild stands for the real metrics-server: it has the same command line,
// serves on the socket, asks the API server with its kubeconfig, and ends with
// its standard input.
func fakeChild(args []string) int {
	fmt.Fprintln(os.Stderr, "child", strings.Join(args[3:], " "))
	if slices.Contains(args, "--crash") {
		return 3
	}
	l, err := net.Listen("unix", socketIn(args[1]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	config := ownFlags(args[1])["kubeconfig"]
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := askAPI(config)
		if err != nil {
			answer = err.Error()
		}
		io.WriteString(w, answer)
	}))
	io.Copy(io.Discard, os.Stdin)
	fmt.Fprintln(os.Stderr, "child ends")
	return 0
}

// askAPI uses a kubeconfig as client-go does, except that it speaks plain HTTP
// through a CONNECT tunnel, for which a certificate would only be in the way.
func askAPI(config string) (string, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", config)
	if err != nil {
		return "", err
	}
	server, err := url.Parse(cfg.Host)
	if err != nil {
		return "", err
	}
	proxy, err := cfg.Proxy(&http.Request{URL: server})
	if err != nil {
		return "", err
	}
	c, err := net.Dial("tcp", proxy.Host)
	if err != nil {
		return "", err
	}
	defer c.Close()
	req := &http.Request{Method: http.MethodConnect, Host: server.Host, URL: &url.URL{Opaque: server.Host}, Header: http.Header{}}
	password, _ := proxy.User.Password()
	auth := &http.Request{Header: http.Header{}}
	auth.SetBasicAuth(proxy.User.Username(), password)
	req.Header.Set("Proxy-Authorization", auth.Header.Get("Authorization"))
	if err := req.Write(c); err != nil {
		return "", err
	}
	token, err := os.ReadFile(cfg.BearerTokenFile)
	if err != nil {
		return "", err
	}
	ca, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(c, "%s %s\n", token, ca)
	b, err := io.ReadAll(c)
	_, answer, _ := strings.Cut(string(b), "\r\n\r\n")
	return answer, err
}

type files struct {
	workload.FS
	dir string
}

func (f files) OpenFile(name string, flag int, perm os.FileMode) (workload.File, error) {
	return os.OpenFile(filepath.Join(f.dir, name), flag, perm)
}

// pod is a Pod for the program, with an API server that echoes what it hears.
type pod struct {
	net     *vnet.Network
	process *workload.Process
	out     *workloadtest.Buffer
	signals chan workload.Signal
	dir     string
}

func newPod(t *testing.T, args ...string) *pod {
	t.Helper()
	p := &pod{net: vnet.New(vnet.Config{}), out: &workloadtest.Buffer{}, signals: make(chan workload.Signal, 1), dir: t.TempDir()}
	api, err := p.net.Node().Listen("tcp", ":6443")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := api.Accept()
			if err != nil {
				return
			}
			line := make([]byte, 100)
			k, _ := c.Read(line)
			fmt.Fprintf(c, "%s asked: %s", c.RemoteAddr().(*net.TCPAddr).IP, line[:k])
			c.Close()
		}
	}()
	t.Cleanup(func() {
		if err := p.net.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	fs := files{dir: t.TempDir()}
	sa := filepath.Join(fs.dir, serviceAccount)
	if err := os.MkdirAll(sa, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"token": "secret", "ca.crt": "the CA"} {
		if err := os.WriteFile(filepath.Join(sa, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at, err := p.net.Attach(vnet.PodConfig{Name: "kube-system/metrics-server"})
	if err != nil {
		t.Fatal(err)
	}
	p.process = &workload.Process{
		Args: append([]string{"/metrics-server"}, args...), Env: []string{"KUBERNETES_SERVICE_HOST=172.18.0.2", "KUBERNETES_SERVICE_PORT=6443"},
		Stdout: p.out, Stderr: p.out, Signals: p.signals, FS: fs, Net: at,
	}
	return p
}

func (p *pod) start(ctx context.Context) <-chan int {
	code := make(chan int, 1)
	m := &Program{Command: []string{os.Args[0]}, Dir: p.dir}
	go func() { code <- m.Run(ctx, p.process) }()
	return code
}

func TestProgram(t *testing.T) {
	tests := []struct {
		name string
		end  func(p *pod, kill func())
		code int
		says string
	}{
		{"told to end", func(p *pod, _ func()) { p.signals <- workload.SIGTERM }, 0, "child ends"},
		{"killed", func(_ *pod, kill func()) { kill() }, 137, "child --cert-dir=/tmp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPod(t, "--cert-dir=/tmp", "--secure-port=10250")
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			code := p.start(ctx)
			tr := &http.Transport{DialContext: p.net.Node().Dial, DisableKeepAlives: true}
			body := ""
			for deadline := time.Now().Add(20 * time.Second); body == "" && time.Now().Before(deadline); {
				resp, err := (&http.Client{Transport: tr}).Get("http://10.244.0.2:10250/")
				if err != nil {
					continue // it does not listen yet
				}
				b, err := io.ReadAll(resp.Body)
				if body = string(b); err != nil {
					t.Error(err)
				}
				resp.Body.Close()
			}
			if body != "10.244.0.2 asked: secret the CA\n" {
				t.Errorf("the child reached the API server as %q", body)
			}
			tt.end(p, kill)
			if got := <-code; got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
			if !strings.Contains(p.out.String(), tt.says) {
				t.Errorf("log %q", p.out)
			}
			if left, err := os.ReadDir(p.dir); err != nil || len(left) > 0 {
				t.Errorf("files left behind: %v, %v", left, err)
			}
		})
	}
}

func TestProgramFails(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		change func(*testing.T, *pod)
		code   int
		says   string
	}{
		{name: "the child's exit code", args: []string{"--crash"}, code: 3, says: "child --crash"},
		{
			name: "its port is taken", args: []string{"--secure-port", "10250"}, code: 1,
			says: "listen tcp [::]:10250: bind: address already in use",
			change: func(t *testing.T, p *pod) {
				if _, err := p.process.Net.Listen("tcp", ":10250"); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "no ServiceAccount", code: 1, says: "open /var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
			change: func(_ *testing.T, p *pod) { p.process.FS = files{dir: p.dir} },
		},
		{name: "no Service variables", code: 1, says: "KUBERNETES_SERVICE_HOST", change: func(_ *testing.T, p *pod) { p.process.Env = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPod(t, tt.args...)
			if tt.change != nil {
				tt.change(t, p)
			}
			if got := <-p.start(t.Context()); got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
			if !strings.Contains(p.out.String(), tt.says) {
				t.Errorf("log %q, want %q in it", p.out, tt.says)
			}
		})
	}
}

func TestSecurePort(t *testing.T) {
	for args, want := range map[string]int{
		"": 443, "--secure-port=10250": 10250, "--secure-port 4443": 4443, "--secure-port=1 --secure-port=2": 2,
		"--secure-port": 443, "--secure-port=x": 443, "--secure-port=70000": 443,
	} {
		if got := securePort(strings.Fields(args)); got != want {
			t.Errorf("%q: %d, want %d", args, got, want)
		}
	}
}

// Every flag of the real one is either allowed on purpose or refused.
func TestPartAllowsWhatManifestsUse(t *testing.T) {
	dir := t.TempDir()
	o, err := parse(dir, []string{
		"--cert-dir=/tmp", "--secure-port=10250", "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"--kubelet-use-node-status-port", "--kubelet-insecure-tls", "--metric-resolution=15s", "-v=2",
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.Kubeconfig != filepath.Join(dir, "kubeconfig") || o.SecureServing.ServerCert.CertDirectory != filepath.Join(dir, "certs") {
		t.Errorf("kubeconfig %s, certificates in %s", o.Kubeconfig, o.SecureServing.ServerCert.CertDirectory)
	}
	if !o.KubeletClient.InsecureKubeletTLS || o.SecureServing.BindPort != 10250 {
		t.Errorf("the Pod's own flags are lost: %+v", o.KubeletClient)
	}
}

// TestPartRejectsFlags shows that the child is the real metrics-server's
// command line.
func TestPartRejectsFlags(t *testing.T) {
	tests := []struct{ args, want string }{
		{"--no-such-flag", "unknown flag: --no-such-flag"},
		{"--metric-resolution=1s", "metric-resolution should be a time duration at least 10s, but value 1s provided"},
		{"--kubelet-certificate-authority=/ca", "does not take --kubelet-certificate-authority,"},
		{"--audit-log-path=../../../x --audit-policy-file=/p --v=1", "does not take --audit-log-path, --audit-policy-file,"},
		{"--kubeconfig=/home/ann/.kube/config", "does not take --kubeconfig,"},
		{"--tls-cert-file /c --tls-private-key-file /k", "does not take --tls-cert-file, --tls-private-key-file,"},
		{"--debug-socket-path=/tmp/s", "--debug-socket-path"},
		{"--bind-address=0.0.0.0", "does not take --bind-address,"},
	}
	for _, tt := range tests {
		cmd := NewPartCommand()
		cmd.SetArgs(append([]string{"--dir", t.TempDir(), "--"}, strings.Fields(tt.args)...))
		r, w := io.Pipe()
		cmd.SetIn(r)
		cmd.SetErr(io.Discard)
		err := cmd.ExecuteContext(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.args, err, tt.want)
		}
		if err := errors.Join(w.Close(), r.Close()); err != nil {
			t.Error(err)
		}
	}
}

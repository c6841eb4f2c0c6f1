package metricsserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/system"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

const (
	// defaultPort is what --secure-port is without that flag.
	defaultPort = 443
	// credentialsInterval is how often the Pod's token is looked at: the
	// kubelet renews it before it expires.
	credentialsInterval = 30 * time.Second
	// usageInterval is how often the child's CPU time and memory are booked.
	usageInterval = time.Second
	// connectInterval and connectTimeout are how the child's socket is waited
	// for after its start.
	connectInterval = 20 * time.Millisecond
	connectTimeout  = 10 * time.Second
)

// serviceAccount is the folder of the Pod's credentials.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/"

// Program is the program of the metrics-server container.
type Program struct {
	// Command starts the child: the executable and its arguments before
	// "metrics-server", the name of NewPartCommand's command.
	Command []string
	// Dir is a private folder with a short path for each run's files.
	Dir string
}

// child is one run.
type child struct {
	*workload.Process
	dir    string
	socket string
	port   int
	stdin  io.Closer
}

// Run implements workload.Program. It returns the child's exit code.
func (m *Program) Run(ctx context.Context, p *workload.Process) int {
	code, err := m.run(ctx, p)
	if err != nil {
		fmt.Fprintf(p.Stderr, "k8stutor: metrics-server: %v\n", err)
	}
	return code
}

func (m *Program) run(ctx context.Context, p *workload.Process) (code int, err error) {
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp(m.Dir, "ms")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := &child{Process: p, dir: dir, socket: socketIn(dir), port: securePort(p.Args)}

	l, err := p.Net.Listen("tcp", ":"+strconv.Itoa(c.port))
	if err != nil {
		return 1, fmt.Errorf("failed to create listener: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer func() {
		cancel()
		_ = l.Close() // it may be closed already
		wg.Wait()
	}()
	proxy, err := c.startProxy(ctx, &wg)
	if err != nil {
		return 1, err
	}
	if err := c.writeCredentials(proxy); err != nil {
		return 1, err
	}
	cmd := exec.CommandContext(ctx, m.Command[0], append(append([]string{}, m.Command[1:]...), c.args()...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = p.Stdout, p.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 1, err
	}
	c.stdin = stdin
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("start the child process: %w", err)
	}
	wg.Go(func() { c.accept(ctx, l, &wg) })
	wg.Go(func() { c.attend(ctx, cmd.Process.Pid) })
	if err := cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return 1, err
		}
		if code := exit.ExitCode(); code > 0 {
			return code, nil
		}
		return 128 + int(workload.SIGKILL), nil // a signal; only KILL is sent
	}
	return 0, nil
}

// args are the child's arguments: the folder of this run, then the Pod's own.
func (c *child) args() []string {
	return append([]string{"metrics-server", "--dir", c.dir, "--"}, c.Args[min(1, len(c.Args)):]...)
}

// securePort is the value of --secure-port.
func securePort(args []string) int {
	port := defaultPort
	for i, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if name != "--secure-port" {
			continue
		}
		if !ok && i+1 < len(args) {
			value = args[i+1]
		}
		if n, err := strconv.Atoi(value); err == nil && n > 0 && n < 1<<16 {
			port = n
		}
	}
	return port
}

// startProxy serves an HTTP CONNECT proxy into the Pod's network on loopback,
// where metrics-server's client libraries can use it, and returns its URL with
// the password that keeps other users of the machine out.
func (c *child) startProxy(ctx context.Context, wg *sync.WaitGroup) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the proxy into the Pod's network: %w", err)
	}
	password := rand.Text()
	proxy := &vnet.Proxy{Dialer: c.Net, Password: password}
	wg.Go(func() {
		if err := proxy.Serve(ctx, l); err != nil {
			fmt.Fprintf(c.Stderr, "k8stutor: metrics-server: %v\n", err)
		}
	})
	return "http://vnet:" + password + "@" + l.Addr().String(), nil
}

// writeCredentials writes the Pod's ServiceAccount and a kubeconfig for it.
func (c *child) writeCredentials(proxy string) error {
	host, port := system.Getenv(c.Process, "KUBERNETES_SERVICE_HOST"), system.Getenv(c.Process, "KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return errors.New("unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined")
	}
	ca, err := system.ReadFile(c.FS, serviceAccount+"ca.crt")
	if err != nil {
		return err
	}
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster:
    server: https://%s
    certificate-authority: %q
    proxy-url: %q
users:
- name: pod
  user:
    tokenFile: %q
contexts:
- name: pod
  context: {cluster: cluster, user: pod}
current-context: pod
`, net.JoinHostPort(host, port), filepath.Join(c.dir, "ca.crt"), proxy, filepath.Join(c.dir, "token"))
	return errors.Join(
		os.WriteFile(filepath.Join(c.dir, "ca.crt"), ca, 0o600),
		os.WriteFile(filepath.Join(c.dir, "kubeconfig"), []byte(config), 0o600),
		c.writeToken(),
	)
}

// writeToken copies the Pod's token to where the child reads it.
func (c *child) writeToken() error {
	token, err := system.ReadFile(c.FS, serviceAccount+"token")
	if err != nil {
		return err
	}
	fresh := filepath.Join(c.dir, "token.new")
	if err := os.WriteFile(fresh, token, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(c.dir, "token"))
}

// attend renews the token, keeps the account of CPU and memory, and passes
// signals on, until ctx ends.
func (c *child) attend(ctx context.Context, pid int) {
	credentials := time.NewTicker(credentialsInterval)
	defer credentials.Stop()
	usage := time.NewTicker(usageInterval)
	defer usage.Stop()
	var booked system.Account
	defer booked.Close(c.Memory)
	for {
		select {
		case <-ctx.Done():
			return
		case <-credentials.C:
			if err := c.writeToken(); err != nil {
				fmt.Fprintf(c.Stderr, "k8stutor: metrics-server: renew the token: %v\n", err)
			}
		case <-usage.C:
			booked.Update(pid, c.CPU, c.Memory)
		case s := <-c.Signals:
			if s == workload.SIGTERM || s == workload.SIGINT {
				// The end of its input is the child's signal to end; unlike
				// TERM it exists on every system.
				_ = c.stdin.Close()
			}
		}
	}
}

// accept joins connections to the container's port to the child's socket.
func (c *child) accept(ctx context.Context, l net.Listener, wg *sync.WaitGroup) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // closed
		}
		wg.Go(func() {
			to, err := c.connect(ctx)
			if err != nil {
				_ = conn.Close() // the client sees an end; nobody is there
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			vnet.Relay(conn, to)
		})
	}
}

// connect dials the child's socket, which takes a moment to appear.
func (c *child) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", c.socket)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(connectInterval):
		}
	}
}

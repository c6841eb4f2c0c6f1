package runtime

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// fakeNetwork gives each Pod a network of its own in memory: only its own
// listeners can be dialled.
type fakeNetwork struct {
	mu   sync.Mutex
	next byte
	open int // attached and not closed
}

func (n *fakeNetwork) Attach(_ context.Context, pod PodNetConfig) (PodNetwork, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if strings.Contains(pod.Name, "no-network") {
		return nil, errors.New("no address left")
	}
	n.next++
	n.open++
	return &fakePodNet{owner: n, ip: netip.AddrFrom4([4]byte{10, 244, 0, n.next}), listeners: map[string]*fakeListener{}}, nil
}

type fakePodNet struct {
	owner     *fakeNetwork
	ip        netip.Addr
	mu        sync.Mutex
	closed    bool
	listeners map[string]*fakeListener
}

func (p *fakePodNet) IP() netip.Addr  { return p.ip }
func (p *fakePodNet) Addrs() []string { return []string{p.ip.String()} }

func (p *fakePodNet) Stats() NetStats                                      { return NetStats{RxBytes: 11, TxBytes: 22} }
func (p *fakePodNet) LookupHost(context.Context, string) ([]string, error) { return nil, nil }

func (p *fakePodNet) ListenPacket(string, string) (net.PacketConn, error) {
	return nil, errors.New("not here")
}

func (p *fakePodNet) Listen(_, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	l := &fakeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listeners[port] = l
	return l, nil
}

func (p *fakePodNet) DialFromNode(ctx context.Context, network, address string) (net.Conn, error) {
	return p.Dial(ctx, network, address)
}

func (p *fakePodNet) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	l := p.listeners[port]
	p.mu.Unlock()
	if l == nil {
		return nil, errors.New("connect: connection refused")
	}
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
	case <-ctx.Done():
	}
	return nil, errors.New("connect: connection refused")
}

func (p *fakePodNet) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	for _, l := range p.listeners {
		l.Close()
	}
	p.owner.mu.Lock()
	p.owner.open--
	p.owner.mu.Unlock()
	return nil
}

type fakeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *fakeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *fakeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

// world is a runtime with one image ("test:1") whose programs a test gives.
type world struct {
	t       *testing.T
	runtime *Runtime
	network *fakeNetwork
	state   string
	logs    string
}

type programs map[string]func(context.Context, *workload.Process) int

func (p programs) find(argv0 string) workload.Program {
	f, ok := p[argv0]
	if !ok {
		return nil
	}
	return workload.ProgramFunc(f)
}

func newWorld(t *testing.T, progs programs) *world {
	t.Helper()
	w := &world{t: t, network: &fakeNetwork{}, state: t.TempDir(), logs: t.TempDir()}
	w.start(progs)
	t.Cleanup(func() {
		if err := w.runtime.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		w.network.mu.Lock()
		defer w.network.mu.Unlock()
		if w.network.open != 0 {
			t.Errorf("%d Pods are still on the network", w.network.open)
		}
	})
	return w
}

func (w *world) start(progs programs) {
	w.t.Helper()
	r, err := New(Config{
		StateDir: w.state, MountBase: w.state,
		Network: w.network,
		Images: NewImages(ImagesConfig{
			Dir: w.state,
			Local: map[string]Image{"test:1": {
				Find: progs.find, Entrypoint: []string{"main"}, Cmd: []string{"arg"},
				Env: []string{"FROM=image"}, Memory: 1 << 20, Size: 1000,
				Files: []File{
					{Name: "/etc/passwd", Mode: 0o644, Data: "root:x:0:0:::\n"},
					{Name: "/bin/link", Link: "/etc/passwd"},
				},
			}},
		}),
		NodeProbe: func(_ context.Context, pod PodNetwork, args []string, _ time.Duration) (bool, string, error) {
			return args[0] == "good", pod.IP().String(), nil
		},
		NodeProbeMarker: "secret-marker",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.runtime = r
}

func (w *world) sandboxConfig() *runtimeapi.PodSandboxConfig {
	return &runtimeapi.PodSandboxConfig{
		Metadata:     &runtimeapi.PodSandboxMetadata{Name: "pod", Namespace: "default", Uid: "u1"},
		Hostname:     "pod",
		LogDirectory: w.logs,
		Labels:       map[string]string{"app": "x"},
		DnsConfig:    &runtimeapi.DNSConfig{Servers: []string{"10.96.0.10"}, Searches: []string{"default.svc.cluster.local"}, Options: []string{"ndots:5"}},
	}
}

func (w *world) sandbox() string {
	w.t.Helper()
	id, err := w.runtime.RunPodSandbox(context.Background(), w.sandboxConfig(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// create makes a container of the image in a sandbox of its own.
func (w *world) create(change func(*runtimeapi.ContainerConfig)) string {
	w.t.Helper()
	config := &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: "c"},
		Image:    &runtimeapi.ImageSpec{Image: "test:1"},
		LogPath:  "c/0.log",
		Labels:   map[string]string{"name": "c"},
	}
	if change != nil {
		change(config)
	}
	id, err := w.runtime.CreateContainer(context.Background(), w.sandbox(), config, w.sandboxConfig())
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) run(change func(*runtimeapi.ContainerConfig)) string {
	w.t.Helper()
	id := w.create(change)
	if err := w.runtime.StartContainer(context.Background(), id); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) status(id string) *runtimeapi.ContainerStatus {
	w.t.Helper()
	resp, err := w.runtime.ContainerStatus(context.Background(), id, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.Status
}

// exited waits for the end of a container.
func (w *world) exited(id string) *runtimeapi.ContainerStatus {
	w.t.Helper()
	c, err := w.runtime.container(id)
	if err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		w.t.Fatal("the container did not end")
	}
	return w.status(id)
}

func (w *world) logPath() string { return filepath.Join(w.logs, "c", "0.log") }

// untilKilled blocks until the process is killed, whatever is asked of it.
func untilKilled(ctx context.Context, _ *workload.Process) int {
	<-ctx.Done()
	return 1
}

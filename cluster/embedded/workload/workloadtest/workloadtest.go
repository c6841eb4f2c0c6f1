// Package workloadtest gives tests a workload.Process: a folder of the test as
// file system, a small network on loopback, and streams in memory.
package workloadtest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Process is a workload.Process with its parts at hand.
type Process struct {
	*workload.Process
	Root   string // the folder that is "/" inside
	Out    *Buffer
	Err    *Buffer
	Net    *Net
	CPU    *Meter
	Memory *Memory
	Sig    chan workload.Signal
	Kills  func() []string
}

// New makes a process that runs args. Its standard input is empty.
func New(t testing.TB, args ...string) *Process {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	for _, d := range []string{"bin", "etc", "root", "tmp"} {
		if err := root.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := &Process{Root: dir, Out: &Buffer{}, Err: &Buffer{}, Net: NewNet(), CPU: &Meter{}, Memory: &Memory{}, Sig: make(chan workload.Signal, 8)}
	var mu sync.Mutex
	var kills []string
	p.Kills = func() []string { mu.Lock(); defer mu.Unlock(); return append([]string{}, kills...) }
	p.Process = &workload.Process{
		Args: args, Env: []string{"GREETING=hello"}, Dir: "/", Hostname: "toolbox-1", PID: 7,
		Stdin: strings.NewReader(""), Stdout: p.Out, Stderr: p.Err, Signals: p.Sig,
		FS: rootFS{root}, Net: p.Net, CPU: p.CPU, Memory: p.Memory,
		Processes: func() []workload.ProcessInfo {
			return []workload.ProcessInfo{{PID: 1, Command: "sleep infinity", Started: time.Now()}, {PID: 7, Command: strings.Join(args, " "), Started: time.Now()}}
		},
		Kill: func(pid int, s workload.Signal) error {
			mu.Lock()
			defer mu.Unlock()
			kills = append(kills, fmt.Sprintf("%d:%d", pid, s))
			return nil
		},
	}
	return p
}

// WriteFile puts a file into the container.
func (p *Process) WriteFile(t testing.TB, name, data string, mode fs.FileMode) {
	t.Helper()
	full := filepath.Join(p.Root, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(data), mode); err != nil {
		t.Fatal(err)
	}
}

// Buffer is a bytes.Buffer for several goroutines that can be waited on.
type Buffer struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	wake chan struct{}
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wake != nil {
		close(b.wake)
		b.wake = nil
	}
	return b.buf.Write(p)
}

// String is everything that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// WaitFor waits until text was written after position from, and returns the
// position behind it.
func (b *Buffer) WaitFor(t testing.TB, from int, text string) int {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		all := b.buf.String()
		if i := strings.Index(all[from:], text); i >= 0 {
			b.mu.Unlock()
			return from + i + len(text)
		}
		if b.wake == nil {
			b.wake = make(chan struct{})
		}
		wake := b.wake
		b.mu.Unlock()
		select {
		case <-wake:
		case <-timeout:
			t.Fatalf("waited for %q, have %q", text, all[from:])
		}
	}
}

// Meter counts and never throttles.
type Meter struct {
	mu      sync.Mutex
	calls   int
	charged time.Duration
}

// Do runs f and counts it.
func (m *Meter) Do(f func()) {
	m.mu.Lock()
	m.calls++
	m.mu.Unlock()
	f()
}

// Charge adds to what Charged returns.
func (m *Meter) Charge(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.charged += d
}

// Seen is the number of Do calls and the time charged.
func (m *Meter) Seen() (calls int, charged time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls, m.charged
}

// Memory is an account whose limit calls OnLimit.
type Memory struct {
	mu      sync.Mutex
	used    int64
	Limit   int64
	OnLimit func()
}

// Alloc adds n bytes.
func (m *Memory) Alloc(n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += n
	if m.Limit > 0 && m.used > m.Limit {
		if m.OnLimit != nil {
			m.OnLimit()
		}
		return fmt.Errorf("out of memory")
	}
	return nil
}

// Usage is what is held, and the limit.
func (m *Memory) Usage() (used, limit int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used, m.Limit
}

// Net is a network of names, and of listeners on loopback behind them.
type Net struct {
	mu        sync.Mutex
	Hosts     map[string][]string // name → addresses
	listeners map[string]net.Addr // port → where it really listens
	packets   map[string]net.Addr
	// Black are addresses where nobody answers and nobody refuses.
	Black map[string]bool
}

// NewNet makes an empty network.
func NewNet() *Net {
	return &Net{Hosts: map[string][]string{"localhost": {"127.0.0.1"}}, listeners: map[string]net.Addr{}, packets: map[string]net.Addr{}, Black: map[string]bool{}}
}

// Dial connects to whatever listens on the port, whichever address it has.
func (n *Net) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) == nil {
		if _, err := n.LookupHost(ctx, host); err != nil {
			return nil, err
		}
	}
	n.mu.Lock()
	real, ok := n.listeners[port]
	if network == "udp" {
		real, ok = n.packets[port]
	}
	black := n.Black[host]
	n.mu.Unlock()
	var d net.Dialer
	switch {
	case black:
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
	case !ok:
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return d.DialContext(ctx, network, real.String())
}

// Listen listens on a free port of loopback and stands for the one asked for.
func (n *Net) Listen(network, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(network, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[port] = l.Addr()
	return &listener{l, n, port}, nil
}

// Listening reports whether something listens on the port.
func (n *Net) Listening(port string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.listeners[port]
	return ok
}

type listener struct {
	net.Listener
	n    *Net
	port string
}

func (l *listener) Close() error {
	l.n.mu.Lock()
	delete(l.n.listeners, l.port)
	l.n.mu.Unlock()
	return l.Listener.Close()
}

// ListenPacket is Listen for UDP.
func (n *Net) ListenPacket(network, address string) (net.PacketConn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	pc, err := net.ListenPacket(network, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.packets[port] = pc.LocalAddr()
	return pc, nil
}

// LookupHost knows Hosts and nothing else.
func (n *Net) LookupHost(_ context.Context, host string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addrs, ok := n.Hosts[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

// Addrs is the Pod's address.
func (n *Net) Addrs() []string { return []string{"10.244.0.9"} }

// rootFS is a folder of the test; os.Root keeps everything inside it.
type rootFS struct{ root *os.Root }

func rel(name string) string {
	name = strings.TrimPrefix(filepath.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	return name
}

func (r rootFS) OpenFile(name string, flag int, perm fs.FileMode) (workload.File, error) {
	f, err := r.root.OpenFile(rel(name), flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}
func (r rootFS) Stat(name string) (fs.FileInfo, error)  { return r.root.Stat(rel(name)) }
func (r rootFS) Lstat(name string) (fs.FileInfo, error) { return r.root.Lstat(rel(name)) }
func (r rootFS) ReadDir(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(r.root.FS(), rel(name))
}
func (r rootFS) Readlink(name string) (string, error)      { return r.root.Readlink(rel(name)) }
func (r rootFS) Mkdir(name string, perm fs.FileMode) error { return r.root.Mkdir(rel(name), perm) }
func (r rootFS) Remove(name string) error                  { return r.root.Remove(rel(name)) }
func (r rootFS) RemoveAll(name string) error               { return r.root.RemoveAll(rel(name)) }
func (r rootFS) Rename(from, to string) error              { return r.root.Rename(rel(from), rel(to)) }

func (r rootFS) Symlink(target, name string) error         { return r.root.Symlink(target, rel(name)) }
func (r rootFS) Chmod(name string, mode fs.FileMode) error { return r.root.Chmod(rel(name), mode) }
func (r rootFS) Chtimes(name string, a, m time.Time) error { return r.root.Chtimes(rel(name), a, m) }

package vnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"go.uber.org/goleak"
)

var (
	_ workload.Net = (*vnet.Process)(nil)
	_ workload.Net = (*vnet.Pod)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newNetwork(t testing.TB, cfg vnet.Config) *vnet.Network {
	t.Helper()
	n := vnet.New(cfg)
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close network: %v", err)
		}
	})
	return n
}

func attach(t testing.TB, n *vnet.Network, name string) *vnet.Pod {
	t.Helper()
	p, err := n.Attach(vnet.PodConfig{Name: name, Hostname: name})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func listen(t testing.TB, p workload.Net, addr string) net.Listener {
	t.Helper()
	l, err := p.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// connect dials addr and accepts the connection at l.
func connect(t testing.TB, from workload.Net, addr string, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := from.Dial(context.Background(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestAddresses(t *testing.T) {
	n := newNetwork(t, vnet.Config{PodCIDR: netip.MustParsePrefix("10.244.0.0/29")})
	var got []string
	pods := make(map[string]*vnet.Pod)
	for _, name := range []string{"a", "b", "c"} {
		pods[name] = attach(t, n, name)
		got = append(got, pods[name].IP().String())
	}
	// A returned address is not the next one handed out ...
	if err := pods["a"].Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d", "e", "f"} {
		got = append(got, attach(t, n, name).IP().String())
	}
	want := "10.244.0.2 10.244.0.3 10.244.0.4 10.244.0.5 10.244.0.6 10.244.0.2"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("addresses %s, want %s", s, want)
	}
	// ... and a full range says so.
	if _, err := n.Attach(vnet.PodConfig{Name: "g"}); err == nil || !strings.Contains(err.Error(), "no free Pod address in 10.244.0.0/29") {
		t.Errorf("a Pod too many: %v", err)
	}
	if last := n.LastPodIP(); last != netip.MustParseAddr("10.244.0.2") {
		t.Errorf("LastPodIP %s", last)
	}
	h, err := n.Attach(vnet.PodConfig{Name: "host", HostNetwork: true})
	if err != nil || h.IP() != n.NodeIP() {
		t.Errorf("host network Pod: %v %v", h, err)
	}
}

func TestAddressesGoOnAfterRestart(t *testing.T) {
	n := newNetwork(t, vnet.Config{LastPodIP: netip.MustParseAddr("10.244.0.9")})
	if ip := attach(t, n, "a").IP().String(); ip != "10.244.0.10" {
		t.Errorf("first address %s, want 10.244.0.10", ip)
	}
}

func TestDialErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(vnet.Config{})
		defer n.Close()
		a := attach(t, n, "a")
		b := attach(t, n, "b")
		listen(t, b, "127.0.0.1:9000")
		n.SetTable(vnet.Table{Ports: []vnet.ServicePort{{
			Name: "default/empty", Protocol: vnet.TCP, Port: 80,
			Addrs: []netip.Addr{netip.MustParseAddr("10.96.0.5")}, NodePort: 30080,
		}}})
		tests := []struct {
			name, addr string
			cancel     bool
			timeout    time.Duration
			want       string
			is         error
			takes      time.Duration
			isTimeout  bool
		}{
			{name: "nothing listens", addr: "10.244.0.3:81", want: "dial tcp 10.244.0.3:81: connect: connection refused", is: syscall.ECONNREFUSED},
			{name: "only loopback listens", addr: "10.244.0.3:9000", want: "dial tcp 10.244.0.3:9000: connect: connection refused", is: syscall.ECONNREFUSED},
			{name: "own loopback", addr: "127.0.0.1:9000", want: "dial tcp 127.0.0.1:9000: connect: connection refused", is: syscall.ECONNREFUSED},
			{name: "no endpoints", addr: "10.96.0.5:80", want: "dial tcp 10.96.0.5:80: connect: connection refused", is: syscall.ECONNREFUSED},
			{name: "no endpoints, node port", addr: "172.18.0.2:30080", want: "dial tcp 172.18.0.2:30080: connect: connection refused", is: syscall.ECONNREFUSED},
			{name: "unknown ClusterIP", addr: "10.96.0.9:80", want: "dial tcp 10.96.0.9:80: connect: connection timed out", is: syscall.ETIMEDOUT, takes: 127 * time.Second, isTimeout: true},
			{name: "other port of a ClusterIP", addr: "10.96.0.5:81", timeout: time.Second, want: "dial tcp 10.96.0.5:81: i/o timeout", is: context.DeadlineExceeded, takes: time.Second, isTimeout: true},
			{name: "outside", addr: "1.1.1.1:443", timeout: 2 * time.Second, want: "dial tcp 1.1.1.1:443: i/o timeout", is: context.DeadlineExceeded, takes: 2 * time.Second, isTimeout: true},
			{name: "cancelled", addr: "1.1.1.1:443", cancel: true, want: "dial tcp 1.1.1.1:443: operation was canceled", is: context.Canceled},
		}
		for _, tt := range tests {
			ctx, cancel := context.WithCancel(context.Background())
			if tt.timeout > 0 {
				ctx, cancel = context.WithTimeout(context.Background(), tt.timeout)
			}
			if tt.cancel {
				cancel()
			}
			start := time.Now()
			c, err := a.Dial(ctx, "tcp", tt.addr)
			cancel()
			if err == nil {
				t.Errorf("%s: connected to %s", tt.name, c.RemoteAddr())
				continue
			}
			if err.Error() != tt.want || !errors.Is(err, tt.is) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
			var ne net.Error
			if !errors.As(err, &ne) || ne.Timeout() != tt.isTimeout {
				t.Errorf("%s: Timeout() of %v is not %v", tt.name, err, tt.isTimeout)
			}
			if took := time.Since(start); took != tt.takes {
				t.Errorf("%s: took %s, want %s", tt.name, took, tt.takes)
			}
		}
	})
}

func TestListen(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	n.MapNodePort(6443, "127.0.0.1:1")
	node, err := n.Attach(vnet.PodConfig{Name: "host", HostNetwork: true})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name         string
		taken, addr  string
		want, listen string
		on           workload.Net
	}{
		{name: "wildcard", addr: ":8080", listen: "[::]:8080"},
		{name: "own address", addr: "10.244.0.2:8080", listen: "10.244.0.2:8080"},
		{name: "by name", addr: "localhost:8080", listen: "127.0.0.1:8080"},
		{name: "free port", addr: "0.0.0.0:0", listen: "0.0.0.0:32768"},
		{name: "taken", taken: ":8080", addr: ":8080", want: "listen tcp :8080: bind: address already in use"},
		{name: "taken by wildcard", taken: "0.0.0.0:8080", addr: "127.0.0.1:8080", want: "listen tcp 127.0.0.1:8080: bind: address already in use"},
		{name: "taken for wildcard", taken: "127.0.0.1:8080", addr: ":8080", want: "listen tcp :8080: bind: address already in use"},
		{name: "another address", taken: "127.0.0.1:8080", addr: "10.244.0.2:8080", listen: "10.244.0.2:8080"},
		{name: "not ours", addr: "10.244.0.99:80", want: "listen tcp 10.244.0.99:80: bind: cannot assign requested address"},
		{name: "port of the real machine", on: node, addr: ":6443", want: "listen tcp :6443: bind: address already in use"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			on := tt.on
			if on == nil {
				n := newNetwork(t, vnet.Config{})
				on = attach(t, n, "a")
			}
			if tt.taken != "" {
				listen(t, on, tt.taken)
			}
			l, err := on.Listen("tcp", tt.addr)
			if tt.want != "" {
				if err == nil || strings.Replace(err.Error(), "[::]:", ":", 1) != tt.want {
					t.Errorf("error %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l.Addr().String() != tt.listen {
				t.Errorf("listens at %s, want %s", l.Addr(), tt.listen)
			}
			// A closed listener leaves the address free.
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err = on.Listen("tcp", tt.addr); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	}
}

func TestSourceAddress(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	a, b := attach(t, n, "a"), attach(t, n, "b")
	host, err := n.Attach(vnet.PodConfig{Name: "host", HostNetwork: true})
	if err != nil {
		t.Fatal(err)
	}
	lb := listen(t, b, ":80")
	lh := listen(t, host, ":9100")
	n.SetTable(vnet.Table{Ports: []vnet.ServicePort{{
		Name: "default/b", Protocol: vnet.TCP, Port: 8080, NodePort: 30080,
		Addrs:     []netip.Addr{netip.MustParseAddr("10.96.0.5")},
		Endpoints: []netip.AddrPort{netip.MustParseAddrPort("10.244.0.3:80")},
	}}})
	tests := []struct {
		name          string
		from          workload.Net
		addr          string
		l             net.Listener
		local, client string // addresses at the client, and of the client at the server
		server        string
	}{
		{"Pod to Pod", a, "10.244.0.3:80", lb, "10.244.0.2", "10.244.0.2", "10.244.0.3:80"},
		{"Pod to ClusterIP", a, "10.96.0.5:8080", lb, "10.244.0.2", "10.244.0.2", "10.244.0.3:80"},
		{"Pod to itself by ClusterIP", b, "10.96.0.5:8080", lb, "10.244.0.3", "10.244.0.1", "10.244.0.3:80"},
		{"loopback", b, "localhost:80", lb, "127.0.0.1", "127.0.0.1", "127.0.0.1:80"},
		{"Pod to node port", a, "172.18.0.2:30080", lb, "10.244.0.2", "10.244.0.1", "10.244.0.3:80"},
		{"node to Pod", n.Node(), "10.244.0.3:80", lb, "10.244.0.1", "10.244.0.1", "10.244.0.3:80"},
		{"node to node port", n.Node(), "127.0.0.1:30080", lb, "127.0.0.1", "10.244.0.1", "10.244.0.3:80"},
		{"Pod to node", a, "172.18.0.2:9100", lh, "10.244.0.2", "10.244.0.2", "172.18.0.2:9100"},
		{"node to node", n.Node(), "172.18.0.2:9100", lh, "172.18.0.2", "172.18.0.2", "172.18.0.2:9100"},
	}
	for _, tt := range tests {
		c, s := connect(t, tt.from, tt.addr, tt.l)
		if got := c.LocalAddr().(*net.TCPAddr).IP.String(); got != tt.local {
			t.Errorf("%s: local address %s, want %s", tt.name, got, tt.local)
		}
		if got := s.RemoteAddr().(*net.TCPAddr).IP.String(); got != tt.client {
			t.Errorf("%s: the server sees %s, want %s", tt.name, got, tt.client)
		}
		if got := s.LocalAddr().String(); got != tt.server {
			t.Errorf("%s: the server is %s, want %s", tt.name, got, tt.server)
		}
		if host, _, err := net.SplitHostPort(tt.addr); err != nil || host != "localhost" && c.RemoteAddr().String() != tt.addr {
			t.Errorf("%s: remote address %s, want %s", tt.name, c.RemoteAddr(), tt.addr)
		}
		c.Close()
		s.Close()
	}
}

func TestConnEnds(t *testing.T) {
	tests := []struct {
		name string
		do   func(client, server *vnet.Conn)
		// What the client then reads, and the errors of reading on and of writing.
		data     string
		readErr  error
		writeErr error
	}{
		{
			name:    "close",
			do:      func(_, s *vnet.Conn) { s.Write([]byte("bye")); s.Close() },
			data:    "bye",
			readErr: io.EOF, writeErr: syscall.EPIPE,
		},
		{
			name:    "half-close",
			do:      func(_, s *vnet.Conn) { s.Write([]byte("bye")); s.CloseWrite() },
			data:    "bye",
			readErr: io.EOF,
		},
		{
			name:    "close with unread data",
			do:      func(c, s *vnet.Conn) { c.Write([]byte("hello")); s.Write([]byte("bye")); s.Close() },
			data:    "bye",
			readErr: syscall.ECONNRESET, writeErr: syscall.ECONNRESET,
		},
		{
			name:    "abort",
			do:      func(_, s *vnet.Conn) { s.SetLinger(0); s.Close() },
			readErr: syscall.ECONNRESET, writeErr: syscall.ECONNRESET,
		},
		{
			name:    "own close",
			do:      func(c, _ *vnet.Conn) { c.Close() },
			readErr: net.ErrClosed, writeErr: net.ErrClosed,
		},
		{
			name:    "own half-close",
			do:      func(c, s *vnet.Conn) { c.CloseWrite(); s.Write([]byte("bye")); s.CloseWrite() },
			data:    "bye",
			readErr: io.EOF, writeErr: syscall.EPIPE,
		},
		{
			name: "own past deadline",
			do: func(c, s *vnet.Conn) {
				s.Write([]byte("late"))
				c.SetDeadline(time.Unix(1, 0))
			},
			readErr: os.ErrDeadlineExceeded, writeErr: os.ErrDeadlineExceeded,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, vnet.Config{})
			l := listen(t, attach(t, n, "server"), ":80")
			c, s := connect(t, attach(t, n, "client"), "10.244.0.2:80", l)
			tt.do(c.(*vnet.Conn), s.(*vnet.Conn))
			data, err := io.ReadAll(c)
			if err == nil {
				err = io.EOF
			}
			if string(data) != tt.data || !errors.Is(err, tt.readErr) {
				t.Errorf("read %q, %v; want %q, %v", data, err, tt.data, tt.readErr)
			}
			if _, err = c.Write([]byte("x")); !errors.Is(err, tt.writeErr) {
				t.Errorf("write: %v, want %v", err, tt.writeErr)
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	l := listen(t, attach(t, n, "server"), ":80")
	c, s := connect(t, attach(t, n, "client"), "10.244.0.2:80", l)
	s.(*vnet.Conn).Reset()
	_, err := c.Read(make([]byte, 1))
	want := "read tcp " + c.LocalAddr().String() + "->10.244.0.2:80: read: connection reset by peer"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(vnet.Config{})
		defer n.Close()
		l := listen(t, attach(t, n, "server"), ":80")
		c, s := connect(t, attach(t, n, "client"), "10.244.0.2:80", l)
		start := time.Now()
		c.SetReadDeadline(start.Add(time.Second))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("read: %v after %s", err, time.Since(start))
		}
		// A later deadline revives the connection; moving it while a read
		// waits counts too.
		c.SetReadDeadline(start.Add(time.Hour))
		go func() {
			time.Sleep(time.Second) //nolint:forbidigo // the time of the bubble, not of a clock
			c.SetReadDeadline(start.Add(3 * time.Second))
		}()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("moved deadline: %v after %s", err, time.Since(start))
		}
		c.SetReadDeadline(time.Time{})
		s.Write([]byte("x"))
		if k, err := c.Read(make([]byte, 1)); k != 1 || err != nil {
			t.Errorf("after the deadline was removed: %d, %v", k, err)
		}
		// A write waits for room, at most until its deadline.
		c.SetWriteDeadline(time.Now().Add(time.Second))
		k, err := c.Write(make([]byte, 1<<20))
		if k != 64<<10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %d bytes, %v", k, err)
		}
	})
}

func TestBulkTransfer(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	server, client := attach(t, n, "server"), attach(t, n, "client")
	l := listen(t, server, ":80")
	c, s := connect(t, client, "10.244.0.2:80", l)
	const size = 3<<20 + 17
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i * 7 / 5)
	}
	errs := make(chan error, 1)
	go func() {
		// Pieces of odd sizes go round the ring at every offset.
		for rest := sent; len(rest) > 0; {
			k := min(len(rest), 1+len(rest)%5000)
			if _, err := c.Write(rest[:k]); err != nil {
				errs <- err
				return
			}
			rest = rest[k:]
		}
		errs <- c.(*vnet.Conn).CloseWrite()
	}()
	got, err := io.ReadAll(s)
	if err != nil || string(got) != string(sent) {
		t.Errorf("got %d bytes of %d, same content: %v, %v", len(got), size, string(got) == string(sent), err)
	}
	if err := <-errs; err != nil {
		t.Error(err)
	}
	received, _ := server.Stats()
	if _, sentBytes := client.Stats(); received != size || sentBytes != size {
		t.Errorf("accounts: received %d, sent %d, want %d", received, sentBytes, size)
	}
}

func TestPodGoesAway(t *testing.T) {
	n := newNetwork(t, vnet.Config{ConnectTimeout: time.Millisecond})
	server, client := attach(t, n, "server"), attach(t, n, "client")
	l := listen(t, server, ":80")
	c, s := connect(t, client, "10.244.0.2:80", l)
	waiting, err := client.Dial(context.Background(), "tcp", "10.244.0.2:80") // nobody accepts it
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{c, waiting} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client reads %v, want a reset", err)
		}
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the server reads %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	if _, err := client.Dial(context.Background(), "tcp", "10.244.0.2:80"); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("dialling a Pod that is gone: %v", err)
	}
	if _, err := server.Listen("tcp", ":81"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("listening in a Pod that is gone: %v", err)
	}
}

func TestProcessEnds(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	pod, client := attach(t, n, "server"), attach(t, n, "client")
	first := pod.NewProcess()
	l := listen(t, first, ":80")
	c, s := connect(t, client, "10.244.0.2:80", l)
	s.Write([]byte("bye"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	// A process that ends closes in order, and the Pod stays.
	if data, err := io.ReadAll(c); string(data) != "bye" || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
	if _, err := client.Dial(context.Background(), "tcp", "10.244.0.2:80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial while the container is down: %v", err)
	}
	connect(t, client, "10.244.0.2:80", listen(t, pod.NewProcess(), ":80"))
}

func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(vnet.Config{ConnectTimeout: time.Second})
		defer n.Close()
		l := listen(t, attach(t, n, "server"), ":80")
		client := attach(t, n, "client")
		dials := 0
		var err error
		for ; err == nil && dials < 10000; dials++ {
			_, err = client.Dial(context.Background(), "tcp", "10.244.0.2:80")
		}
		if !errors.Is(err, syscall.ETIMEDOUT) || dials != 129 {
			t.Fatalf("dial %d: %v", dials, err)
		}
		done := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := client.Dial(context.Background(), "tcp", "10.244.0.2:80")
				done <- err
			}()
		}
		synctest.Wait()
		for range 2 {
			if _, err := l.Accept(); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("a dial that waited for room: %v", err)
			}
		}
	})
}

func TestDialGetsThroughWhenAWayComesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(vnet.Config{})
		defer n.Close()
		l := listen(t, attach(t, n, "server"), ":80")
		client := attach(t, n, "client")
		done := make(chan error, 1)
		go func() {
			_, err := client.Dial(context.Background(), "tcp", "10.96.0.5:80")
			done <- err
		}()
		synctest.Wait()
		n.SetTable(vnet.Table{Ports: []vnet.ServicePort{{
			Protocol: vnet.TCP, Port: 80, Addrs: []netip.Addr{netip.MustParseAddr("10.96.0.5")},
			Endpoints: []netip.AddrPort{netip.MustParseAddrPort("10.244.0.2:80")},
		}}})
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

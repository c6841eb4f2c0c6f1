package vnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
)

const clusterIP = "10.96.0.5"

// serveName answers each connection with the Pod's name until l closes.
func serveName(l net.Listener, name string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, name)
		c.Close()
	}
}

func ask(p *vnet.Process, addr string) (string, error) {
	c, err := p.Dial(context.Background(), "tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	return string(b), err
}

func portTo(affinity time.Duration, pods ...*vnet.Pod) vnet.Table {
	p := vnet.ServicePort{
		Name: "default/web:80", Protocol: vnet.TCP, Port: 80, NodePort: 30080, Affinity: affinity,
		Addrs: []netip.Addr{netip.MustParseAddr(clusterIP)},
	}
	for _, pod := range pods {
		p.Endpoints = append(p.Endpoints, netip.AddrPortFrom(pod.IP(), 8080))
	}
	return vnet.Table{Ports: []vnet.ServicePort{p}}
}

// webs are Pods that answer with their names.
func webs(t testing.TB, n *vnet.Network, names ...string) []*vnet.Pod {
	t.Helper()
	var pods []*vnet.Pod
	var wg sync.WaitGroup
	for _, name := range names {
		pod := attach(t, n, name)
		l := listen(t, pod, ":8080")
		wg.Go(func() { serveName(l, name) })
		pods = append(pods, pod)
	}
	t.Cleanup(func() {
		for _, p := range pods {
			p.Close()
		}
		wg.Wait()
	})
	return pods
}

func TestServiceTakesTurns(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	pods := webs(t, n, "a", "b", "c")
	client := attach(t, n, "client")
	other := attach(t, n, "other")
	steps := []struct {
		name  string
		table vnet.Table
		from  *vnet.Pod
		addr  string
		want  string
	}{
		{"three endpoints", portTo(0, pods...), client, clusterIP + ":80", "abcabc"},
		{"the node port goes on with the turn", portTo(0, pods...), client, "172.18.0.2:30080", "abc"},
		{"one leaves", portTo(0, pods[0], pods[2]), client, clusterIP + ":80", "caca"},
		{"affinity", portTo(time.Hour, pods...), client, clusterIP + ":80", "bbbb"},
		{"affinity of another client", portTo(time.Hour, pods...), other, clusterIP + ":80", "ccc"},
		{"its endpoint leaves", portTo(time.Hour, pods[0], pods[1]), other, clusterIP + ":80", "bb"},
	}
	for _, s := range steps {
		n.SetTable(s.table)
		got := ""
		for range s.want {
			name, err := ask(s.from.Process, s.addr)
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			got += name
		}
		if got != s.want {
			t.Errorf("%s: %s, want %s", s.name, got, s.want)
		}
	}
}

func TestAffinityEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(vnet.Config{})
		defer n.Close()
		pods := webs(t, n, "a", "b")
		client := attach(t, n, "client")
		n.SetTable(portTo(time.Minute, pods...))
		got := ""
		for _, pause := range []time.Duration{0, 59 * time.Second, 59 * time.Second, time.Minute} {
			time.Sleep(pause) //nolint:forbidigo // the time of the bubble, not of a clock
			name, err := ask(client.Process, clusterIP+":80")
			if err != nil {
				t.Fatal(err)
			}
			got += name
		}
		if got != "aaab" {
			t.Errorf("%s, want aaab: the time counts from the last connection", got)
		}
		for _, p := range pods {
			p.Close()
		}
	})
}

// TestRoutesChangeUnderLoad shows that no connection fails while endpoints
// come and go, as long as they leave the table before they stop.
func TestRoutesChangeUnderLoad(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	pods := webs(t, n, "a", "b", "c", "d")
	n.SetTable(portTo(0, pods[:2]...))
	var wg sync.WaitGroup
	var asked atomic.Int64
	stop := make(chan struct{})
	for i := range 4 {
		client := attach(t, n, fmt.Sprint("client", i))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				name, err := ask(client.Process, clusterIP+":80")
				if err != nil || name == "" {
					t.Errorf("%q, %v", name, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 200 {
		k := i % len(pods)
		n.SetTable(portTo(0, pods[k], pods[(k+1)%len(pods)]))
		for before := asked.Load(); asked.Load() < before+5 && !t.Failed(); {
			runtime.Gosched() // let the clients go on
		}
	}
	close(stop)
	wg.Wait()
}

func TestConnectionStaysOnItsEndpoint(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	a, client := attach(t, n, "a"), attach(t, n, "client")
	l := listen(t, a, ":8080")
	n.SetTable(portTo(0, a))
	c, s := connect(t, client, clusterIP+":80", l)
	n.SetTable(portTo(0))
	s.Write([]byte("still here"))
	b := make([]byte, 10)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(client.Process, clusterIP+":80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection without endpoints: %v", err)
	}
	n.SetTable(vnet.Table{})
	if _, err := s.Write([]byte("even now")); err != nil {
		t.Errorf("after the Service was deleted: %v", err)
	}
}

func TestUDP(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	a, b, client := attach(t, n, "a"), attach(t, n, "b"), attach(t, n, "client")
	var wg sync.WaitGroup
	for _, p := range []*vnet.Pod{a, b} {
		pc, err := p.ListenPacket("udp", ":53")
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			buf := make([]byte, 100)
			for {
				k, from, err := pc.ReadFrom(buf)
				if err != nil {
					return
				}
				pc.WriteTo([]byte(p.IP().String()+" heard "+string(buf[:k])+" from "+from.(*net.UDPAddr).IP.String()), from)
			}
		})
	}
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { a.Close(); b.Close() })
	table := func(pods ...*vnet.Pod) {
		p := vnet.ServicePort{Protocol: vnet.UDP, Port: 53, Addrs: []netip.Addr{netip.MustParseAddr("10.96.0.10")}}
		for _, pod := range pods {
			p.Endpoints = append(p.Endpoints, netip.AddrPortFrom(pod.IP(), 53))
		}
		n.SetTable(vnet.Table{Ports: []vnet.ServicePort{p}})
	}
	exchange := func(c net.Conn) (string, error) {
		c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Write([]byte("hi")); err != nil {
			return "", err
		}
		buf := make([]byte, 100)
		k, err := c.Read(buf)
		return string(buf[:k]), err
	}
	dial := func(addr string) net.Conn {
		c, err := client.Dial(t.Context(), "udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	table(a, b)
	direct, service := dial("10.244.0.2:53"), dial("10.96.0.10:53")
	if got, err := exchange(direct); got != "10.244.0.2 heard hi from 10.244.0.4" {
		t.Errorf("to a Pod: %q, %v", got, err)
	}
	// A socket stays on its endpoint, another one gets the next.
	for range 2 {
		if got, err := exchange(service); got != "10.244.0.2 heard hi from 10.244.0.4" {
			t.Errorf("to the Service: %q, %v", got, err)
		}
	}
	if got, err := exchange(dial("10.96.0.10:53")); got != "10.244.0.3 heard hi from 10.244.0.4" {
		t.Errorf("from another socket: %q, %v", got, err)
	}
	table(b)
	if got, err := exchange(service); got != "10.244.0.3 heard hi from 10.244.0.4" {
		t.Errorf("after its endpoint left: %q, %v", got, err)
	}
	table()
	for name, c := range map[string]net.Conn{"no endpoints": service, "nothing listens": dial("10.244.0.2:54")} {
		if _, err := exchange(c); !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasSuffix(err.Error(), "read: connection refused") {
			t.Errorf("%s: %v", name, err)
		}
	}
	lost := dial("1.1.1.1:53")
	lost.SetDeadline(time.Now().Add(20 * time.Millisecond))
	lost.Write([]byte("hi"))
	var ne net.Error
	if _, err := lost.Read(make([]byte, 1)); !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("to nowhere: %v", err)
	}
	unconnected, err := client.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	table(a)
	unconnected.SetDeadline(time.Now().Add(5 * time.Second))
	unconnected.WriteTo([]byte("hi"), &net.UDPAddr{IP: net.IPv4(10, 96, 0, 10), Port: 53})
	if _, from, err := unconnected.ReadFrom(make([]byte, 100)); err != nil || from.String() != "10.96.0.10:53" {
		t.Errorf("the answer of a Service comes from %v, %v", from, err)
	}
	if _, err := unconnected.WriteTo(make([]byte, 70000), &net.UDPAddr{IP: net.IPv4(10, 96, 0, 10), Port: 53}); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("a datagram too long: %v", err)
	}
}

// Where the sender is masqueraded the answers find back to it, as conntrack
// sees to on a node.
func TestUDPMasquerade(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	server, client := attach(t, n, "server"), attach(t, n, "client")
	pc, err := server.ListenPacket("udp", ":53")
	if err != nil {
		t.Fatal(err)
	}
	var echo sync.WaitGroup
	t.Cleanup(echo.Wait)
	t.Cleanup(func() { pc.Close() })
	echo.Go(func() {
		buf := make([]byte, 100)
		for {
			_, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo([]byte(from.(*net.UDPAddr).IP.String()), from)
		}
	})
	n.SetTable(vnet.Table{Ports: []vnet.ServicePort{{
		Protocol: vnet.UDP, Port: 53, NodePort: 30053, Addrs: []netip.Addr{netip.MustParseAddr("10.96.0.10")},
		Endpoints: []netip.AddrPort{netip.AddrPortFrom(server.IP(), 53)},
	}}})
	tests := []struct {
		name, addr string
		from       *vnet.Process
		seen       string
	}{
		{"a Service's own Pod", "10.96.0.10:53", server.Process, "10.244.0.1"},
		{"a Pod to a node port", "172.18.0.2:30053", client.Process, "10.244.0.1"},
		{"the node to a node port", "127.0.0.1:30053", n.Node(), "10.244.0.1"},
		{"the node's address from the node", "172.18.0.2:30053", n.Node(), "10.244.0.1"},
		{"another Pod to the Service", "10.96.0.10:53", client.Process, "10.244.0.3"},
	}
	for _, tt := range tests {
		for range 2 {
			c, err := tt.from.Dial(t.Context(), "udp", tt.addr)
			if err != nil {
				t.Fatal(err)
			}
			c.SetDeadline(time.Now().Add(5 * time.Second))
			buf := make([]byte, 100)
			for range 2 {
				if _, err := c.Write([]byte("hi")); err != nil {
					t.Fatal(err)
				}
				if k, err := c.Read(buf); err != nil || string(buf[:k]) != tt.seen {
					t.Fatalf("%s: seen as %q, %v; want %s", tt.name, buf[:k], err, tt.seen)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A stray datagram may reach a port at the moment a socket opens there.
func TestUDPDialUnderStrayDatagrams(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	a, b := attach(t, n, "a"), attach(t, n, "b")
	stray, err := b.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var next atomic.Int32
	next.Store(32768) // the first that a host gives, then one after the other
	var sender sync.WaitGroup
	sender.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				stray.WriteTo([]byte("stray"), &net.UDPAddr{IP: a.IP().AsSlice(), Port: int(next.Load())})
			}
		}
	})
	for range 1000 {
		c, err := a.Dial(t.Context(), "udp", "10.244.0.3:53")
		if err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(50 * time.Microsecond))
		if k, err := c.Read(make([]byte, 10)); err == nil {
			t.Errorf("%d bytes of a stranger arrived", k)
		}
		c.Close()
		next.Store(int32(c.LocalAddr().(*net.UDPAddr).Port) + 1)
	}
	close(done)
	sender.Wait()
}

func TestMapNodePort(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	real, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { serveName(real, "real"); close(done) }()
	defer func() { real.Close(); <-done }()
	n.MapNodePort(6443, real.Addr().String())
	n.SetTable(vnet.Table{Ports: []vnet.ServicePort{{
		Protocol: vnet.TCP, Port: 443, Addrs: []netip.Addr{netip.MustParseAddr("10.96.0.1")},
		Endpoints: []netip.AddrPort{netip.MustParseAddrPort("172.18.0.2:6443")},
	}}})
	client := attach(t, n, "client")
	for _, tt := range []struct {
		from *vnet.Process
		addr string
	}{{client.Process, "10.96.0.1:443"}, {client.Process, "172.18.0.2:6443"}, {n.Node(), "127.0.0.1:6443"}} {
		if got, err := ask(tt.from, tt.addr); got != "real" || err != nil {
			t.Errorf("%s: %q, %v", tt.addr, got, err)
		}
	}
	c, err := client.Dial(t.Context(), "tcp", "10.96.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	if l, r := c.LocalAddr().(*net.TCPAddr).IP.String(), c.RemoteAddr().String(); l != "10.244.0.2" || r != "10.96.0.1:443" {
		t.Errorf("addresses %s, %s", l, r)
	}
	c.Close()
	n.MapNodePort(6443, "127.0.0.1:1")
	if _, err := client.Dial(t.Context(), "tcp", "10.96.0.1:443"); !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasPrefix(err.Error(), "dial tcp 10.96.0.1:443: connect:") {
		t.Errorf("the real server is gone: %v", err)
	}
	n.MapNodePort(6443, "")
	if _, err := client.Dial(t.Context(), "tcp", "172.18.0.2:6443"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("taken back: %v", err)
	}
}

func TestDialFromNode(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	pod := webs(t, n, "web")[0]
	for _, addr := range []string{"localhost:8080", "127.0.0.1:8080", "10.244.0.2:8080"} {
		c, err := pod.DialFromNode(t.Context(), "tcp", addr)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		b, err := io.ReadAll(c)
		if string(b) != "web" || err != nil {
			t.Errorf("%s: %q, %v", addr, b, err)
		}
		want := "10.244.0.1"
		if !strings.HasPrefix(addr, "10.") {
			want = "127.0.0.1"
		}
		if got := c.LocalAddr().(*net.TCPAddr).IP.String(); got != want {
			t.Errorf("%s: dialled from %s, want %s", addr, got, want)
		}
		c.Close()
	}
}

func TestResolverHostsFile(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	pod := attach(t, n, "web")
	hosts := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n10.244.0.2 web # the Pod\n::2 db\n10.9.9.9 db db.example # alias\n"
	p := pod.NewProcessWithHosts(func() ([]byte, error) { return []byte(hosts), nil })
	for host, want := range map[string][]string{
		"localhost": {"127.0.0.1", "::1"}, "web": {"10.244.0.2"}, "DB": {"10.9.9.9", "::2"}, "db.example.": {"10.9.9.9"},
	} {
		if got, err := p.LookupHost(t.Context(), host); !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", host, got, err, want)
		}
	}
	for _, host := range []string{"other", "", "bad..name"} {
		var de *net.DNSError
		if _, err := p.LookupHost(t.Context(), host); !errors.As(err, &de) || !de.IsNotFound {
			t.Errorf("%q without name servers: %v", host, err)
		}
	}
}

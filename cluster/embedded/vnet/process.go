package vnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Process is the network as one process of a host sees it. What it opens is
// closed with it, as the kernel does for a process that ends; its children go
// with it too. It implements workload.Net.
type Process struct {
	host     *Host
	parent   *Process
	resolver ResolverConfig
	done     chan struct{}

	mu       sync.Mutex
	closed   bool
	sockets  map[io.Closer]struct{}
	children map[*Process]struct{}
}

func newProcess(h *Host, parent *Process, r ResolverConfig) *Process {
	p := &Process{
		host: h, parent: parent, resolver: r,
		done:     make(chan struct{}),
		sockets:  make(map[io.Closer]struct{}),
		children: make(map[*Process]struct{}),
	}
	if parent == nil {
		h.mu.Lock()
		h.procs[p] = struct{}{}
		h.mu.Unlock()
		return p
	}
	parent.mu.Lock()
	defer parent.mu.Unlock()
	if parent.closed {
		p.closed = true
		close(p.done)
		return p
	}
	parent.children[p] = struct{}{}
	return p
}

// NewProcess makes a process of the same host and with the same resolver
// configuration, which ends with p at the latest. A runtime makes one for each
// start of a container and closes it when the container's program has ended.
func (p *Process) NewProcess() *Process { return newProcess(p.host, p, p.resolver) }

// NewProcessWithHosts is NewProcess with an /etc/hosts of its own.
func (p *Process) NewProcessWithHosts(hosts func() ([]byte, error)) *Process {
	r := p.resolver
	r.Hosts = hosts
	return newProcess(p.host, p, r)
}

// Addrs are the host's addresses.
func (p *Process) Addrs() []string {
	out := make([]string, len(p.host.addrs))
	for i, a := range p.host.addrs {
		out[i] = a.String()
	}
	return out
}

// Close closes the sockets of the process and of its children. As with a
// process that exits, peers see an orderly end unless data was left unread.
func (p *Process) Close() error { return p.end(false) }

// reset is Close for a host that vanishes: peers see a reset.
func (p *Process) reset() error { return p.end(true) }

func (p *Process) end(abrupt bool) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.done)
	sockets := make([]io.Closer, 0, len(p.sockets))
	for s := range p.sockets {
		sockets = append(sockets, s)
	}
	children := make([]*Process, 0, len(p.children))
	for c := range p.children {
		children = append(children, c)
	}
	p.mu.Unlock()

	var errs []error
	for _, c := range children {
		errs = append(errs, c.end(abrupt))
	}
	for _, s := range sockets {
		if c, ok := s.(*Conn); ok && abrupt {
			c.Reset()
			continue
		}
		if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	p.detach()
	return errors.Join(errs...)
}

func (p *Process) detach() {
	if p.parent != nil {
		p.parent.mu.Lock()
		delete(p.parent.children, p)
		p.parent.mu.Unlock()
		return
	}
	p.host.mu.Lock()
	delete(p.host.procs, p)
	p.host.mu.Unlock()
}

// own makes the process close s at its end. It reports false when the process
// has ended already.
func (p *Process) own(s io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.sockets[s] = struct{}{}
	return true
}

func (p *Process) forget(s io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sockets, s)
}

// Dial connects to address ("host:port") over "tcp" or "udp". A name is
// resolved as the Pod's resolver configuration says.
func (p *Process) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	protocol, err := protocolOf(network)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	addrs, err := p.lookupAddrs(ctx, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	var first error
	for _, a := range addrs {
		dst := netip.AddrPortFrom(a, uint16(port))
		var c net.Conn
		if protocol == TCP {
			c, err = p.dialTCP(ctx, network, dst)
		} else {
			c, err = p.dialUDP(network, dst)
		}
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// lookupAddrs resolves what stands for a host in an address to dial.
func (p *Process) lookupAddrs(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" {
		return []netip.Addr{loopback4}, nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{dialable(a)}, nil
	}
	names, err := p.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	addrs := make([]netip.Addr, 0, len(names))
	for _, s := range names {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, &net.AddrError{Err: "not an address", Addr: s}
		}
		addrs = append(addrs, dialable(a))
	}
	return addrs, nil
}

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// dialable is a as Linux connects to it: 0.0.0.0 is this host.
func dialable(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.IsUnspecified() {
		return loopback4
	}
	return a
}

func (p *Process) dialTCP(ctx context.Context, network string, dst netip.AddrPort) (net.Conn, error) {
	target := net.TCPAddrFromAddrPort(dst)
	if err := ctx.Err(); err != nil {
		return nil, dialError(network, target, contextError(err))
	}
	h, err := p.findWay(ctx, dst)
	switch {
	case err != nil:
		return nil, dialError(network, target, err)
	case h.real != "":
		return p.dialReal(ctx, network, dst, h.real)
	}
	l, ok := h.host.listenerAt(h.addr)
	if !ok {
		return nil, dialError(network, target, errRefused)
	}
	e := p.endpoints(dst, h)
	client, server := newConnPair(p, l.proc, e)
	if !p.own(client) {
		return nil, dialError(network, target, net.ErrClosed)
	}
	err = errRefused
	if l.proc.own(server) {
		err = l.offer(ctx, server, p.host.net.config.ConnectTimeout)
		if err != nil {
			server.Reset()
		}
	}
	if err != nil {
		client.Reset()
		return nil, dialError(network, target, err)
	}
	return client, nil
}

// endpoints chooses the addresses of a connection to dst that goes by h.
func (p *Process) endpoints(dst netip.AddrPort, h hop) endpoints {
	port := p.host.ephemeralTCP()
	e := endpoints{remote: dst, server: h.addr}
	e.local = netip.AddrPortFrom(p.host.source(dst.Addr(), h.host), port)
	e.seen = e.local
	if h.masquerade {
		e.seen = netip.AddrPortFrom(p.host.net.ipam.gateway(), port)
	}
	return e
}

// findWay finds where dst is. Where nothing routes it waits, and like a SYN
// that is sent again gets through when a way comes up.
func (p *Process) findWay(ctx context.Context, dst netip.AddrPort) (hop, error) {
	n := p.host.net
	var timer *time.Timer
	for {
		changed := n.nextChange()
		h := n.route(TCP, p.host, dst)
		if h.refused {
			return h, errRefused
		}
		if h.real != "" || h.host != nil {
			return h, nil
		}
		if timer == nil {
			timer = time.NewTimer(n.config.ConnectTimeout)
			defer timer.Stop()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return h, contextError(ctx.Err())
		case <-p.done:
			return h, net.ErrClosed
		case <-timer.C:
			return h, errTimedOut
		}
	}
}

// realConn is a connection that leaves the virtual network for a listener of
// the real machine, under its virtual addresses.
type realConn struct {
	*net.TCPConn
	owner         *Process
	local, remote *net.TCPAddr
}

func (c *realConn) LocalAddr() net.Addr  { return c.local }
func (c *realConn) RemoteAddr() net.Addr { return c.remote }

func (c *realConn) Close() error {
	c.owner.forget(c)
	return c.TCPConn.Close()
}

// Reset closes the connection abruptly.
func (c *realConn) Reset() {
	// The connection goes away whatever these say.
	_ = c.SetLinger(0)
	_ = c.Close()
}

func (p *Process) dialReal(ctx context.Context, network string, dst netip.AddrPort, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: p.host.net.config.ConnectTimeout}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, dialError(network, net.TCPAddrFromAddrPort(dst), err)
	}
	e := p.endpoints(dst, hop{host: p.host.net.node})
	c := &realConn{
		TCPConn: raw.(*net.TCPConn), owner: p,
		local: net.TCPAddrFromAddrPort(e.local), remote: net.TCPAddrFromAddrPort(dst),
	}
	if !p.own(c) {
		return nil, errors.Join(dialError(network, c.remote, net.ErrClosed), raw.Close())
	}
	return c, nil
}

func (p *Process) dialUDP(network string, dst netip.AddrPort) (net.Conn, error) {
	var to *Host
	if !dst.Addr().IsLoopback() && p.host.has(dst.Addr()) {
		to = p.host
	}
	c, err := p.host.bindUDP(p, network, netip.AddrPortFrom(p.host.source(dst.Addr(), to), 0), dst)
	if err != nil {
		return nil, dialError(network, net.UDPAddrFromAddrPort(dst), err)
	}
	if !p.own(c) {
		return nil, errors.Join(dialError(network, net.UDPAddrFromAddrPort(dst), net.ErrClosed), c.Close())
	}
	return c, nil
}

// Listen listens on "tcp" at address; without a host it is every address.
func (p *Process) Listen(network, address string) (net.Listener, error) {
	addr, err := p.localAddr(TCP, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	l, err := p.host.bindTCP(p, network, addr)
	if err != nil {
		return nil, err
	}
	if !p.own(l) {
		return nil, errors.Join(listenError(network, l.Addr(), net.ErrClosed), l.Close())
	}
	return l, nil
}

// ListenPacket listens on "udp" at address; without a host it is every
// address. The result is a *PacketConn.
func (p *Process) ListenPacket(network, address string) (net.PacketConn, error) {
	addr, err := p.localAddr(UDP, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	c, err := p.host.bindUDP(p, network, addr, netip.AddrPort{})
	if err != nil {
		return nil, err
	}
	if !p.own(c) {
		return nil, errors.Join(listenError(network, c.LocalAddr(), net.ErrClosed), c.Close())
	}
	return c, nil
}

// localAddr parses an address to listen at.
func (p *Process) localAddr(want Protocol, network, address string) (netip.AddrPort, error) {
	protocol, err := protocolOf(network)
	if err != nil || protocol != want {
		return netip.AddrPort{}, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(context.Background(), network, service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch {
	case host == "" && network[len(network)-1] == '4':
		return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)), nil
	case host == "":
		return netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)), nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(port)), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	addrs, err := p.lookupAddrs(ctx, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addrs[0], uint16(port)), nil
}

func protocolOf(network string) (Protocol, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return TCP, nil
	case "udp", "udp4", "udp6":
		return UDP, nil
	default:
		return "", net.UnknownNetworkError(network)
	}
}

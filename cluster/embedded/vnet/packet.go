package vnet

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Limits of UDP sockets: datagrams that wait to be read (later ones are
// dropped, as UDP does), and bytes of one datagram.
const (
	packetQueue = 256
	maxPacket   = 65507
)

// PacketConn is a UDP socket. After Dial it is connected, and also a net.Conn;
// after ListenPacket it is not, and Write is an error.
type PacketConn struct {
	proc    *Process
	network string
	local   netip.AddrPort
	remote  netip.AddrPort // valid when connected

	mu      sync.Mutex
	cond    sync.Cond
	queue   []datagram
	readDL  deadline
	refused bool // an ICMP port unreachable came back
	closed  bool
	// flows is the address translation of Services: it is what conntrack
	// does for UDP.
	flows map[netip.AddrPort]flow // by the address sent to
	names map[netip.AddrPort]netip.AddrPort
	// masked is the node's address that peers see instead of the socket's
	// own where the sender is masqueraded; their answers come in by it.
	masked netip.AddrPort
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

// flow remembers where datagrams to a Service went, as long as the Services
// did not change.
type flow struct {
	hop    hop
	routes *routes
}

func newPacketConn(p *Process, network string, local, remote netip.AddrPort) *PacketConn {
	c := &PacketConn{proc: p, network: network, local: local, remote: remote}
	c.cond.L = &c.mu
	return c
}

// ReadFrom reads a datagram; what does not fit b is lost.
func (c *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.receive(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// Read reads a datagram of the peer.
func (c *PacketConn) Read(b []byte) (int, error) {
	n, _, err := c.receive(b)
	return n, err
}

func (c *PacketConn) receive(b []byte) (int, netip.AddrPort, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, netip.AddrPort{}, c.opError("read", net.ErrClosed)
		case c.readDL.expired:
			return 0, netip.AddrPort{}, c.opError("read", os.ErrDeadlineExceeded)
		case c.refused:
			c.refused = false
			return 0, netip.AddrPort{}, c.opError("read", errReadRefuse)
		case len(c.queue) > 0:
			d := c.queue[0]
			c.queue[0] = datagram{}
			c.queue = c.queue[1:]
			return copy(b, d.data), d.from, nil
		}
		c.cond.Wait()
	}
}

// Write sends a datagram to the peer of a connected socket.
func (c *PacketConn) Write(b []byte) (int, error) {
	if !c.remote.IsValid() {
		return 0, c.opError("write", net.ErrWriteToConnected)
	}
	return c.send(b, c.remote)
}

// WriteTo sends a datagram to addr, a *net.UDPAddr.
func (c *PacketConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	to, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", &net.AddrError{Err: "not a UDP address", Addr: addr.String()})
	}
	ap := to.AddrPort()
	return c.send(b, netip.AddrPortFrom(dialable(ap.Addr()), ap.Port()))
}

func (c *PacketConn) send(b []byte, dst netip.AddrPort) (int, error) {
	if len(b) > maxPacket {
		return 0, c.opError("write", errMsgSize)
	}
	h, err := c.hop(dst)
	if err != nil {
		return 0, err
	}
	var peer *PacketConn
	if h.host != nil {
		peer, _ = h.host.packetConnAt(h.addr)
	}
	if peer == nil {
		if h.refused || h.host != nil {
			c.unreachable()
		}
		return len(b), nil
	}
	src := c.local
	switch {
	case h.masquerade:
		if src, err = c.masquerade(); err != nil {
			return 0, err
		}
	case src.Addr().IsUnspecified():
		src = netip.AddrPortFrom(c.proc.host.source(dst.Addr(), h.host), src.Port())
	}
	if h.host != c.proc.host {
		c.proc.host.sent.Add(uint64(len(b)))
		h.host.received.Add(uint64(len(b)))
	}
	peer.deliver(src, b)
	return len(b), nil
}

// hop finds where datagrams to dst go: for a Service the same endpoint as
// before while the Services did not change.
func (c *PacketConn) hop(dst netip.AddrPort) (hop, error) {
	n := c.proc.host.net
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return hop{}, c.opError("write", net.ErrClosed)
	}
	now := n.routes.Load()
	if f, ok := c.flows[dst]; ok && f.routes == now {
		return f.hop, nil
	}
	h := n.route(UDP, c.proc.host, dst)
	delete(c.flows, dst)
	if h.host == nil || h.addr == dst {
		return h, nil
	}
	if c.flows == nil || len(c.flows) >= packetQueue {
		c.flows = make(map[netip.AddrPort]flow)
		c.names = make(map[netip.AddrPort]netip.AddrPort)
	}
	c.flows[dst] = flow{h, now}
	c.names[h.addr] = dst
	return h, nil
}

// masquerade is the node's address that stands for the socket, from the first
// use until the socket closes.
func (c *PacketConn) masquerade() (netip.AddrPort, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return netip.AddrPort{}, c.opError("write", net.ErrClosed)
	}
	if !c.masked.IsValid() {
		n := c.proc.host.net
		addr, ok := n.node.lendUDP(c, n.ipam.gateway())
		if !ok {
			return netip.AddrPort{}, c.opError("write", errInUse)
		}
		c.masked = addr
	}
	return c.masked, nil
}

// deliver queues a datagram that arrived.
func (c *PacketConn) deliver(from netip.AddrPort, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name, ok := c.names[from]; ok {
		from = name
	}
	if c.closed || len(c.queue) >= packetQueue || c.remote.IsValid() && from != c.remote {
		return
	}
	c.queue = append(c.queue, datagram{from, append([]byte(nil), b...)})
	c.cond.Broadcast()
}

// unreachable is an ICMP port unreachable; only connected sockets see it.
func (c *PacketConn) unreachable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remote.IsValid() {
		c.refused = true
		c.cond.Broadcast()
	}
}

// Close closes the socket.
func (c *PacketConn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.queue = nil
	if c.readDL.timer != nil {
		c.readDL.timer.Stop()
	}
	c.cond.Broadcast()
	masked := c.masked
	c.mu.Unlock()
	c.proc.host.unbindUDP(c.local)
	if masked.IsValid() {
		c.proc.host.net.node.unbindUDP(masked)
	}
	c.proc.forget(c)
	return nil
}

// LocalAddr is a *net.UDPAddr.
func (c *PacketConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// RemoteAddr is the peer's *net.UDPAddr, or nil without a peer.
func (c *PacketConn) RemoteAddr() net.Addr {
	if !c.remote.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(c.remote)
}

// SetDeadline sets the deadline of reading; sending never waits.
func (c *PacketConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing: sending never waits.
func (c *PacketConn) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline sets the deadline of reading; zero is none.
func (c *PacketConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	c.readDL.set(t, &c.mu, &c.cond)
	return nil
}

func (c *PacketConn) opError(op string, err error) error {
	e := &net.OpError{Op: op, Net: c.network, Source: c.LocalAddr(), Err: err}
	if c.remote.IsValid() {
		e.Addr = net.UDPAddrFromAddrPort(c.remote)
	} else {
		e.Source, e.Addr = nil, c.LocalAddr()
	}
	return e
}

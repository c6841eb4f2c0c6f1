package vnet

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Host is one network namespace: the node's or a Pod's.
type Host struct {
	net   *Network
	addrs []netip.Addr

	sent, received atomic.Uint64

	mu    sync.RWMutex
	tcp   ports[*Listener]
	udp   ports[*PacketConn]
	procs map[*Process]struct{}
}

func newHost(n *Network, addrs ...netip.Addr) *Host {
	return &Host{net: n, addrs: addrs, procs: make(map[*Process]struct{})}
}

func (h *Host) has(a netip.Addr) bool { return slices.Contains(h.addrs, a) }

// source is the address that a connection to dst on the host to starts from,
// as the kernel chooses it.
func (h *Host) source(dst netip.Addr, to *Host) netip.Addr {
	switch {
	case dst.IsLoopback():
		return dst
	case to == h && h.has(dst):
		return dst
	case h == h.net.node && to != h:
		return h.net.ipam.gateway()
	default:
		return h.addrs[0]
	}
}

func (h *Host) ephemeralTCP() uint16 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tcp.ephemeral()
}

func (h *Host) listenerAt(a netip.AddrPort) (*Listener, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.tcp.at(a)
}

func (h *Host) packetConnAt(a netip.AddrPort) (*PacketConn, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.udp.at(a)
}

// bindable reports why a can't be listened at, if so. The port may be 0.
func (h *Host) bindable(p Protocol, a netip.AddrPort) error {
	if !a.Addr().IsUnspecified() && !a.Addr().IsLoopback() && !h.has(a.Addr()) {
		return errNotLocal
	}
	if p == TCP && h == h.net.node && a.Port() != 0 && h.net.realPort(a.Port()) != "" {
		return errInUse
	}
	return nil
}

func (h *Host) bindTCP(p *Process, network string, a netip.AddrPort) (*Listener, error) {
	if err := h.bindable(TCP, a); err != nil {
		return nil, listenError(network, net.TCPAddrFromAddrPort(a), err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	bound, ok := h.tcp.bind(a)
	if !ok {
		return nil, listenError(network, net.TCPAddrFromAddrPort(a), errInUse)
	}
	l := newListener(p, network, bound)
	h.tcp.add(bound, l)
	return l, nil
}

func (h *Host) unbindTCP(l *Listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tcp.remove(l.addr)
}

// bindUDP makes a socket at a, connected to remote when that is valid.
func (h *Host) bindUDP(p *Process, network string, a, remote netip.AddrPort) (*PacketConn, error) {
	if err := h.bindable(UDP, a); err != nil {
		return nil, listenError(network, net.UDPAddrFromAddrPort(a), err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	bound, ok := h.udp.bind(a)
	if !ok {
		return nil, listenError(network, net.UDPAddrFromAddrPort(a), errInUse)
	}
	c := newPacketConn(p, network, bound, remote)
	h.udp.add(bound, c)
	return c, nil
}

// lendUDP lets a socket of any host receive at a free port of addr here. It
// reports false when none is free.
func (h *Host) lendUDP(c *PacketConn, addr netip.Addr) (netip.AddrPort, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	bound, ok := h.udp.bind(netip.AddrPortFrom(addr, 0))
	if ok {
		h.udp.add(bound, c)
	}
	return bound, ok
}

func (h *Host) unbindUDP(a netip.AddrPort) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.udp.remove(a)
}

// close closes every process of the host.
func (h *Host) close() error {
	h.mu.RLock()
	procs := make([]*Process, 0, len(h.procs))
	for p := range h.procs {
		procs = append(procs, p)
	}
	h.mu.RUnlock()
	var errs []error
	for _, p := range procs {
		errs = append(errs, p.reset())
	}
	return errors.Join(errs...)
}

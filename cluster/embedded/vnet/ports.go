package vnet

import (
	"net/netip"
)

// Range of ports that a host gives to sockets that ask for none, as Linux.
const (
	ephemeralFirst = 32768
	ephemeralLast  = 60999
)

// ports are the sockets of one protocol bound on a host. The host's mutex
// guards them.
type ports[T any] struct {
	bound map[uint16][]binding[T]
	next  uint16
}

type binding[T any] struct {
	addr   netip.Addr
	socket T
}

// bind reserves addr, choosing the port when it is 0. It reports false when
// the port is taken: at the same address, or where one of both is a wildcard.
func (p *ports[T]) bind(addr netip.AddrPort) (netip.AddrPort, bool) {
	if addr.Port() != 0 {
		for _, b := range p.bound[addr.Port()] {
			if b.addr == addr.Addr() || b.addr.IsUnspecified() || addr.Addr().IsUnspecified() {
				return addr, false
			}
		}
		return addr, true
	}
	for range ephemeralLast - ephemeralFirst + 1 {
		port := p.ephemeral()
		if len(p.bound[port]) == 0 {
			return netip.AddrPortFrom(addr.Addr(), port), true
		}
	}
	return addr, false
}

func (p *ports[T]) ephemeral() uint16 {
	if p.next < ephemeralFirst || p.next > ephemeralLast {
		p.next = ephemeralFirst
	}
	port := p.next
	p.next++
	return port
}

func (p *ports[T]) add(addr netip.AddrPort, socket T) {
	if p.bound == nil {
		p.bound = make(map[uint16][]binding[T])
	}
	p.bound[addr.Port()] = append(p.bound[addr.Port()], binding[T]{addr.Addr(), socket})
}

func (p *ports[T]) remove(addr netip.AddrPort) {
	list := p.bound[addr.Port()]
	for i, b := range list {
		if b.addr == addr.Addr() {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(p.bound, addr.Port())
		return
	}
	p.bound[addr.Port()] = list
}

// at finds the socket that takes what arrives at addr.
func (p *ports[T]) at(addr netip.AddrPort) (T, bool) {
	for _, b := range p.bound[addr.Port()] {
		if b.addr == addr.Addr() || b.addr.IsUnspecified() {
			return b.socket, true
		}
	}
	var none T
	return none, false
}

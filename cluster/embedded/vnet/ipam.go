package vnet

import (
	"fmt"
	"net/netip"
)

// ipam hands out addresses one after the other and starts again at the end of
// the range, as the host-local plugin of CNI does. So an address that was
// given back is not used again soon, and a new Pod shows a new address.
type ipam struct {
	prefix netip.Prefix
	last   netip.Addr // the one handed out last
	used   map[netip.Addr]bool
}

func newIPAM(prefix netip.Prefix, last netip.Addr) *ipam {
	gateway := prefix.Masked().Addr().Next()
	if !prefix.Contains(last) {
		last = gateway
	}
	return &ipam{prefix: prefix.Masked(), last: last, used: map[netip.Addr]bool{gateway: true}}
}

// gateway is the node's own address in the range, its first.
func (m *ipam) gateway() netip.Addr { return m.prefix.Addr().Next() }

func (m *ipam) allocate() (netip.Addr, error) {
	first := m.prefix.Addr()
	for a := m.last.Next(); ; a = a.Next() {
		if !m.prefix.Contains(a) || !m.prefix.Contains(a.Next()) { // the end, or broadcast
			a = first
			continue
		}
		if a != first && !m.used[a] {
			m.used[a] = true
			m.last = a
			return a, nil
		}
		if a == m.last {
			return netip.Addr{}, fmt.Errorf("no free Pod address in %s: %d are in use", m.prefix, len(m.used)-1)
		}
	}
}

func (m *ipam) release(a netip.Addr) { delete(m.used, a) }

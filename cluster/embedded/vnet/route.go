package vnet

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Protocol is a transport that Services forward.
type Protocol string

// Protocols that the network carries. SCTP is not carried.
const (
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// Table is what the network knows of Services at one time. Whoever sets it
// does not change it afterwards.
type Table struct {
	Ports []ServicePort
}

// ServicePort is one port of one Service.
type ServicePort struct {
	// Name says whose it is in messages: "namespace/name:port".
	Name     string
	Protocol Protocol
	// Addrs are the ClusterIPs and external IPs; none for a headless Service.
	Addrs []netip.Addr
	Port  uint16
	// NodePort is 0 when there is none.
	NodePort uint16
	// Affinity is how long a client stays on its endpoint after its last
	// connection (sessionAffinity: ClientIP); 0 is no affinity.
	Affinity time.Duration
	// Endpoints are those that take new connections. With none of them a
	// connection is refused.
	Endpoints []netip.AddrPort
}

type serviceKey struct {
	protocol Protocol
	addr     netip.AddrPort // without an address for a node port
}

// backend is the state of a service port that outlives changes of the table:
// whose turn it is, and which client belongs to which endpoint.
type backend struct {
	next atomic.Uint64

	mu      sync.Mutex
	clients map[netip.Addr]affinity
}

type affinity struct {
	endpoint netip.AddrPort
	last     time.Time
}

type route struct {
	port ServicePort
	*backend
}

// pick chooses an endpoint for a new connection. Endpoints take turns
// (kube-proxy's iptables mode draws by lot; over many connections both are
// even, and turns show it after three).
func (r *route) pick(client netip.Addr, now time.Time) (netip.AddrPort, bool) {
	eps := r.port.Endpoints
	if len(eps) == 0 {
		return netip.AddrPort{}, false
	}
	if r.port.Affinity <= 0 {
		return eps[(r.next.Add(1)-1)%uint64(len(eps))], true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a, ok := r.clients[client]; ok && now.Sub(a.last) < r.port.Affinity && slices.Contains(eps, a.endpoint) {
		r.clients[client] = affinity{a.endpoint, now}
		return a.endpoint, true
	}
	ep := eps[(r.next.Add(1)-1)%uint64(len(eps))]
	if r.clients == nil {
		r.clients = make(map[netip.Addr]affinity)
	}
	r.clients[client] = affinity{ep, now}
	return ep, true
}

// routes is a compiled Table.
type routes struct {
	byAddr map[serviceKey]*route
	byNode map[serviceKey]*route
}

// compile makes the lookup tables of t. The state of service ports that old
// knows goes on.
func compile(t Table, old *routes) *routes {
	r := &routes{
		byAddr: make(map[serviceKey]*route, len(t.Ports)),
		byNode: make(map[serviceKey]*route),
	}
	for _, p := range t.Ports {
		be := &backend{}
		if old != nil {
			if b := old.backendOf(p); b != nil {
				be = b
			}
		}
		rt := &route{port: p, backend: be}
		for _, a := range p.Addrs {
			r.byAddr[serviceKey{p.Protocol, netip.AddrPortFrom(a, p.Port)}] = rt
		}
		if p.NodePort != 0 {
			r.byNode[nodeKey(p.Protocol, p.NodePort)] = rt
		}
	}
	return r
}

func (r *routes) backendOf(p ServicePort) *backend {
	for _, a := range p.Addrs {
		if rt := r.byAddr[serviceKey{p.Protocol, netip.AddrPortFrom(a, p.Port)}]; rt != nil {
			return rt.backend
		}
	}
	return nil
}

func nodeKey(p Protocol, port uint16) serviceKey {
	return serviceKey{p, netip.AddrPortFrom(netip.Addr{}, port)}
}

// lookup finds the service that answers at dst. onNode says that dst is an
// address of the node.
func (r *routes) lookup(p Protocol, dst netip.AddrPort, onNode bool) *route {
	if rt := r.byAddr[serviceKey{p, dst}]; rt != nil {
		return rt
	}
	if onNode {
		return r.byNode[nodeKey(p, dst.Port())]
	}
	return nil
}

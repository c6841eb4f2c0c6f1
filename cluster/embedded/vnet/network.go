// Package vnet is the network of the embedded cluster: Pods with addresses of
// their own, TCP-like connections and UDP datagrams between them, Services in
// front of them, all inside one process and without any privilege. It knows
// nothing of Kubernetes' API; package proxy turns Services and EndpointSlices
// into a Table for it.
//
// What a program sees is what Linux and kube-proxy would show it: a refused
// connection where a host exists and nothing listens, a Service without
// endpoints refusing too, a timeout where nothing routes, a reset when a Pod
// goes away.
package vnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Config, those of kind.
const (
	DefaultPodCIDR = "10.244.0.0/24"
	DefaultNodeIP  = "172.18.0.2"
	// defaultConnectTimeout is what Linux' tcp_syn_retries of 6 come to.
	defaultConnectTimeout = 127 * time.Second
)

// Config says what a Network is like. The zero value is a kind-like network.
type Config struct {
	PodCIDR netip.Prefix
	// LastPodIP is the address handed out last, from an earlier run; the
	// next Pod gets the one behind it.
	LastPodIP netip.Addr
	NodeIP    netip.Addr
	// ConnectTimeout is how long a connection attempt to nowhere lasts.
	ConnectTimeout time.Duration
	// PublishNodePorts opens node ports and host ports on 127.0.0.1 of the
	// real machine.
	PublishNodePorts bool
	// PortProblem is called when a node port or host port can't be opened on
	// the real machine (err set), once for each change of the problem, and
	// again with a nil err when it could be after all. It may be nil.
	PortProblem func(owner string, port uint16, err error)
}

// Network is the virtual network of one node. Its methods are safe for
// concurrent use. Close it to release everything.
type Network struct {
	config Config
	node   *Host
	self   *Process // what the network itself opens, on the node
	routes atomic.Pointer[routes]

	mu     sync.RWMutex
	ipam   *ipam
	hosts  map[netip.Addr]*Host
	real   map[uint16]string // node port → address on the real machine
	closed bool
	// changed is closed, and replaced, when a way may have come up: a Pod, a
	// Service, a mapped port.
	changed chan struct{}

	ctx       context.Context
	cancel    context.CancelFunc
	published *publisher
}

// New makes a network with only its node.
func New(cfg Config) *Network {
	if !cfg.PodCIDR.IsValid() {
		cfg.PodCIDR = netip.MustParsePrefix(DefaultPodCIDR)
	}
	if !cfg.NodeIP.IsValid() {
		cfg.NodeIP = netip.MustParseAddr(DefaultNodeIP)
	}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = defaultConnectTimeout
	}
	n := &Network{
		config: cfg,
		ipam:   newIPAM(cfg.PodCIDR, cfg.LastPodIP),
		hosts:  make(map[netip.Addr]*Host),
		real:   make(map[uint16]string),

		changed: make(chan struct{}),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.routes.Store(compile(Table{}, nil))
	n.node = newHost(n, cfg.NodeIP, n.ipam.gateway())
	n.self = newProcess(n.node, nil, ResolverConfig{})
	for _, a := range n.node.addrs {
		n.hosts[a] = n.node
	}
	n.published = newPublisher(n)
	return n
}

// NodeIP is the address of the node.
func (n *Network) NodeIP() netip.Addr { return n.config.NodeIP }

// LastPodIP is the address handed out last, for Config.LastPodIP of a later
// run.
func (n *Network) LastPodIP() netip.Addr {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.ipam.last
}

// Node is a process on the node, for what runs outside of any Pod: it dials
// as the kubelet does and never closes before the network.
func (n *Network) Node() *Process { return n.self }

// SetTable replaces the Services. New connections follow it at once;
// connections that exist stay where they are.
func (n *Network) SetTable(t Table) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return
	}
	n.routes.Store(compile(t, n.routes.Load()))
	n.announce()
	n.mu.Unlock()
	n.published.want(t)
}

// MapNodePort makes a TCP port of the node lead to an address of the real
// machine ("127.0.0.1:39117"): so Pods reach the API server and metrics-server
// reaches the kubelet. An empty realAddr takes it back.
func (n *Network) MapNodePort(port uint16, realAddr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if realAddr == "" {
		delete(n.real, port)
		return
	}
	n.real[port] = realAddr
	n.announce()
}

// announce wakes the connection attempts that found no way. The caller holds
// the mutex.
func (n *Network) announce() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *Network) nextChange() <-chan struct{} {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.changed
}

func (n *Network) realPort(port uint16) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.real[port]
}

// PodConfig describes a Pod to Attach.
type PodConfig struct {
	Name        string // for messages, "namespace/name"
	Hostname    string
	HostNetwork bool
	Resolver    ResolverConfig
	HostPorts   []HostPort
}

// HostPort is a port of a Pod that answers on the node too. Its TCP side is
// also opened on 127.0.0.1 of the real machine.
type HostPort struct {
	Protocol Protocol
	Host     uint16
	Pod      uint16
}

// Attach gives a Pod an address, or the node's when it is on the host's
// network. Close the Pod to take it away.
func (n *Network) Attach(cfg PodConfig) (*Pod, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, fmt.Errorf("attach %s: the network is closed: %w", cfg.Name, net.ErrClosed)
	}
	cfg.Resolver.Hostname = cfg.Hostname
	if cfg.HostNetwork {
		cfg.Resolver.IP = n.config.NodeIP
		return &Pod{Process: newProcess(n.node, n.self, cfg.Resolver), network: n, ip: n.config.NodeIP}, nil
	}
	ip, err := n.ipam.allocate()
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", cfg.Name, err)
	}
	cfg.Resolver.IP = ip
	h := newHost(n, ip)
	n.hosts[ip] = h
	n.announce()
	pod := &Pod{Process: newProcess(h, nil, cfg.Resolver), network: n, ip: ip, exclusive: true}
	for _, hp := range cfg.HostPorts {
		pod.owned = append(pod.owned, n.published.hostPort(cfg.Name, hp, ip))
	}
	return pod, nil
}

// Close closes every connection and listener and waits for the goroutines of
// the network.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	hosts := make([]*Host, 0, len(n.hosts))
	for _, h := range n.hosts {
		hosts = append(hosts, h)
	}
	n.mu.Unlock()
	n.cancel()
	n.published.close()
	var errs []error
	for _, h := range hosts {
		errs = append(errs, h.close())
	}
	return errors.Join(errs...)
}

// Pod is the network of one Pod sandbox. It is itself a process of the Pod;
// NewProcess makes one for each container.
type Pod struct {
	*Process
	network   *Network
	ip        netip.Addr
	exclusive bool // has its address for itself
	owned     []func()
	once      sync.Once
}

// IP is the address of the Pod.
func (p *Pod) IP() netip.Addr { return p.ip }

// DialFromNode dials as a process of the node does, except that a loopback
// address is the Pod's own: what probes and port-forward need.
func (p *Pod) DialFromNode(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err == nil && (host == "localhost" || isLoopback(host)) {
		return p.Dial(ctx, network, address)
	}
	return p.network.self.Dial(ctx, network, address)
}

// Stats are the bytes that came from and went to other hosts. For a Pod on
// the host's network they are the node's.
func (p *Pod) Stats() (received, sent uint64) {
	return p.host.received.Load(), p.host.sent.Load()
}

// Close resets the Pod's connections, closes its listeners and frees its
// address. It may be called more than once.
func (p *Pod) Close() error {
	var err error
	p.once.Do(func() {
		for _, release := range p.owned {
			release()
		}
		if !p.exclusive {
			err = p.Process.Close()
			return
		}
		n := p.network
		n.mu.Lock()
		delete(n.hosts, p.ip)
		n.mu.Unlock()
		err = p.host.close()
		// Only now may another Pod get the address.
		n.mu.Lock()
		n.ipam.release(p.ip)
		n.mu.Unlock()
	})
	return err
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// hop is where a packet goes from here. Its zero value is nowhere.
type hop struct {
	host       *Host
	addr       netip.AddrPort
	real       string // an address of the real machine
	refused    bool   // the Service has no endpoints
	masquerade bool   // the sender's address is hidden behind the node's
}

// route decides where what from sends to dst goes. It advances the turn of a
// Service.
func (n *Network) route(p Protocol, from *Host, dst netip.AddrPort) hop {
	var h hop
	loopback := dst.Addr().IsLoopback()
	onNode := loopback && from == n.node || n.isNode(dst.Addr())
	if !loopback || onNode {
		if rt := n.routes.Load().lookup(p, dst, onNode); rt != nil {
			client := netip.Addr{}
			if len(from.addrs) > 0 {
				client = from.addrs[0]
			}
			ep, ok := rt.pick(client, time.Now())
			if !ok {
				return hop{refused: true}
			}
			dst, loopback = ep, false
			h.masquerade = onNode || from.has(ep.Addr())
			onNode = n.isNode(ep.Addr())
		}
	}
	h.addr = dst
	if onNode {
		if h.real = n.realPort(dst.Port()); h.real != "" && p == TCP {
			return h
		}
		h.real = ""
		h.host = n.node
		return h
	}
	if loopback {
		h.host = from
		return h
	}
	n.mu.RLock()
	h.host = n.hosts[dst.Addr()]
	n.mu.RUnlock()
	return h
}

func (n *Network) isNode(a netip.Addr) bool { return n.node.has(a) }

package vnet

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// publishRetry is how long a port that the real machine did not give is left
// alone before the next try.
const publishRetry = 5 * time.Second

// publisher opens node ports and host ports on the real machine's loopback
// and carries what arrives there into the virtual network. Only TCP is
// published.
type publisher struct {
	net *Network
	wg  sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	nodePorts map[uint16]*published
}

// published is one port that is, or is to be, open on the real machine.
type published struct {
	owner  string
	port   uint16
	target func(context.Context) (net.Conn, error)
	cancel context.CancelFunc
}

func newPublisher(n *Network) *publisher {
	return &publisher{net: n, nodePorts: make(map[uint16]*published)}
}

// want makes the published node ports those of t.
func (p *publisher) want(t Table) {
	if !p.net.config.PublishNodePorts {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	wanted := make(map[uint16]string)
	for _, sp := range t.Ports {
		if sp.NodePort != 0 && sp.Protocol == TCP {
			wanted[sp.NodePort] = sp.Name
		}
	}
	for port, pub := range p.nodePorts {
		if wanted[port] != pub.owner {
			pub.cancel()
			delete(p.nodePorts, port)
		}
	}
	for port, owner := range wanted {
		if p.nodePorts[port] == nil {
			addr := net.JoinHostPort(p.net.config.NodeIP.String(), strconv.Itoa(int(port)))
			p.nodePorts[port] = p.start(owner, port, func(ctx context.Context) (net.Conn, error) {
				return p.net.self.Dial(ctx, "tcp", addr)
			})
		}
	}
}

// hostPort publishes a port of a Pod and returns what takes it back.
func (p *publisher) hostPort(owner string, hp HostPort, pod netip.Addr) (release func()) {
	if !p.net.config.PublishNodePorts || hp.Protocol != TCP {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return func() {}
	}
	addr := net.JoinHostPort(pod.String(), strconv.Itoa(int(hp.Pod)))
	return p.start(owner, hp.Host, func(ctx context.Context) (net.Conn, error) {
		return p.net.self.Dial(ctx, "tcp", addr)
	}).cancel
}

// start keeps a port open until cancelled. The caller holds the mutex.
func (p *publisher) start(owner string, port uint16, target func(context.Context) (net.Conn, error)) *published {
	ctx, cancel := context.WithCancel(p.net.ctx)
	pub := &published{owner: owner, port: port, target: target, cancel: cancel}
	p.wg.Go(func() {
		defer cancel()
		p.keepOpen(ctx, pub)
	})
	return pub
}

// keepOpen opens the port, again and again where it is taken, and serves it.
func (p *publisher) keepOpen(ctx context.Context, pub *published) {
	problem := ""
	for ctx.Err() == nil {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(pub.port))))
		if ctx.Err() != nil {
			if err == nil {
				closeQuietly(l)
			}
			return
		}
		if err == nil {
			if problem != "" {
				p.report(pub, nil)
				problem = ""
			}
			p.serve(ctx, l, pub)
			continue
		}
		if err.Error() != problem {
			problem = err.Error()
			p.report(pub, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(publishRetry):
		}
	}
}

func (p *publisher) report(pub *published, err error) {
	if f := p.net.config.PortProblem; f != nil {
		f(pub.owner, pub.port, err)
	}
}

// serve accepts until ctx ends. Connections outlive it: like a removed node
// port, it takes no new ones and leaves the rest alone.
func (p *publisher) serve(ctx context.Context, l net.Listener, pub *published) {
	stop := context.AfterFunc(ctx, func() { closeQuietly(l) })
	defer stop()
	defer closeQuietly(l)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.forward(c, pub) })
	}
}

func (p *publisher) forward(c net.Conn, pub *published) {
	stop := context.AfterFunc(p.net.ctx, func() { abort(c) })
	defer stop()
	to, err := pub.target(p.net.ctx)
	if err != nil {
		// The program behind a refused connection sees a reset.
		abort(c)
		return
	}
	Relay(c, to)
}

// close waits for everything; the network's context has ended.
func (p *publisher) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.wg.Wait()
}

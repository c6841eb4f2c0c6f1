package vnet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// backlog is how many connections wait for Accept before a dialler waits too.
// Linux has 4096; nothing in a lesson tells them apart and this costs 1 KiB.
const backlog = 128

// Listener accepts connections at an address of a host.
type Listener struct {
	proc    *Process
	network string
	addr    netip.AddrPort
	queue   chan *Conn
	space   chan struct{} // signalled when the queue has room again

	mu     sync.Mutex
	done   chan struct{}
	closed bool
}

func newListener(p *Process, network string, addr netip.AddrPort) *Listener {
	return &Listener{
		proc: p, network: network, addr: addr,
		queue: make(chan *Conn, backlog),
		space: make(chan struct{}, 1),
		done:  make(chan struct{}),
	}
}

// Accept returns the next connection, a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, l.opError("accept", net.ErrClosed)
	default:
	}
	select {
	case c := <-l.queue:
		l.signalSpace()
		return c, nil
	case <-l.done:
		return nil, l.opError("accept", net.ErrClosed)
	}
}

// Close stops listening. Connections nobody accepted are reset.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return l.opError("close", net.ErrClosed)
	}
	l.closed = true
	close(l.done)
	l.mu.Unlock()
	l.proc.host.unbindTCP(l)
	l.proc.forget(l)
	for {
		select {
		case c := <-l.queue:
			c.Reset()
		default:
			return nil
		}
	}
}

// Addr is the *net.TCPAddr listened at.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// offer puts the server's end of a connection into the queue. It waits while
// the queue is full, at most for limit, and fails when the listener closes.
func (l *Listener) offer(ctx context.Context, c *Conn, limit time.Duration) error {
	var timer *time.Timer
	for {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return errRefused
		}
		select {
		case l.queue <- c:
			l.mu.Unlock()
			if len(l.queue) < cap(l.queue) {
				l.signalSpace() // for the next one that waits
			}
			return nil
		default:
		}
		l.mu.Unlock()
		if timer == nil {
			timer = time.NewTimer(limit)
			defer timer.Stop()
		}
		select {
		case <-l.space:
		case <-timer.C:
			return errTimedOut
		case <-l.done:
			return errRefused
		case <-ctx.Done():
			return contextError(ctx.Err())
		}
	}
}

func (l *Listener) signalSpace() {
	select {
	case l.space <- struct{}{}:
	default:
	}
}

func (l *Listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: l.network, Addr: l.Addr(), Err: err}
}

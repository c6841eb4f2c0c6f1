package vnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// Conn is one end of a TCP-like connection of the virtual network. It is safe
// for concurrent use as a net.Conn is. Its errors are *net.OpError with the
// texts of Linux.
type Conn struct {
	in, out       *pipe
	local, remote *net.TCPAddr
	owner         *Process
	closed        atomic.Bool
	lingerZero    atomic.Bool
}

// endpoints are the addresses of a new connection. remote is what the client
// dialled, which for a Service is not where the server listens; seen is the
// client's address as the server sees it.
type endpoints struct {
	local, remote netip.AddrPort
	server, seen  netip.AddrPort
}

// newConnPair makes both ends of a connection between two processes.
func newConnPair(client, server *Process, e endpoints) (a, b *Conn) {
	var up, down *pipe
	if ch, sh := client.host, server.host; ch == sh {
		up, down = newPipe(nil, nil), newPipe(nil, nil)
	} else {
		up, down = newPipe(&ch.sent, &sh.received), newPipe(&sh.sent, &ch.received)
	}
	a = &Conn{
		in: down, out: up, owner: client,
		local: net.TCPAddrFromAddrPort(e.local), remote: net.TCPAddrFromAddrPort(e.remote),
	}
	b = &Conn{
		in: up, out: down, owner: server,
		local: net.TCPAddrFromAddrPort(e.server), remote: net.TCPAddrFromAddrPort(e.seen),
	}
	return a, b
}

// Read reads from the connection. What had arrived before a reset is still
// read, then the error is ECONNRESET.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = c.opError("read", err)
	}
	return n, err
}

// Write writes to the connection and waits while the peer's buffer (64 KiB)
// is full. Writing to a peer that has closed is EPIPE.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	if err != nil {
		err = c.opError("write", err)
	}
	return n, err
}

// Close closes the connection. As on Linux the peer gets a reset instead of
// an orderly end when bytes were left unread here, or after SetLinger(0).
func (c *Conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return c.opError("close", net.ErrClosed)
	}
	unread := c.in.closeRead()
	if unread || c.lingerZero.Load() {
		c.in.fail()
		c.out.fail()
	}
	c.out.finish(true)
	c.owner.forget(c)
	return nil
}

// CloseWrite ends the outgoing direction; the peer reads io.EOF.
func (c *Conn) CloseWrite() error {
	if c.closed.Load() {
		return c.opError("close", net.ErrClosed)
	}
	c.out.finish(false)
	return nil
}

// CloseRead is a shutdown of the incoming direction. Like Linux it lets what
// the peer still sends go nowhere.
func (c *Conn) CloseRead() error {
	if c.closed.Load() {
		return c.opError("close", net.ErrClosed)
	}
	c.in.finish(false)
	return nil
}

// SetLinger with 0 makes Close reset the connection. Other values change
// nothing.
func (c *Conn) SetLinger(sec int) error {
	c.lingerZero.Store(sec == 0)
	return nil
}

// Reset closes the connection abruptly: the peer gets ECONNRESET.
func (c *Conn) Reset() {
	c.lingerZero.Store(true)
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		// Close has no other error.
		panic(err)
	}
}

// LocalAddr is a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a *net.TCPAddr: the address dialled, or for a server the
// client's.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of Read; zero is none.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.opError("set", net.ErrClosed)
	}
	c.in.setDeadline(&c.in.readDL, t)
	return nil
}

// SetWriteDeadline sets the deadline of Write; zero is none.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.opError("set", net.ErrClosed)
	}
	c.out.setDeadline(&c.out.writeDL, t)
	return nil
}

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

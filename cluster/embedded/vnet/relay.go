package vnet

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// Relay copies between two connections until both directions have ended, and
// closes both. The end of one direction is passed on as a half-close where the
// connection has one, a reset as a reset. It returns the bytes copied from a
// to b and from b to a.
func Relay(a, b net.Conn) (aToB, bToA int64) {
	var wg sync.WaitGroup
	wg.Go(func() { aToB = relayOne(b, a) })
	bToA = relayOne(a, b)
	wg.Wait()
	closeQuietly(a)
	closeQuietly(b)
	return aToB, bToA
}

// relayOne copies from src to dst and ends dst's direction.
func relayOne(dst, src net.Conn) int64 {
	n, err := io.Copy(dst, src)
	if err != nil {
		if errors.Is(err, syscall.ECONNRESET) {
			abort(dst)
			abort(src)
			return n
		}
		// One side is gone; the other direction has no use any more.
		closeQuietly(dst)
		closeQuietly(src)
		return n
	}
	if h, ok := dst.(interface{ CloseWrite() error }); ok {
		if h.CloseWrite() == nil {
			return n
		}
	}
	closeQuietly(dst)
	return n
}

// abort closes a connection with a reset where it can.
func abort(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(int) error }); ok {
		// Without it the peer only sees an orderly end.
		_ = l.SetLinger(0)
	}
	closeQuietly(c)
}

// closeQuietly closes a connection whose errors have nobody to tell: all that
// Close can say is that the other side was quicker.
func closeQuietly(c io.Closer) { _ = c.Close() }

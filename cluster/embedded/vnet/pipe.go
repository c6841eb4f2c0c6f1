package vnet

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Sizes of a direction's buffer in bytes. Most requests of the lessons fit the
// small one; a busy direction moves to the large one and stays there.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

// The pools carry buffers from closed connections to new ones, so that short
// connections make little garbage.
var (
	smallBuffers = sync.Pool{New: func() any { b := make([]byte, smallBuffer); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeBuffer); return &b }}
)

// deadline is a point in time after which waiting ends. Its pipe's mutex
// guards it.
type deadline struct {
	at      time.Time
	expired bool
	timer   *time.Timer
}

// pipe is one direction of a connection: a bounded buffer with one reading and
// one writing end, each with its deadline.
type pipe struct {
	mu   sync.Mutex
	cond sync.Cond

	buf  *[]byte // nil while empty and idle
	r, n int     // ring: first byte and number of bytes

	readDL, writeDL deadline

	finished  bool // FIN sent: no more bytes come in
	readDone  bool // the reading end is closed
	writeDone bool // the writing end is closed, not only half
	reset     bool // RST: what is buffered may still be read, as on Linux

	sent, received *atomic.Uint64 // byte counters of both hosts; nil on loopback
}

func newPipe(sent, received *atomic.Uint64) *pipe {
	p := &pipe{sent: sent, received: received}
	p.cond.L = &p.mu
	return p
}

// set moves the deadline. mu guards it and is held; cond is told when the
// deadline passes.
func (d *deadline) set(t time.Time, mu *sync.Mutex, cond *sync.Cond) {
	d.at, d.expired = t, false
	if t.IsZero() {
		if d.timer != nil {
			d.timer.Stop()
		}
		return
	}
	wait := time.Until(t)
	switch {
	case wait <= 0:
		d.expired = true
		cond.Broadcast()
	case d.timer == nil:
		d.timer = time.AfterFunc(wait, func() { d.fire(mu, cond) })
	default:
		d.timer.Reset(wait)
	}
}

// fire marks the deadline as passed unless it was moved since the timer was
// set.
func (d *deadline) fire(mu *sync.Mutex, cond *sync.Cond) {
	mu.Lock()
	defer mu.Unlock()
	if !d.at.IsZero() && !time.Now().Before(d.at) {
		d.expired = true
		cond.Broadcast()
	}
}

func (p *pipe) setDeadline(d *deadline, t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d.set(t, &p.mu, &p.cond)
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.readDone:
			return 0, net.ErrClosed
		case p.readDL.expired:
			return 0, os.ErrDeadlineExceeded
		case p.n > 0:
			return p.pop(b), nil
		case p.reset:
			return 0, errReadReset
		case p.finished:
			p.release()
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		}
		p.cond.Wait()
	}
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for {
		switch {
		case p.writeDone:
			return written, net.ErrClosed
		case p.writeDL.expired:
			return written, os.ErrDeadlineExceeded
		case p.reset:
			return written, errWriteReset
		case p.finished, p.readDone:
			return written, errBrokenPipe
		}
		k := p.push(b[written:])
		written += k
		if written == len(b) {
			return written, nil
		}
		p.cond.Wait()
	}
}

// push appends as much of b as fits. The caller holds the mutex.
func (p *pipe) push(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	p.makeRoom(len(b))
	buf := *p.buf
	k := 0
	for k < len(b) && p.n < len(buf) {
		w := (p.r + p.n) % len(buf)
		end := len(buf)
		if w < p.r {
			end = p.r
		}
		c := copy(buf[w:end], b[k:])
		k += c
		p.n += c
	}
	if k > 0 {
		if p.sent != nil {
			p.sent.Add(uint64(k))
			p.received.Add(uint64(k))
		}
		p.cond.Broadcast()
	}
	return k
}

// makeRoom takes a buffer from a pool, or moves to the large one when want
// more bytes do not fit the small one.
func (p *pipe) makeRoom(want int) {
	if p.buf == nil {
		if want > smallBuffer {
			p.buf = largeBuffers.Get().(*[]byte)
		} else {
			p.buf = smallBuffers.Get().(*[]byte)
		}
		p.r, p.n = 0, 0
		return
	}
	if len(*p.buf) == largeBuffer || p.n+want <= smallBuffer {
		return
	}
	large := largeBuffers.Get().(*[]byte)
	n := p.n
	p.pop((*large)[:n])
	smallBuffers.Put(p.buf)
	p.buf, p.r, p.n = large, 0, n
}

// pop moves bytes from the front of the buffer to b. The caller holds the
// mutex.
func (p *pipe) pop(b []byte) int {
	buf := *p.buf
	k := 0
	for k < len(b) && p.n > 0 {
		end := min(p.r+p.n, len(buf))
		c := copy(b[k:], buf[p.r:end])
		k += c
		p.r = (p.r + c) % len(buf)
		p.n -= c
	}
	if p.n == 0 {
		p.r = 0
	}
	p.cond.Broadcast()
	return k
}

func (p *pipe) release() {
	if p.buf == nil {
		return
	}
	if len(*p.buf) == largeBuffer {
		largeBuffers.Put(p.buf)
	} else {
		smallBuffers.Put(p.buf)
	}
	p.buf, p.r, p.n = nil, 0, 0
}

// finish is a FIN from the writing end; closed says that the end is closed
// altogether and not only for writing.
func (p *pipe) finish(closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = true
	if closed {
		p.writeDone = true
		p.stop(&p.writeDL)
	}
	p.cond.Broadcast()
}

// closeRead closes the reading end and reports whether bytes were left unread.
func (p *pipe) closeRead() (unread bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	unread = p.n > 0
	p.readDone = true
	p.stop(&p.readDL)
	p.release()
	p.cond.Broadcast()
	return unread
}

// fail is an RST.
func (p *pipe) fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset = true
	p.cond.Broadcast()
}

func (p *pipe) stop(d *deadline) {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}

package runtime

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// maxTap is how much is kept for an attached client that reads more slowly
	// than the container writes.
	maxTap = 1 << 20
	// drainTime is how long a client may take for the rest once the container
	// has ended.
	drainTime = 2 * time.Second
)

// tap is one attached client. Writing to it never waits: what the client has not
// read is kept up to maxTap, then left out, and the client is told how much.
// (A real runtime makes the container wait instead; here it would be the
// kubelet, too, which looks at the same stream.) It is safe for concurrent use.
type tap struct {
	ended chan struct{} // closed when run has returned

	mu     sync.Mutex
	filled sync.Cond // something is there, or closed
	buf    []byte
	lost   int // bytes left out after buf
	closed bool
}

func newTap() *tap {
	t := &tap{ended: make(chan struct{})}
	t.filled.L = &t.mu
	return t
}

// put queues p for the client.
func (t *tap) put(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if t.lost > 0 || len(t.buf)+len(p) > maxTap {
		t.lost += len(p)
		return
	}
	t.buf = append(t.buf, p...)
	t.filled.Signal()
}

// close lets run end once the client has got what is queued.
func (t *tap) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.filled.Signal()
}

// run hands the client what is queued, until close or until the client is gone.
func (t *tap) run(w io.Writer) {
	defer close(t.ended)
	for {
		p, ok := t.take()
		if !ok {
			return
		}
		if _, err := w.Write(p); err != nil {
			t.close()
			return
		}
	}
}

// take waits for what is to be written next.
func (t *tap) take() ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.buf) == 0 && !t.closed {
		t.filled.Wait()
	}
	p := t.buf
	t.buf = nil
	if t.lost > 0 {
		p = fmt.Appendf(p, "\r\n[k8stutor: %d bytes left out: this client did not read them in time]\r\n", t.lost)
		t.lost = 0
	}
	return p, len(p) > 0
}

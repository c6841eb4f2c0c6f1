// Package tty is the line discipline of a terminal: what a kernel does between
// a keyboard and a program's standard input. The streams of an attached
// container are raw, in the embedded cluster because there is no kernel
// terminal at all, on a real system because the toolbox sets its terminal raw.
//
// In cooked mode, which is where a Terminal starts, input is echoed and handed
// over line by line, Backspace, Ctrl-U and Ctrl-W edit the line, Ctrl-D ends
// the input, and Ctrl-C becomes a signal. In raw mode bytes pass as they are.
// Output gets "\r\n" for "\n" in both modes.
package tty

import (
	"bytes"
	"context"
	"io"
	"sync"
	"unicode/utf8"
)

// Keys that a cooked terminal acts on.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	ctrlH     = 0x08
	ctrlU     = 0x15
	ctrlW     = 0x17
	ctrlSlash = 0x1c
	del       = 0x7f
)

// maxBuffered bounds what is typed ahead and not yet read, as a kernel does.
const maxBuffered = 64 << 10

// Terminal turns raw streams into those of a terminal. All methods are safe
// for concurrent use.
type Terminal struct {
	outMu sync.Mutex
	out   io.Writer
	last  byte // last byte written, to leave "\r\n" alone

	interrupts chan struct{}

	mu    sync.Mutex
	raw   bool
	line  []byte // being edited, cooked mode only
	ready []byte // to be read
	eofs  int    // Ctrl-D typed on an empty line and not yet read
	err   error  // in has ended
	wake  chan struct{}
}

// New starts a terminal on the raw streams in and out. One goroutine reads in
// until it fails or ends; whoever owns in stops it by closing in.
func New(in io.Reader, out io.Writer) *Terminal {
	t := &Terminal{out: out, interrupts: make(chan struct{}, 1), wake: make(chan struct{})}
	go t.pump(in)
	return t
}

// Interrupts receives a value when Ctrl-C or Ctrl-\ is typed in cooked mode.
// A value that nobody took is not repeated.
func (t *Terminal) Interrupts() <-chan struct{} { return t.interrupts }

// SetRaw switches between raw and cooked mode. What was typed and not read
// stays; on the way to cooked mode it is treated as if it were typed now, so
// that a Ctrl-C which came a moment early still interrupts.
func (t *Terminal) SetRaw(raw bool) {
	t.mu.Lock()
	if t.raw == raw {
		t.mu.Unlock()
		return
	}
	t.raw = raw
	if raw {
		t.ready = append(t.ready, t.line...)
		t.line = nil
		t.signalLocked()
		t.mu.Unlock()
		return
	}
	typed := t.ready
	t.ready = nil
	t.mu.Unlock()
	if len(typed) > 0 {
		t.input(typed)
	}
}

// Read implements io.Reader. In cooked mode it returns io.EOF once for each
// Ctrl-D, and works again after it.
func (t *Terminal) Read(p []byte) (int, error) {
	return t.ReadContext(context.Background(), p)
}

// ReadContext is Read that gives up when ctx is done.
func (t *Terminal) ReadContext(ctx context.Context, p []byte) (int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		t.mu.Lock()
		if len(t.ready) > 0 {
			n := copy(p, t.ready)
			t.ready = t.ready[n:]
			t.mu.Unlock()
			return n, nil
		}
		if t.eofs > 0 {
			t.eofs--
			t.mu.Unlock()
			return 0, io.EOF
		}
		if t.err != nil {
			err := t.err
			t.mu.Unlock()
			return 0, err
		}
		wake := t.wake
		t.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
}

// Unread gives back bytes that were read and not used; the next Read gets
// them first.
func (t *Terminal) Unread(b []byte) {
	if len(b) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ready = append(bytes.Clone(b), t.ready...)
	t.signalLocked()
}

// Write implements io.Writer: it sends b to the screen with "\r\n" at the end
// of each line.
func (t *Terminal) Write(b []byte) (int, error) {
	t.outMu.Lock()
	defer t.outMu.Unlock()
	buf := make([]byte, 0, len(b)+8)
	for _, c := range b {
		if c == '\n' && t.last != '\r' {
			buf = append(buf, '\r')
		}
		buf = append(buf, c)
		t.last = c
	}
	if _, err := t.out.Write(buf); err != nil {
		return 0, err
	}
	return len(b), nil
}

// signalLocked wakes all readers.
func (t *Terminal) signalLocked() {
	close(t.wake)
	t.wake = make(chan struct{})
}

func (t *Terminal) pump(in io.Reader) {
	buf := make([]byte, 1024)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			t.input(buf[:n])
		}
		if err != nil {
			t.mu.Lock()
			t.ready = append(t.ready, t.line...)
			t.line = nil
			t.err = err
			t.signalLocked()
			t.mu.Unlock()
			return
		}
	}
}

func (t *Terminal) input(b []byte) {
	var echo []byte
	interrupted := false
	t.mu.Lock()
	for _, c := range b {
		if len(t.ready)+len(t.line) >= maxBuffered && c != ctrlC && c != '\r' && c != '\n' {
			continue
		}
		if t.raw {
			t.ready = append(t.ready, c)
			continue
		}
		var sig bool
		echo, sig = t.cook(echo, c)
		interrupted = interrupted || sig
	}
	t.signalLocked()
	t.mu.Unlock()
	if interrupted {
		select {
		case t.interrupts <- struct{}{}:
		default:
		}
	}
	if len(echo) > 0 {
		// A screen that is gone is noticed by the program's own writes.
		_, _ = t.Write(echo)
	}
}

// cook handles one byte in cooked mode and returns what is to be echoed.
func (t *Terminal) cook(echo []byte, c byte) (out []byte, interrupted bool) {
	switch c {
	case '\r', '\n':
		t.ready = append(append(t.ready, t.line...), '\n')
		t.line = nil
		return append(echo, '\n'), false
	case ctrlC, ctrlSlash:
		t.line, t.ready = nil, nil
		return append(echo, '^', c+'@'), true
	case ctrlD:
		if len(t.line) == 0 {
			t.eofs++
		} else {
			t.ready = append(t.ready, t.line...)
			t.line = nil
		}
		return echo, false
	case ctrlH, del:
		return t.erase(echo, 1), false
	case ctrlU:
		return t.erase(echo, utf8.RuneCount(t.line)), false
	case ctrlW:
		word := len(bytes.TrimRight(t.line, " "))
		cut := bytes.LastIndexByte(t.line[:word], ' ') + 1
		return t.erase(echo, utf8.RuneCount(t.line[cut:])), false
	}
	t.line = append(t.line, c)
	if c < ' ' && c != '\t' {
		return append(echo, '^', c+'@'), false
	}
	return append(echo, c), false
}

// erase takes n characters off the line and off the screen.
func (t *Terminal) erase(echo []byte, n int) []byte {
	for ; n > 0 && len(t.line) > 0; n-- {
		r, size := utf8.DecodeLastRune(t.line)
		t.line = t.line[:len(t.line)-size]
		width := 1
		if r < ' ' && r != '\t' {
			width = 2 // shown as ^X
		} else if r >= 0x1100 && r != utf8.RuneError {
			width = 2 // East Asian characters take two cells
		}
		for range width {
			echo = append(echo, "\b \b"...)
		}
	}
	return echo
}

// Package term runs a program on a pseudo-terminal and keeps its screen. It
// knows nothing of what is around it: no lesson, no cluster, no Bubble Tea.
//
// The data goes one way round: the program's output is read by one goroutine
// and written to a [Screen]; when the screen is behind, the program waits on
// its full pty, so memory is bounded. Dirty tells, coalesced, that there is
// something new to draw. Keys, pastes and the terminal's own answers go into a
// bounded queue that a second goroutine writes to the pty, so nothing that a
// user interface calls here ever blocks.
package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/charmbracelet/x/xpty"
)

// maxInput is how many bytes may wait for a program that does not read: more
// pasted text than that is refused, more answers than that are dropped.
const maxInput = 1 << 20

// writeSize is how many bytes go to the screen at once: whoever draws the screen
// waits that long at most. A synchronized update is one piece.
const writeSize = 1024

// A program that writes without end would keep a processor busy by itself, and
// us another, and what else is on the screen would wait. So whoever reads it
// rests a while after each while of reading; the program waits then, too.
const (
	readTime = 4 * time.Millisecond
	restTime = 2 * time.Millisecond
)

// hangupGrace is how long the programs have to go away by themselves after
// their terminal was closed.
const hangupGrace = 500 * time.Millisecond

// lastWords is how long the end of the program waits for its output.
const lastWords = 200 * time.Millisecond

// ErrInputFull says that the program does not read what is typed.
var ErrInputFull = errors.New("the program in the shell does not read its input")

// Spec is the program to start.
type Spec struct {
	Argv          []string // the program and its arguments
	Env           []string // its whole environment; TERM and COLORTERM are set here
	Dir           string   // its working directory
	Width, Height int      // in cells
	Scrollback    int      // lines of history; 0 means 2000
}

// Exit is how a program ended.
type Exit struct {
	Code int   // exit status; -1 when a signal ended it
	Err  error // nil for status 0
}

// Term is a program on a pseudo-terminal. All methods may be called from any
// goroutine and none blocks, but Close.
type Term struct {
	*Screen
	pty   xpty.Pty
	io    io.ReadWriteCloser // the pty, for reading and writing
	cmd   *exec.Cmd
	show  *updates
	dirty chan struct{}
	read  chan struct{} // all output was read
	done  chan struct{} // the program has ended; exit is set
	exit  Exit
	wg    sync.WaitGroup

	mu     sync.Mutex
	queue  []byte
	wake   chan struct{} // the queue is not empty, or stop
	closed bool
	once   sync.Once
}

// Start runs the program on a new pty, in a session of its own whose terminal
// the pty is. When this process dies in whatever way, the kernel closes the pty
// and sends SIGHUP to that session.
func Start(spec Spec) (*Term, error) {
	if len(spec.Argv) == 0 {
		return nil, errors.New("start a terminal: no program given")
	}
	width, height := clampSize(spec.Width, spec.Height)
	pty, err := xpty.NewPty(width, height)
	if err != nil {
		return nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	cmd := exec.Command(spec.Argv[0], spec.Argv[1:]...)
	cmd.Dir = spec.Dir
	cmd.Env = append(append([]string(nil), spec.Env...), "TERM=xterm-256color", "COLORTERM=truecolor")
	setSession(cmd)
	rw, err := ioFile(pty)
	if err != nil {
		_ = pty.Close()
		return nil, err
	}
	if err := pty.Start(cmd); err != nil {
		_, _ = rw.Close(), pty.Close()
		return nil, fmt.Errorf("start %s: %w", spec.Argv[0], err)
	}
	closeSlave(pty)
	t := &Term{
		pty: pty, io: rw, cmd: cmd,
		dirty: make(chan struct{}, 1),
		read:  make(chan struct{}),
		done:  make(chan struct{}),
		wake:  make(chan struct{}, 1),
	}
	t.Screen = NewScreen(width, height, spec.Scrollback, func(b []byte) { _ = t.send(b) })
	t.show = newUpdates(t.showNow)
	t.wg.Add(3)
	go t.readLoop()
	go t.writeLoop()
	go t.waitLoop()
	return t, nil
}

// readLoop carries output to the screen until the pty has no more.
func (t *Term) readLoop() {
	defer t.wg.Done()
	defer close(t.read)
	buf := make([]byte, 32*1024)
	rested := time.Now()
	for {
		began := time.Now()
		n, err := t.io.Read(buf)
		waited := time.Since(began) >= restTime // that is a rest, too
		for out := buf[:n]; len(out) > 0; {
			k := min(len(out), writeSize)
			t.show.write(out[:k])
			out = out[k:]
		}
		if err != nil {
			t.show.flush()
			return // EIO: every program has closed the terminal
		}
		if !waited {
			if time.Since(rested) < readTime {
				continue
			}
			<-time.After(restTime)
		}
		rested = time.Now()
	}
}

// showNow puts output on the screen, all at once.
func (t *Term) showNow(out []byte) {
	_, _ = t.Screen.Write(out)
	t.markDirty()
}

// writeLoop carries the input queue to the program.
func (t *Term) writeLoop() {
	defer t.wg.Done()
	for range t.wake {
		for {
			t.mu.Lock()
			b := t.queue
			t.queue = nil
			t.mu.Unlock()
			if len(b) == 0 {
				break
			}
			if _, err := t.io.Write(b); err != nil {
				break // the program is gone; waitLoop tells
			}
		}
	}
}

func (t *Term) waitLoop() {
	defer t.wg.Done()
	err := xpty.WaitProcess(context.Background(), t.cmd)
	t.exit = Exit{Err: err}
	if t.cmd.ProcessState != nil {
		t.exit.Code = t.cmd.ProcessState.ExitCode()
	}
	// Its last words come first; a job in the background may keep the terminal
	// open, so not for long.
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-t.read:
	case <-timer.C:
	}
	close(t.done)
	t.markDirty()
}

func (t *Term) markDirty() {
	select {
	case t.dirty <- struct{}{}:
	default: // already told
	}
}

// Dirty tells that the screen changed since the last receive. Any number of
// changes make one message. It is never closed.
func (t *Term) Dirty() <-chan struct{} { return t.dirty }

// Done is closed when the program has ended and what it wrote is on the screen.
func (t *Term) Done() <-chan struct{} { return t.done }

// Exit tells how the program ended; ok is false while it runs.
func (t *Term) Exit() (e Exit, ok bool) {
	select {
	case <-t.done:
		return t.exit, true
	default:
		return Exit{}, false
	}
}

// PID is the process ID of the program.
func (t *Term) PID() int { return t.cmd.Process.Pid }

// Key sends a key press to the program.
func (t *Term) Key(k Key) error { return t.send(t.EncodeKey(k)) }

// Paste sends pasted text to the program.
func (t *Term) Paste(text string) error { return t.send(t.EncodePaste(text)) }

// Mouse sends a mouse event to the program, when it asked for such.
func (t *Term) Mouse(m Mouse) error { return t.send(t.EncodeMouse(m)) }

// Focus tells the program, when it asked to be told, that it has the focus.
func (t *Term) Focus(focused bool) error { return t.send(t.EncodeFocus(focused)) }

// Type sends text as if it had been typed, without any encoding.
func (t *Term) Type(text string) error { return t.send([]byte(text)) }

func (t *Term) send(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errors.New("the terminal is closed")
	}
	if len(t.queue)+len(b) > maxInput {
		return ErrInputFull
	}
	t.queue = append(t.queue, b...)
	select {
	case t.wake <- struct{}{}:
	default:
	}
	return nil
}

// Resize changes the size of the screen and tells the program (SIGWINCH).
func (t *Term) Resize(width, height int) error {
	width, height = clampSize(width, height)
	if w, h := t.Size(); w == width && h == height {
		return nil
	}
	t.Screen.Resize(width, height)
	t.markDirty()
	if err := t.pty.Resize(width, height); err != nil {
		return fmt.Errorf("resize the pseudo-terminal: %w", err)
	}
	return nil
}

// Close ends the program and everything it started in its terminal session,
// and waits until they and the goroutines of t are gone. First they get the
// hangup that closing a terminal window gives, after half a second they are
// killed. It may be called more than once.
func (t *Term) Close() {
	t.once.Do(func() {
		hangUp(t.cmd)
		timer := time.NewTimer(hangupGrace)
		defer timer.Stop()
		select {
		case <-t.done:
		case <-timer.C:
		}
		killSession(t.cmd)
		<-t.done
		_ = t.io.Close()
		_ = t.pty.Close() // the slave side is closed already, which it reports
		t.mu.Lock()
		t.closed = true
		close(t.wake)
		t.mu.Unlock()
		t.wg.Wait()
	})
}

package term

import (
	"bytes"
	"sync"
	"time"
)

// The marks of a synchronized update, mode 2026
// (https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036):
// what a program writes between them belongs together and is shown at once.
var (
	beginUpdate = []byte("\x1b[?2026h")
	endUpdate   = []byte("\x1b[?2026l")
)

// A program that has begun an update and does not end it, because it was killed
// or writes more than any picture takes, is shown as far as it came.
const (
	updatePatience = time.Second
	maxUpdate      = 256 << 10 // bytes
)

// updates is between a program and its screen, and holds back what is not
// complete, so that nobody ever sees half a picture.
type updates struct {
	show func([]byte) // is called with mu held
	mu   sync.Mutex
	held []byte
	open bool // the program has begun an update
	late *time.Timer
}

func newUpdates(show func([]byte)) *updates {
	u := &updates{show: show}
	u.late = time.AfterFunc(updatePatience, u.flush)
	u.late.Stop()
	return u
}

// write takes what the program writes.
func (u *updates) write(p []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = append(u.held, p...)
	for {
		mark := beginUpdate
		if u.open {
			mark = endUpdate
		}
		i := bytes.Index(u.held, mark)
		if i < 0 {
			break
		}
		u.release(i + len(mark))
		if u.open = !u.open; u.open {
			u.late.Reset(updatePatience)
		} else {
			u.late.Stop()
		}
	}
	switch {
	case !u.open:
		u.release(len(u.held) - begun(u.held, beginUpdate))
	case len(u.held) > maxUpdate:
		u.giveUp()
	}
}

// flush shows what is held back.
func (u *updates) flush() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.giveUp()
}

func (u *updates) giveUp() {
	u.late.Stop()
	u.open = false
	u.release(len(u.held))
}

func (u *updates) release(n int) {
	if n > 0 {
		u.show(u.held[:n])
		u.held = append(u.held[:0], u.held[n:]...)
	}
}

// begun is how many bytes at the end of p are the beginning of the mark. They
// are part of a control sequence, which shows nothing before it is complete.
func begun(p, mark []byte) int {
	for n := min(len(p), len(mark)-1); n > 0; n-- {
		if bytes.HasSuffix(p, mark[:n]) {
			return n
		}
	}
	return 0
}

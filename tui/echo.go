package tui

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// Bubble Tea writes frames by the tick of a clock, at most 120 a second: a key's
// echo would take 8 ms on average, which people who type fast notice. So a
// change of few lines, such as an echo, is written at once, and by Bubble Tea
// once more with its next frame.

// echoLines is how many changed lines are written at once; what is more waits
// for the next frame.
const echoLines = 4

// echoPatience is how long a frame may take that writes the lines again.
const echoPatience = 50 * time.Millisecond

// wholeRegion lets the whole screen scroll, whatever its size (DECSTBM).
const wholeRegion = "\x1b[r"

// echoer takes each view before Bubble Tea does, so that small changes can be
// written at once.
type echoer interface {
	show(lines []string, cursor *tea.Cursor)
	setProfile(p colorprofile.Profile)
}

// echoWriter is between Bubble Tea and the terminal. Lines that it writes by
// itself are not known to Bubble Tea, whose next frame may leave them alone, or
// move them in the belief that they are still as they were. So they are written
// again, as they should be by then, after each frame, until one has come that had
// them so; and after a while when no frame comes.
type echoWriter struct {
	out  io.Writer
	news chan struct{}

	slotMu  sync.Mutex
	newest  []string // the lines of the newest view
	cursor  string   // the sequence that puts the cursor where it is there; "" when it is hidden
	moving  []bool   // which of them have changed since the last frame
	profile colorprofile.Profile

	mu    sync.Mutex // held while anything is written
	on    bool       // Bubble Tea has the screen
	shown []string   // the newest view that was looked at; nil: only Bubble Tea knows
	mine  map[int]bool
	owed  bool // mine may have to be written again
	away  bool // the cursor is not where Bubble Tea believes it to be, but saved
	buf   bytes.Buffer
}

func newEchoWriter(out io.Writer) *echoWriter {
	return &echoWriter{out: out, news: make(chan struct{}, 1), mine: map[int]bool{}, profile: colorprofile.NoTTY}
}

// show takes the lines and the cursor of a view, before Bubble Tea does. It does
// not block.
func (q *echoWriter) show(lines []string, cursor *tea.Cursor) {
	q.slotMu.Lock()
	q.cursor = ""
	if cursor != nil {
		q.cursor = goTo(cursor.X, cursor.Y)
	}
	if len(q.moving) != len(lines) {
		q.moving = make([]bool, len(lines))
	} else {
		for y, l := range lines {
			if l != q.newest[y] {
				q.moving[y] = true
			}
		}
	}
	q.newest = lines
	q.slotMu.Unlock()
	select {
	case q.news <- struct{}{}:
	default:
	}
}

func (q *echoWriter) setProfile(p colorprofile.Profile) {
	q.slotMu.Lock()
	defer q.slotMu.Unlock()
	q.profile = p
}

func (q *echoWriter) view() ([]string, colorprofile.Profile) {
	q.slotMu.Lock()
	defer q.slotMu.Unlock()
	return q.newest, q.profile
}

// framed says that a frame has come, and which lines may have changed after it
// began. It began after the one before had come.
func (q *echoWriter) framed() (moving []bool) {
	q.slotMu.Lock()
	defer q.slotMu.Unlock()
	moving = q.moving
	q.moving = make([]bool, len(q.newest))
	return moving
}

// run writes what changes, until ctx ends.
func (q *echoWriter) run(ctx context.Context) {
	late := time.NewTicker(echoPatience)
	late.Stop()
	for {
		select {
		case <-q.news:
			if q.changed() {
				late.Reset(echoPatience)
			}
		case <-late.C:
			late.Stop()
			q.payBack()
		case <-ctx.Done():
			return
		}
	}
}

// changed writes the lines that differ from the last view, when they are few. It
// reports whether a frame should come that writes mine.
func (q *echoWriter) changed() (owed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines, profile := q.view()
	if !q.on || profile < colorprofile.Ascii {
		return false
	}
	if len(lines) != len(q.shown) {
		// Another size: nothing is known until the next frame.
		q.forget(nil)
		return false
	}
	q.buf.Reset()
	n := 0
	for y, l := range lines {
		if l == q.shown[y] {
			continue
		}
		if n++; n > echoLines {
			q.shown, q.owed = lines, len(q.mine) > 0
			return q.owed
		}
		q.line(y, l)
	}
	for y, l := range lines {
		if l != q.shown[y] {
			q.mine[y] = true
		}
	}
	q.shown = lines
	if n > 0 {
		q.flush(profile)
	}
	return false
}

// payBack writes mine again when no frame has come that did.
func (q *echoWriter) payBack() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if lines, profile := q.view(); q.owed && q.on && len(lines) == len(q.shown) {
		q.rewrite(lines, profile)
	}
}

// rewrite writes mine as they should be now.
func (q *echoWriter) rewrite(lines []string, profile colorprofile.Profile) {
	q.buf.Reset()
	for y := range q.mine {
		q.line(y, lines[y])
	}
	q.owed = false
	q.flush(profile)
}

// forget leaves all lines to Bubble Tea.
func (q *echoWriter) forget(shown []string) {
	q.shown, q.owed = shown, false
	clear(q.mine)
}

// line adds a line to what is to be written, over the one that is there.
func (q *echoWriter) line(y int, text string) {
	q.buf.WriteString(goTo(0, y) + "\x1b[m")
	q.buf.WriteString(text)
}

// goTo is the sequence that puts the cursor into a cell (CUP).
func goTo(x, y int) string { return "\x1b[" + strconv.Itoa(y+1) + ";" + strconv.Itoa(x+1) + "H" }

// flush writes the buffer. It saves the cursor before and its style, which
// Bubble Tea takes for unchanged; they are restored before Bubble Tea writes
// again. Errors show in Bubble Tea's own writing.
func (q *echoWriter) flush(profile colorprofile.Profile) {
	var out bytes.Buffer
	if !q.away {
		out.WriteString("\x1b7")
	}
	q.slotMu.Lock()
	cursor := q.cursor
	q.slotMu.Unlock()
	if cursor != "" { // a slow terminal would show it on its way
		out.WriteString(ansi.ResetModeTextCursorEnable)
	}
	w := colorprofile.Writer{Forward: &out, Profile: profile}
	_, _ = w.Write(q.buf.Bytes())
	if q.away = cursor != ""; q.away {
		out.WriteString(cursor + ansi.SetModeTextCursorEnable)
	} else {
		out.WriteString("\x1b8")
	}
	_, _ = q.out.Write(out.Bytes())
}

// Write is a frame of Bubble Tea, or what else it has to say.
func (q *echoWriter) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	is := recognise(p)
	if q.away {
		q.away = false
		if _, err := q.out.Write([]byte("\x1b8")); err != nil {
			return 0, err
		}
	}
	if is.redraws && q.on {
		// A scroll that was meant for the size before has left its region behind,
		// in which the lines that follow would scroll again.
		if _, err := q.out.Write([]byte(wholeRegion)); err != nil {
			return 0, err
		}
	}
	n, err := q.out.Write(p)
	if err != nil {
		return n, err
	}
	switch {
	case is.leaves:
		q.on = false
	case is.enters:
		q.on = true
		q.forget(nil)
	}
	lines, profile := q.view()
	switch {
	case !q.on || profile < colorprofile.Ascii:
	case is.redraws:
		// Everything is redrawn, because the terminal has another size, which the
		// newest view may not have yet: its lines would run over. What was written
		// at once is in the next frame.
		q.forget(nil)
	case len(lines) != len(q.shown):
		q.forget(lines)
	case len(q.mine) > 0:
		if is.scrolls {
			// It may have moved mine anywhere.
			for y := range lines {
				q.mine[y] = true
			}
		}
		q.rewrite(lines, profile)
		if is.frame {
			for y, moved := range q.framed() {
				if !moved {
					delete(q.mine, y) // the frame had it as it is
				}
			}
		}
	}
	return n, nil
}

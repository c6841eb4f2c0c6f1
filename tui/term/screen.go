package term

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Limits of what a program inside may ask for.
const (
	defaultScrollback = 2000
	maxSide           = 1000 // columns or rows; more is a mistake of the caller
	maxTitle          = 200  // runes of a window title that are kept
)

// fresh marks, in the link of a cell that is never shown, the last column
// after the cursor has come to it and before anything was printed there.
const fresh = "\x00fresh"

// Screen is a terminal screen without a program: bytes go in by Write, rows
// come out by Rows, and the answers to device queries go to the reply function.
//
// What the bytes ask of the outer terminal never gets there: titles are kept
// as plain text (Title), clipboard writes and reads (OSC 52), hyperlinks,
// colour changes and every string that the emulator does not know are dropped.
//
// All methods may be called from any goroutine.
type Screen struct {
	mu      sync.Mutex
	emu     *vt.Emulator
	modes   modeSet
	title   string
	bell    int
	hidden  bool // the cursor is hidden
	shape   CursorShape
	steady  bool
	filter  filter
	margins bool   // the main screen scrolls in part only: some rows
	columns bool   // or some columns
	partial []byte // the first bytes of a character, the rest of which is to come
	replies chan struct{}
}

// CursorShape is how a program asked for the cursor to look.
type CursorShape int

// Shapes of the cursor.
const (
	CursorBlock CursorShape = iota
	CursorUnderline
	CursorBar
)

// Cursor is the cursor of the screen, counted from 0.
type Cursor struct {
	X, Y    int
	Visible bool
	Shape   CursorShape
	Blink   bool
}

// NewScreen makes a screen of width × height cells that keeps scrollback lines
// (0: 2000) of history. Answers of the terminal to queries of the program are
// given to reply, from a goroutine of the screen; reply must not block for
// long. Close ends that goroutine.
func NewScreen(width, height, scrollback int, reply func([]byte)) *Screen {
	width, height = clampSize(width, height)
	if scrollback <= 0 {
		scrollback = defaultScrollback
	}
	s := &Screen{
		emu:     vt.NewEmulator(width, height),
		modes:   modeSet{on: map[ansi.Mode]bool{}},
		replies: make(chan struct{}),
	}
	s.emu.SetScrollbackSize(scrollback)
	s.emu.SetCallbacks(vt.Callbacks{
		Bell:             func() { s.bell++ },
		CursorVisibility: func(visible bool) { s.hidden = !visible },
		CursorStyle: func(style vt.CursorStyle, steady bool) {
			s.shape, s.steady = CursorShape(style), steady
		},
		CursorPosition: s.cursorMoved,
		EnableMode:     func(m ansi.Mode) { s.modes.set(m, true) },
		DisableMode:    func(m ansi.Mode) { s.modes.set(m, false) },
	})
	s.limitParams()
	s.filter.osc = s.handleOSC
	go s.pumpReplies(reply)
	return s
}

func clampSize(width, height int) (int, int) {
	return min(max(width, 1), maxSide), min(max(height, 1), maxSide)
}

// pumpReplies carries what the emulator says (it speaks over a synchronous
// pipe, from inside Write) to reply.
func (s *Screen) pumpReplies(reply func([]byte)) {
	defer close(s.replies)
	buf := make([]byte, 4096)
	for {
		n, err := s.emu.Read(buf)
		if n > 0 && reply != nil {
			reply(append([]byte(nil), buf[:n]...))
		}
		if err != nil {
			return
		}
	}
}

// Close ends the screen's goroutine. The rows can still be read.
func (s *Screen) Close() {
	if c, ok := s.emu.InputPipe().(io.Closer); ok {
		_ = c.Close() // a pipe in memory: it can't fail
	}
	<-s.replies
}

// limitParams keeps the numbers of control sequences within the screen, before
// the emulator's own handlers see them: it believes them, and would loop over
// 2³¹ columns or index rows that are not there.
func (s *Screen) limitParams() {
	limit := func(final byte, most func() (first, second int)) {
		s.emu.RegisterCsiHandler(int(final), func(params ansi.Params) bool {
			a, b := most()
			for i := range params {
				m := a
				if i > 0 {
					m = b
				}
				if params[i].Param(0) > m {
					params[i] = ansi.Param(m)
				}
			}
			return false // the emulator does the rest
		})
	}
	side := func() (int, int) {
		n := max(s.emu.Width(), s.emu.Height()) + 1
		return n, n
	}
	for _, final := range []byte("@ABCDEFGHILMPSTXZ`adef") {
		limit(final, side)
	}
	s.emu.RegisterCsiHandler('r', func(params ansi.Params) bool {
		if !s.emu.IsAltScreen() {
			top, _, _ := params.Param(0, 1)
			bottom, _, _ := params.Param(1, s.emu.Height())
			s.margins = top > 1 || bottom > 0 && bottom < s.emu.Height()
		}
		return false
	})
	s.emu.RegisterCsiHandler('s', func(ansi.Params) bool {
		s.columns = s.columns || s.modes.get(ansi.ModeLeftRightMargin)
		return false
	})
	limit('r', func() (int, int) { return s.emu.Height(), s.emu.Height() })
	limit('s', func() (int, int) { return s.emu.Width(), s.emu.Width() })
	limit('b', func() (int, int) { n := s.emu.Width() * s.emu.Height(); return n, n })
}

// cursorMoved is called by the emulator, inside Write and with the lock held.
func (s *Screen) cursorMoved(_, now uv.Position) {
	if now.X != s.emu.Width()-1 {
		return
	}
	if c := s.emu.CellAt(now.X, now.Y); c != nil {
		c.Link.Params = fresh
	}
}

// handleOSC takes an operating system command: it keeps a title and lets the
// emulator answer what the default colours are (OSC 10 to 12). The rest is
// dropped on purpose: clipboard (52), hyperlinks (8), folders (7), palettes (4).
func (s *Screen) handleOSC(body string) {
	number, text, _ := strings.Cut(body, ";")
	switch number {
	case "0", "2":
		s.title = cleanTitle(text)
	case "10", "11", "12":
		if text == "?" {
			_, _ = s.emu.Write([]byte("\x1b]" + number + ";?\x07"))
		}
	}
}

// Write feeds output of the program. It never fails.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter.pass(p, s.print)
	return len(p), nil
}

// print gives the emulator what is not a control string. Wide characters go
// one by one, see writeWide; bytes that are not UTF-8 become U+FFFD, so that
// none of them is taken for an 8-bit control.
func (s *Screen) print(p []byte, plain bool) {
	if len(s.partial) > 0 {
		p = append(s.partial, p...)
		s.partial = nil
	}
	if k := incomplete(p); k > 0 {
		s.partial = append([]byte(nil), p[len(p)-k:]...)
		p = p[:len(p)-k]
	}
	if !utf8.Valid(p) {
		p = bytes.ToValidUTF8(p, []byte("\ufffd"))
	}
	start := 0
	for i := 0; i < len(p); {
		if p[i] < utf8.RuneSelf {
			i++
			continue
		}
		cluster, width := ansi.FirstGraphemeCluster(p[i:], ansi.GraphemeWidth)
		if width == 2 {
			if start < i {
				s.emit(p[start:i], plain)
			}
			s.writeWide(cluster)
			start = i + len(cluster)
		}
		i += max(len(cluster), 1)
	}
	if start < len(p) {
		s.emit(p[start:], plain)
	}
}

// emit writes to the emulator. It moves all cells of the screen for each line
// that scrolls; so where plain text is about to scroll by several lines, the
// screen is scrolled by all of them at once and the text written into the room.
// The picture and the history are the same as without.
func (s *Screen) emit(p []byte, plain bool) {
	w, h := s.emu.Width(), s.emu.Height()
	for plain && !s.margins && !s.columns && h > 1 && !s.emu.IsAltScreen() {
		feeds := bytes.Count(p, []byte{'\n'})
		if feeds < 3 {
			break
		}
		pos, n := s.emu.CursorPosition(), 1
		switch {
		case pos.Y < h-1:
			n = h - 1 - pos.Y
		case pos.X == w-1 && p[0] != '\r' && p[0] != '\n':
			// The cursor may be waiting to wrap: this line goes the slow way.
		default:
			n = min(feeds, h-1)
			_, _ = s.emu.Write([]byte("\x1b[" + itoa(n) + "S\x1b[" + itoa(n) + "A"))
		}
		end := 0
		for range min(n, feeds) {
			end += bytes.IndexByte(p[end:], '\n') + 1
		}
		_, _ = s.emu.Write(p[:end])
		p = p[end:]
	}
	if len(p) > 0 {
		_, _ = s.emu.Write(p)
	}
}

// writeWide prints one wide character. The emulator loses those at the right
// edge: one that does not fit in the last column must go to the next line, and
// one that fills the last two columns must leave the cursor waiting to wrap.
func (s *Screen) writeWide(cluster []byte) {
	w := s.emu.Width()
	pos := s.emu.CursorPosition()
	if w > 2 && pos.X == w-1 {
		if c := s.emu.CellAt(pos.X, pos.Y); c != nil && c.Link.Params == fresh {
			_, _ = s.emu.Write([]byte{' '}) // fills the column and arms the wrap
		}
	}
	_, _ = s.emu.Write(cluster)
	if w > 2 && pos.X == w-2 {
		if c := s.emu.CellAt(pos.X, pos.Y); c != nil && c.Width == 2 {
			wide := *c
			_, _ = s.emu.Write([]byte{' '}) // arms the wrap, and takes half of the character
			s.emu.SetCell(pos.X, pos.Y, &wide)
		}
	}
}

// incomplete is how many bytes at the end of p are the beginning of a UTF-8
// character that is not all there yet.
func incomplete(p []byte) int {
	for k := 1; k <= min(utf8.UTFMax-1, len(p)); k++ {
		b := p[len(p)-k]
		if b < utf8.RuneSelf {
			return 0
		}
		if utf8.RuneStart(b) {
			if utf8.FullRune(p[len(p)-k:]) {
				return 0
			}
			return k
		}
	}
	return 0
}

// Resize changes the size in cells.
func (s *Screen) Resize(width, height int) {
	width, height = clampSize(width, height)
	s.mu.Lock()
	defer s.mu.Unlock()
	if width == s.emu.Width() && height == s.emu.Height() {
		return
	}
	// A screen that gets lower keeps the lines around the cursor: those above
	// go to the history, as they do in xterm.
	if pos := s.emu.CursorPosition(); pos.Y >= height && !s.emu.IsAltScreen() {
		over := pos.Y - height + 1
		_, _ = s.emu.Write([]byte("\x1b7\x1b[r\x1b[" + itoa(over) + "S\x1b8\x1b[" + itoa(over) + "A"))
	}
	s.emu.Resize(width, height) // which takes margins away
	s.margins, s.columns = false, false
}

// Size is the size in cells.
func (s *Screen) Size() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.Width(), s.emu.Height()
}

// Cursor tells where the cursor is.
func (s *Screen) Cursor() Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.emu.CursorPosition()
	return Cursor{
		X: min(max(p.X, 0), s.emu.Width()-1), Y: min(max(p.Y, 0), s.emu.Height()-1),
		Visible: !s.hidden, Shape: s.shape, Blink: !s.steady,
	}
}

// Title is the window title that the program set, without control characters.
// It is for showing inside the pane only.
func (s *Screen) Title() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.title
}

// AltScreen tells whether a full-screen program has the screen.
func (s *Screen) AltScreen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.IsAltScreen()
}

// MouseWanted tells whether the program asked for mouse events, and whether
// also for the movements between them.
func (s *Screen) MouseWanted() (buttons, motion bool) {
	motion = s.mode(ansi.ModeMouseAnyEvent)
	buttons = motion || s.mode(ansi.ModeMouseButtonEvent) || s.mode(ansi.ModeMouseNormal) || s.mode(ansi.ModeMouseX10)
	return buttons, motion
}

// HistoryLen is the number of lines that scrolled off the top.
func (s *Screen) HistoryLen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.ScrollbackLen()
}

// mode tells whether the program switched a mode on.
func (s *Screen) mode(m ansi.Mode) bool { return s.modes.get(m) }

// modeSet is the modes that are on. It has a lock of its own, so that encoding
// a key never waits for output that is being written.
type modeSet struct {
	mu sync.Mutex
	on map[ansi.Mode]bool
}

func (m *modeSet) set(mode ansi.Mode, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on {
		m.on[mode] = true
	} else {
		delete(m.on, mode) // bounded by what is on, not by what was ever named
	}
}

func (m *modeSet) get(mode ansi.Mode) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on[mode]
}

// cleanTitle leaves of a title what can be shown: no control characters, no
// bytes that are not text, not too long.
func cleanTitle(t string) string {
	t = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, t)
	if r := []rune(t); len(r) > maxTitle {
		t = string(r[:maxTitle])
	}
	return strings.TrimSpace(t)
}

package term

import "sync"

// Limits of what a program inside may ask for.
const (
	defaultScrollback = 2000
	maxSide           = 1000 // columns or rows; more is a mistake of the caller
	maxTitle          = 200  // runes of a window title that are kept
)

// Screen is a terminal screen without a program: bytes go in by Write, rows
// come out by Frame, and the answers to device queries go to the reply
// function.
//
// What the bytes ask of the outer terminal never gets there. The rows hold
// characters and colours and nothing else, whatever was written: no controls,
// no sequences but SGR, no characters that change the direction of text. Of the
// control strings, window titles are kept as plain text (Title) and questions
// for the default colours and for DECRQSS are answered; clipboard writes and
// reads (OSC 52), hyperlinks, palettes, notifications, pictures and everything
// unknown are dropped. Questions about the device (DA, DSR, DECRQM, XTVERSION,
// the size in characters) are answered to the program, by the emulator and not
// by the outer terminal. The title is never reported back: a program could put
// a command there and have it typed.
//
// All methods may be called from any goroutine.
type Screen struct {
	mu  sync.Mutex
	emu *emulator
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
// given to reply, which may be nil, from inside Write: it must not block and
// must not call the screen.
func NewScreen(width, height, scrollback int, reply func([]byte)) *Screen {
	width, height = clampSize(width, height)
	if scrollback <= 0 {
		scrollback = defaultScrollback
	}
	return &Screen{emu: newEmulator(width, height, scrollback, reply)}
}

func clampSize(width, height int) (int, int) {
	return min(max(width, 1), maxSide), min(max(height, 1), maxSide)
}

// Write feeds output of the program. It never fails.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emu.write(p)
	return len(p), nil
}

// Resize changes the size in cells.
func (s *Screen) Resize(width, height int) {
	width, height = clampSize(width, height)
	s.mu.Lock()
	defer s.mu.Unlock()
	if width != s.emu.w || height != s.emu.h {
		s.emu.resize(width, height)
	}
}

// SetDark sets whether the background is dark: programs ask for its colour to
// choose theirs.
func (s *Screen) SetDark(dark bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emu.dark = dark
}

// Size is the size in cells.
func (s *Screen) Size() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.w, s.emu.h
}

// Cursor tells where the cursor is.
func (s *Screen) Cursor() Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.cursor()
}

func (e *emulator) cursor() Cursor {
	return Cursor{X: e.cur.x, Y: e.cur.y, Visible: e.on(modeCursor), Shape: e.shape, Blink: !e.steady}
}

// Title is the window title that the program set, without control characters.
// It is for showing inside the pane only.
func (s *Screen) Title() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.title
}

// AltScreen reports whether a full-screen program has the screen.
func (s *Screen) AltScreen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.scr == &s.emu.alt
}

// MouseWanted reports whether the program asked for mouse events, and whether
// also for the movements between them.
func (s *Screen) MouseWanted() (buttons, motion bool) {
	return s.emu.on(mouseModes), s.emu.on(modeMouseAny)
}

// HistoryLen is the number of lines that scrolled off the top.
func (s *Screen) HistoryLen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emu.history.len()
}

// Look says which lines of the screen and its history to draw, and what to
// mark in them.
type Look struct {
	// Top is the number of the line at the top, see Pos. Below 0, or where
	// there is no history, the screen itself is drawn.
	Top int
	// Select is drawn reversed, when it is not nil.
	Select *Span
	// Find is text to mark, by a bold underline; "" for none. See Screen.Find.
	Find string
}

// Follow is the look of a screen that nobody scrolled.
func Follow() Look { return Look{Top: -1} }

// Frame is the screen at one moment.
type Frame struct {
	// Rows are the lines with colours as SGR sequences, each exactly as wide as
	// the screen by ansi.StringWidth, and each ending without a style.
	Rows          []string
	Width, Height int
	Top           int // the number of the line in the first row, see Pos
	Back, History int // lines that it is scrolled back, lines that it could be
	Cursor        Cursor
	Title         string
	Alt           bool // a full-screen program has the screen
	Mouse, Motion bool // the program wants mouse events, also all movements
	Focus         bool // the program wants to know whether it has the focus
	Bells         int  // how often the bell has rung
}

// Frame draws the screen. Lines that have not changed since they were drawn
// cost nothing.
func (s *Screen) Frame(look Look) Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.emu
	f := Frame{
		Width: e.w, Height: e.h, History: e.history.len(), Cursor: e.cursor(), Title: e.title,
		Alt: e.scr == &e.alt, Mouse: e.on(mouseModes), Motion: e.on(modeMouseAny), Focus: e.on(modeFocus), Bells: e.bells,
	}
	base := e.base()
	f.Top = base
	if look.Top >= 0 && !f.Alt {
		f.Top = min(max(look.Top, e.history.dropped), base)
	}
	f.Back = base - f.Top
	f.Rows = e.rows(f.Top, look)
	return f
}

// Rows draws the screen, scrolled back by so many lines, without marks.
func (s *Screen) Rows(back int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.emu
	top := e.base()
	if e.scr == &e.main {
		top -= min(max(back, 0), e.history.len())
	}
	return e.rows(top, Look{})
}

// base is the number of the line in the first row of the screen.
func (e *emulator) base() int { return e.history.dropped + e.history.len() }

// at is a line by its number, nil when it is gone or not there yet.
func (e *emulator) at(number int) *line {
	i := number - e.history.dropped
	switch n := e.history.len(); {
	case i < 0 || i >= n+e.h:
		return nil
	case i < n:
		return e.history.at(i)
	default:
		return e.scr.lines[i-n]
	}
}

// AlternateScroll reports whether the wheel may be sent to a full-screen program
// as arrow keys; programs can switch it off (mode 1007).
func (s *Screen) AlternateScroll() bool { return !s.emu.on(modeNoAlternateScroll) }

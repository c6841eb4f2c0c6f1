package tui

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/tui/term"
)

var errClosing = errors.New("the screen is closing")

// shells owns the terminals that were started, so that none outlives the
// screen, whatever message got lost on the way.
type shells struct {
	mu     sync.Mutex
	all    []*term.Term
	closed bool

	frameMu sync.Mutex // held while a frame is drawn
	frames  uint64

	sizeMu        sync.Mutex // held while a size is applied
	wantMu        sync.Mutex
	width, height int // the size that they should have
}

// want says which size the shell should have.
func (s *shells) want(width, height int) {
	s.wantMu.Lock()
	defer s.wantMu.Unlock()
	s.width, s.height = width, height
}

func (s *shells) wanted() (width, height int) {
	s.wantMu.Lock()
	defer s.wantMu.Unlock()
	return s.width, s.height
}

// start runs a shell of the wanted size.
func (s *shells) start(spec ShellSpec) (*term.Term, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosing
	}
	w, h := s.wanted()
	t, err := term.Start(term.Spec{Argv: spec.Argv, Env: spec.Env, Dir: spec.Dir, Width: w, Height: h})
	if err != nil {
		return nil, err
	}
	s.all = append(s.all, t)
	return t, nil
}

// resize gives a shell the size that is wanted now. Of several at once, each
// applies the newest size, so the last one wins whatever their order.
func (s *shells) resize(t *term.Term) error {
	s.sizeMu.Lock()
	defer s.sizeMu.Unlock()
	return t.Resize(s.wanted())
}

// close ends all shells and waits for them.
func (s *shells) close() {
	s.mu.Lock()
	s.closed = true
	all := s.all
	s.all = nil
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, t := range all {
		wg.Go(t.Close)
	}
	wg.Wait()
}

// shellPane shows the newest frame of a terminal.
type shellPane struct {
	term  *term.Term
	frame shellFrame
	err   error
	ahead []term.Key // typed while the shell starts

	look    atomic.Pointer[term.Look] // which lines to draw; commands read it
	browse  *browser                  // the history is being read; nil: keys go to the program
	drag    drag                      // the mouse selects
	pressed bool                      // the program knows of a mouse button that is held
	away    bool                      // the program was told that it has lost the focus
}

// maxAhead is how many keys are kept for a shell that starts.
const maxAhead = 1000

// restart forgets the shell that has ended; a new one is on its way.
func (p *shellPane) restart() {
	p.term, p.frame, p.err = nil, shellFrame{}, nil
	p.follow()
}

// scrolled is which lines to draw. Commands call it.
func (p *shellPane) scrolled() term.Look {
	if l := p.look.Load(); l != nil {
		return *l
	}
	return term.Follow()
}

// see changes what is drawn from the next frame on.
func (p *shellPane) see(change func(*term.Look)) {
	l := p.scrolled()
	change(&l)
	p.look.Store(&l)
}

// follow goes back to what the program prints. It reports whether anything else
// was shown.
func (p *shellPane) follow() bool {
	p.browse, p.drag = nil, drag{}
	look := term.Follow()
	old := p.look.Swap(&look)
	return old != nil && *old != look
}

func (p *shellPane) started(msg shellStartedMsg) {
	p.err = msg.err
	if msg.err == nil {
		p.term, p.away = msg.term, false
		p.follow()
		for _, k := range p.ahead {
			_ = msg.term.Key(k) // there is room for this little
		}
	}
	p.ahead = nil
}

func (p *shellPane) set(f shellFrame) {
	if f.number > p.frame.number {
		p.frame = f
	}
}

// ended reports whether there is no shell to type into.
func (p *shellPane) ended() bool { return p.err != nil || p.frame.exit != nil }

// startShell starts a shell, of the size of its pane.
func (m *model) startShell() tea.Cmd {
	m.shells.want(m.layout.shellSize())
	old, spec, dark := m.shell.term, m.running.Shell, m.dark
	m.shell.restart()
	return func() tea.Msg {
		if old != nil {
			old.Close()
		}
		t, err := m.shells.start(spec)
		if err == nil {
			t.SetDark(dark)
		}
		return shellStartedMsg{t, err}
	}
}

// tellFocus tells the program, when it asked to be told (mode 1004), whether what
// is typed goes to it.
func (m *model) tellFocus() {
	p := m.shell
	away := m.focus != paneShell || m.blurred
	if away == p.away || p.term == nil || p.ended() || !p.frame.focus {
		return
	}
	p.away = away
	_ = p.term.Focus(!away) // a program that does not read will not miss it
}

// resizeShell tells the shell the size of its pane.
func (m *model) resizeShell() tea.Cmd {
	if m.layout.tiny {
		return nil
	}
	m.shells.want(m.layout.shellSize())
	t := m.shell.term
	if t == nil || m.shell.ended() {
		return nil
	}
	return func() tea.Msg {
		if err := m.shells.resize(t); err != nil {
			return nil // the program has just ended, as the pane will show
		}
		f := m.shells.frame(t, m.shell.scrolled)
		f.redraw = true
		return shellMsg(f)
	}
}

// redrawShell redraws the shell after scrolling.
func (m *model) redrawShell() tea.Cmd {
	t := m.shell.term
	return func() tea.Msg {
		f := m.shells.frame(t, m.shell.scrolled)
		f.redraw = true
		return shellMsg(f)
	}
}

// first is the terminal's first line in sight: in a pane that is lower than the
// terminal, the line of the cursor is the last.
func (p *shellPane) first(r rect) int {
	return min(max(p.row()+1-r.h, 0), max(len(p.frame.rows)-r.h, 0))
}

// row is the row of the frame that has the cursor.
func (p *shellPane) row() int {
	if p.browse != nil {
		return p.browse.at.Line - p.frame.top
	}
	return p.frame.cursor.Y
}

// lines draws the pane.
func (p *shellPane) lines(r rect, w *words, s *styles, keys *Keymap) []string {
	out := make([]string, r.h)
	first := p.first(r)
	for y := range out {
		row := ""
		if first+y < len(p.frame.rows) {
			row = p.frame.rows[first+y]
		}
		if p.frame.width != r.w || row == "" {
			row = cut(row, 0, r.w) // a frame from before a resize
		}
		out[y] = row
	}
	note, again := "", func() string { return w.say("shell_again", "Key", keys.name(scopeShell, actFresh)) }
	switch {
	case p.err != nil:
		note = s.bad.Render("✗ "+strings.ReplaceAll(p.err.Error(), "\n", " ")) + "  " + s.dim.Render(again())
	case p.frame.exit != nil:
		note = s.dim.Render(w.say("shell_ended", "Code", p.frame.exit.Code) + "  " + again())
	case p.term == nil:
		note = s.dim.Render(w.say("shell_starting"))
	}
	if note != "" && r.h > 0 {
		out[r.h-1] = fit(note, r.w)
	}
	return out
}

// cursor is where to show the terminal's cursor, nil for nowhere.
func (p *shellPane) cursor(r rect) *tea.Cursor {
	c := p.frame.cursor
	if p.browse != nil {
		c = term.Cursor{X: p.browse.at.X, Visible: !p.browse.typing}
	} else if p.ended() || p.frame.back > 0 {
		return nil
	}
	c.Y = p.row() - p.first(r)
	if p.term == nil || !c.Visible || c.X >= r.w || c.Y < 0 || c.Y >= r.h {
		return nil
	}
	out := tea.NewCursor(r.x+c.X, r.y+c.Y)
	out.Blink = c.Blink
	switch c.Shape {
	case term.CursorUnderline:
		out.Shape = tea.CursorUnderline
	case term.CursorBar:
		out.Shape = tea.CursorBar
	}
	return out
}

// shellFrame is the shell pane at one moment.
type shellFrame struct {
	number        uint64
	term          *term.Term // whose frame it is
	rows          []string
	width, height int
	top           int // the number of the line in the first row
	cursor        term.Cursor
	title         string
	back, history int
	mouse, motion bool
	focus         bool // the program wants to know whether it has the focus
	alt           bool
	redraw        bool // asked for, not announced by the terminal
	exit          *term.Exit
}

// base is the number of the line in the first row of the screen, below the
// history.
func (f *shellFrame) base() int { return f.top + f.back }

// oldest is the number of the first line that can be shown.
func (f *shellFrame) oldest() int {
	if f.alt {
		return f.base()
	}
	return f.base() - f.history
}

// waitShell waits for output of the shell.
func waitShell(ctx context.Context, all *shells, t *term.Term, look func() term.Look, p *pacer) tea.Cmd {
	return func() tea.Msg {
		select {
		case <-t.Dirty():
		case <-ctx.Done():
			return nil
		}
		if !p.wait(ctx) {
			return nil
		}
		return shellMsg(all.frame(t, look))
	}
}

// frame draws a terminal. Frames are numbered in the order in which they were
// drawn, because commands may deliver them in another.
func (s *shells) frame(t *term.Term, look func() term.Look) shellFrame {
	s.frameMu.Lock()
	defer s.frameMu.Unlock()
	s.frames++
	e, ended := t.Exit()
	f := t.Frame(look())
	out := shellFrame{
		number: s.frames, term: t, rows: f.Rows, width: f.Width, height: f.Height, top: f.Top, cursor: f.Cursor,
		title: f.Title, back: f.Back, history: f.History, mouse: f.Mouse, motion: f.Motion, focus: f.Focus, alt: f.Alt,
	}
	if ended {
		out.exit = &e
	}
	return out
}

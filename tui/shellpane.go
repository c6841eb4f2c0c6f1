package tui

import (
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
	back  atomic.Int64 // lines scrolled back; commands read it
	ahead []term.Key   // typed while the shell starts
}

// maxAhead is how many keys are kept for a shell that starts.
const maxAhead = 1000

// restart forgets the shell that has ended; a new one is on its way.
func (p *shellPane) restart() { p.term, p.frame, p.err = nil, shellFrame{}, nil }

func (p *shellPane) scrolled() int { return int(p.back.Load()) }

func (p *shellPane) started(msg shellStartedMsg) {
	p.err = msg.err
	if msg.err == nil {
		p.term = msg.term
		p.back.Store(0)
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

// ended tells whether there is no shell to type into.
func (p *shellPane) ended() bool { return p.err != nil || p.frame.exit != nil }

// startShell starts a shell, of the size of its pane.
func (m *model) startShell() tea.Cmd {
	m.shells.want(m.layout.shellSize())
	old, spec := m.shell.term, m.running.Shell
	m.shell.restart()
	return func() tea.Msg {
		if old != nil {
			old.Close()
		}
		t, err := m.shells.start(spec)
		return shellStartedMsg{t, err}
	}
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
			return nil // the program has just ended, which shows by itself
		}
		f := m.shells.frame(t, m.shell.scrolled)
		f.redraw = true
		return shellMsg(f)
	}
}

// redrawShell draws the shell anew, after scrolling.
func (m *model) redrawShell() tea.Cmd {
	t := m.shell.term
	return func() tea.Msg {
		f := m.shells.frame(t, m.shell.scrolled)
		f.redraw = true
		return shellMsg(f)
	}
}

// scrollShell scrolls the history by half a pane, up when direction is 1.
func (m *model) scrollShell(direction int) tea.Cmd {
	if m.shell.term == nil {
		return nil
	}
	_, h := m.layout.shellSize()
	back := m.shell.frame.back + direction*max(h/2, 1)
	m.shell.back.Store(int64(min(max(back, 0), m.shell.frame.history)))
	return m.redrawShell()
}

// first is the terminal's first line in sight: in a pane that is lower than the
// terminal, the line of the cursor is the last.
func (p *shellPane) first(r rect) int {
	return min(max(p.frame.cursor.Y+1-r.h, 0), max(len(p.frame.rows)-r.h, 0))
}

// lines draws the pane.
func (p *shellPane) lines(r rect, w *words, s *styles) []string {
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
	note := ""
	switch {
	case p.err != nil:
		note = s.bad.Render("✗ "+strings.ReplaceAll(p.err.Error(), "\n", " ")) + "  " + s.dim.Render(w.say("shell_again"))
	case p.frame.exit != nil:
		note = s.dim.Render(w.say("shell_ended", "Code", p.frame.exit.Code) + "  " + w.say("shell_again"))
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
	c.Y -= p.first(r)
	if p.term == nil || p.ended() || !c.Visible || p.frame.back > 0 || c.X >= r.w || c.Y < 0 || c.Y >= r.h {
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

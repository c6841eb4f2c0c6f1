package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"

	"github.com/k8stutor/k8stutor/tui/term"
)

// doubleClick is how fast a second click must follow the first.
const doubleClick = 400 * time.Millisecond

// drag is a selection by the mouse.
type drag struct {
	from   term.Pos
	moved  bool
	clicks int // in a row at the same place: 2 selects words, 3 lines
	at     time.Time
}

// selecting is while the mouse button that selects in the shell is held.
type selecting struct{ held }

// mouse goes to the shell also where it has left the pane.
func (selecting) mouse(m *model, msg tea.MouseMsg) tea.Cmd { return m.mouseShell(msg) }

func (s selecting) cursor(m *model) *tea.Cursor { return m.under(s).cursor(m) }

func (s selecting) footer(m *model) (string, bool) { return m.under(s).footer(m) }

// mouseShell is a mouse event over the shell pane. A program that asked for the
// mouse gets it. Else the wheel scrolls the history, or sends a full-screen
// program arrow keys, as terminals do; and the left button selects.
func (m *model) mouseShell(msg tea.MouseMsg) tea.Cmd {
	r, p := m.layout.panes[paneShell], m.shell
	at, dragging := msg.Mouse(), m.modes.has(selecting{})
	if p.term == nil || !dragging && !r.contains(at.X, at.Y) {
		return nil
	}
	if p.frame.mouse && p.browse == nil && !p.ended() && !dragging {
		return m.passMouse(msg, r)
	}
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		return m.wheelShell(msg.Button)
	case tea.MouseClickMsg:
		if msg.Button == tea.MouseLeft {
			return m.beginSelection(m.shellPos(at, r))
		}
	case tea.MouseMotionMsg:
		if dragging {
			return m.extendSelection(at, r)
		}
	case tea.MouseReleaseMsg:
		if dragging {
			return m.endSelection()
		}
	}
	return nil
}

// passMouse sends the event to the program, in its own columns and rows.
func (m *model) passMouse(msg tea.MouseMsg, r rect) tea.Cmd {
	first := m.shell.first(r)
	inside := func(mouse tea.Mouse) uv.Mouse {
		mouse.X, mouse.Y = mouse.X-r.x, mouse.Y-r.y+first
		return uv.Mouse(mouse)
	}
	var ev uv.MouseEvent
	switch msg := msg.(type) {
	case tea.MouseClickMsg:
		m.shell.pressed = true
		ev = uv.MouseClickEvent(inside(msg.Mouse()))
	case tea.MouseReleaseMsg:
		if !m.shell.pressed {
			return nil // the press was for somebody else
		}
		m.shell.pressed = false
		ev = uv.MouseReleaseEvent(inside(msg.Mouse()))
	case tea.MouseWheelMsg:
		ev = uv.MouseWheelEvent(inside(msg.Mouse()))
	case tea.MouseMotionMsg:
		if msg.Button != tea.MouseNone && !m.shell.pressed {
			return nil
		}
		ev = uv.MouseMotionEvent(inside(msg.Mouse()))
	default:
		return nil
	}
	if err := m.shell.term.Mouse(ev); err != nil {
		m.notice = err.Error()
	}
	return nil
}

// wheelShell scrolls by the wheel.
func (m *model) wheelShell(button tea.MouseButton) tea.Cmd {
	by := map[tea.MouseButton]int{tea.MouseWheelUp: -wheelLines, tea.MouseWheelDown: wheelLines}[button]
	p := m.shell
	switch {
	case by == 0:
		return nil
	case p.browse != nil:
		m.browseTo(by, true)
		return m.browseMoved()
	case p.frame.alt:
		key := term.Key{Code: uv.KeyUp}
		if by > 0 {
			key.Code = uv.KeyDown
		}
		if p.ended() || !p.term.AlternateScroll() {
			return nil
		}
		for range wheelLines {
			if err := p.term.Key(key); err != nil {
				m.notice = err.Error()
				return nil
			}
		}
		return nil
	}
	p.scrollTo(p.top() + by)
	return m.redrawShell()
}

// shellPos is the cell at a place of the screen, or the nearest one.
func (m *model) shellPos(at tea.Mouse, r rect) term.Pos {
	x := min(max(at.X-r.x, 0), r.w-1)
	y := min(max(at.Y-r.y, 0), r.h-1) + m.shell.first(r)
	return term.Pos{Line: m.shell.frame.top + y, X: x}
}

// beginSelection is the press of the button.
func (m *model) beginSelection(at term.Pos) tea.Cmd {
	p, now := m.shell, m.now()
	clicks := 1
	if last := p.drag; last.from == at && last.clicks > 0 && now.Sub(last.at) <= doubleClick {
		clicks = last.clicks%3 + 1
	}
	p.drag = drag{from: at, clicks: clicks, at: now}
	m.modes.close(selecting{}) // whose release never came
	m.modes.push(selecting{})
	if p.browse != nil {
		p.browse.at, p.browse.from = at, nil
	}
	if clicks == 1 {
		had := p.scrolled().Select != nil
		p.see(func(l *term.Look) { l.Select = nil })
		if !had {
			return nil
		}
		return m.redrawShell()
	}
	return m.selectShell(at)
}

// extendSelection is a move with the button held. Beyond the edges it scrolls.
func (m *model) extendSelection(at tea.Mouse, r rect) tea.Cmd {
	p := m.shell
	switch {
	case at.Y < r.y && !p.frame.alt:
		p.scrollTo(p.top() - 1)
	case at.Y >= r.y+r.h && !p.frame.alt:
		p.scrollTo(p.top() + 1)
	}
	to := m.shellPos(at, r)
	if to == p.drag.from && !p.drag.moved {
		return nil
	}
	p.drag.moved = true
	return m.selectShell(to)
}

// selectShell selects from where the button was pressed to here: characters,
// words or lines.
func (m *model) selectShell(to term.Pos) tea.Cmd {
	p := m.shell
	t, d := p.term, p.drag
	if d.clicks == 1 {
		span := term.Between(d.from, to)
		p.see(func(l *term.Look) { l.Select = &span })
		return m.redrawShell()
	}
	return func() tea.Msg {
		whole := t.Word
		if d.clicks == 3 {
			whole = t.Lines
		}
		a, b := whole(d.from), whole(to)
		from := term.Between(a.From, b.From).From
		return shellSelectedMsg{t, term.Span{From: from, To: term.Between(a.To, b.To).To}}
	}
}

// shellSelectedMsg is words or lines that were selected by clicking.
type shellSelectedMsg struct {
	term *term.Term
	span term.Span
}

func (msg shellSelectedMsg) apply(m *model) tea.Cmd {
	if msg.term != m.shell.term {
		return nil
	}
	m.shell.see(func(l *term.Look) { l.Select = &msg.span })
	copied := tea.Cmd(nil)
	if !m.modes.has(selecting{}) {
		copied = m.copyShell(msg.span) // the button is up already
	}
	return tea.Batch(copied, m.redrawShell())
}

// endSelection is the release of the button: what is selected is copied.
func (m *model) endSelection() tea.Cmd {
	p := m.shell
	m.modes.close(selecting{})
	if s := p.scrolled().Select; s != nil {
		return m.copyShell(*s)
	}
	return nil
}

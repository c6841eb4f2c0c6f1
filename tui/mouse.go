package tui

import (
	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
)

// wheelLines is how far one notch of the wheel goes.
const wheelLines = 3

// dragging is the border that the mouse holds.
type dragging int

const (
	dragNothing dragging = iota
	dragDivider
	dragSeparator
)

// mouse says what a mouse event means: a border is dragged, a click goes to a
// pane, the wheel scrolls what is under it, and the rest goes to a program that
// asked for it.
func (m *model) mouse(msg tea.MouseMsg) tea.Cmd {
	if m.stage != running || m.layout.tiny {
		return nil
	}
	at := msg.Mouse()
	if m.drag != dragNothing {
		return m.dragTo(msg)
	}
	if m.help || m.confirm != nil {
		return nil
	}
	_, click := msg.(tea.MouseClickMsg)
	if click && at.Button == tea.MouseLeft {
		switch {
		case m.layout.onDivider(at.X, at.Y):
			m.drag = dragDivider
			return nil
		case m.layout.onSeparator(at.X, at.Y):
			m.drag = dragSeparator
			return nil
		}
	}
	p, ok := m.layout.paneAt(at.X, at.Y)
	if !ok {
		return nil
	}
	if click && p != m.focus {
		m.notice, m.praise = "", ""
		return tea.Batch(m.setFocus(p), m.clicked(p, at))
	}
	if p == paneShell {
		return m.mouseShell(msg)
	}
	if wheel, ok := msg.(tea.MouseWheelMsg); ok {
		by := map[tea.MouseButton]int{tea.MouseWheelUp: -wheelLines, tea.MouseWheelDown: wheelLines}[wheel.Button]
		if p == paneLesson {
			m.lesson.scrollBy(by)
		} else {
			m.cluster.scrollBy(by)
		}
	}
	if click {
		return m.clicked(p, at)
	}
	return nil
}

// clicked takes what was clicked in a pane that is not the shell.
func (m *model) clicked(p pane, at tea.Mouse) tea.Cmd {
	if p == paneLesson {
		m.lesson.commandAtLine(at.Y - m.layout.panes[p].y)
	}
	return nil
}

// scrollShellBy scrolls the history of the shell, back when lines is positive.
func (m *model) scrollShellBy(lines int) tea.Cmd {
	back := m.shell.frame.back + lines
	m.shell.back.Store(int64(min(max(back, 0), m.shell.frame.history)))
	return m.redrawShell()
}

// dragTo moves the border that is held.
func (m *model) dragTo(msg tea.MouseMsg) tea.Cmd {
	at := msg.Mouse()
	want := m.want
	switch m.drag {
	case dragDivider:
		want = m.layout.moveDivider(want, at.X)
	case dragSeparator:
		want = m.layout.moveSeparator(want, at.Y)
	}
	_, released := msg.(tea.MouseReleaseMsg)
	moved := m.choose(want)
	if !released {
		return moved
	}
	m.drag = dragNothing
	return tea.Batch(moved, m.remember())
}

// mouseShell passes an event on to a program that asked for such, and scrolls
// the history of one that did not.
func (m *model) mouseShell(msg tea.MouseMsg) tea.Cmd {
	r := m.layout.panes[paneShell]
	if m.shell.term == nil || m.shell.ended() {
		return nil
	}
	if !m.shell.frame.mouse {
		if wheel, ok := msg.(tea.MouseWheelMsg); ok && m.shell.frame.history > 0 {
			by := map[tea.MouseButton]int{tea.MouseWheelUp: wheelLines, tea.MouseWheelDown: -wheelLines}[wheel.Button]
			return m.scrollShellBy(by)
		}
		return nil
	}
	if at := msg.Mouse(); !r.contains(at.X, at.Y) {
		return nil
	}
	shift := func(mouse tea.Mouse) uv.Mouse {
		mouse.X, mouse.Y = mouse.X-r.x, mouse.Y-r.y+m.shell.first(r)
		return uv.Mouse(mouse)
	}
	var ev uv.MouseEvent
	switch msg := msg.(type) {
	case tea.MouseClickMsg:
		ev = uv.MouseClickEvent(shift(msg.Mouse()))
	case tea.MouseReleaseMsg:
		ev = uv.MouseReleaseEvent(shift(msg.Mouse()))
	case tea.MouseWheelMsg:
		ev = uv.MouseWheelEvent(shift(msg.Mouse()))
	case tea.MouseMotionMsg:
		ev = uv.MouseMotionEvent(shift(msg.Mouse()))
	default:
		return nil
	}
	if err := m.shell.term.Mouse(ev); err != nil {
		m.notice = err.Error()
	}
	return nil
}

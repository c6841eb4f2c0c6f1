package tui

import (
	tea "charm.land/bubbletea/v2"
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
	if m.touring() || m.help || m.confirm != nil || m.shell.own {
		return nil
	}
	if m.overlay.open {
		if wheel, ok := msg.(tea.MouseWheelMsg); ok {
			m.overlay.scroll = max(m.overlay.scroll+notch(wheel), 0)
		}
		return nil
	}
	if m.shell.drag.on {
		return m.mouseShell(msg) // also where it has left the pane
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
		return tea.Batch(m.setFocus(p), m.clicked(p, at, true))
	}
	if p == paneShell {
		return m.mouseShell(msg)
	}
	if wheel, ok := msg.(tea.MouseWheelMsg); ok {
		if p == paneLesson {
			m.lesson.scrollBy(notch(wheel))
		} else {
			m.cluster.scrollBy(notch(wheel))
		}
	}
	if click {
		return m.clicked(p, at, false)
	}
	return nil
}

// notch is how many lines a turn of the wheel goes, down being positive.
func notch(wheel tea.MouseWheelMsg) int {
	return map[tea.MouseButton]int{tea.MouseWheelUp: -wheelLines, tea.MouseWheelDown: wheelLines}[wheel.Button]
}

// clicked takes what was clicked in a pane that is not the shell; first says that
// the click has brought the focus.
func (m *model) clicked(p pane, at tea.Mouse, first bool) tea.Cmd {
	y := at.Y - m.layout.panes[p].y
	switch p {
	case paneLesson:
		m.lesson.commandAtLine(y)
	case paneCluster:
		return m.clickedObject(y, first)
	}
	return nil
}

// clickedObject chooses the object in a line of the cluster pane; a click on
// the chosen one opens it, and one among the Events opens them all.
func (m *model) clickedObject(y int, first bool) tea.Cmd {
	c := m.cluster
	switch line := c.scroll + y; {
	case c.snap == nil:
	case y > c.room && !first:
		m.showEvents()
	case y < c.room && line < len(c.snap.lines):
		if line == c.cursor && !first {
			return m.read(actDescribe)
		}
		c.choose(line)
	}
	return nil
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

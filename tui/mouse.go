package tui

import (
	tea "charm.land/bubbletea/v2"
)

// wheelLines is how far one notch of the wheel goes.
const wheelLines = 3

// mousePanes says what a mouse event means while the panes have the mouse: a
// border is dragged, a click goes to a pane, the wheel scrolls what is under it,
// and the rest goes to a program that asked for it.
func (m *model) mousePanes(msg tea.MouseMsg) tea.Cmd {
	at := msg.Mouse()
	_, click := msg.(tea.MouseClickMsg)
	if click && at.Button == tea.MouseLeft {
		switch {
		case m.layout.onDivider(at.X, at.Y):
			m.modes.push(borderDrag{divider: true})
			return nil
		case m.layout.onSeparator(at.X, at.Y):
			m.modes.push(borderDrag{})
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

// held is what the modes have in common that last while a mouse button is held.
// A key ends them: a terminal may never tell of the release.
type held struct{ inert }

func (held) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	m.letGo()
	return m.front().key(m, k)
}

func (held) prefix(m *model) (tea.Cmd, bool) {
	m.letGo()
	return m.front().prefix(m)
}

func (held) paste(m *model, text string) tea.Cmd {
	m.letGo()
	return m.front().paste(m, text)
}

// letGo closes the mode in front.
func (m *model) letGo() { m.modes.close(m.front()) }

// borderDrag is a border that the mouse holds: the divider beside the lesson, or
// the separator above the shell.
type borderDrag struct {
	held
	divider bool
}

func (d borderDrag) mouse(m *model, msg tea.MouseMsg) tea.Cmd {
	at, want := msg.Mouse(), m.want
	if d.divider {
		want = m.layout.moveDivider(want, at.X)
	} else {
		want = m.layout.moveSeparator(want, at.Y)
	}
	_, released := msg.(tea.MouseReleaseMsg)
	moved := m.choose(want)
	if !released {
		return moved
	}
	m.modes.close(d)
	return tea.Batch(moved, m.remember())
}

func (d borderDrag) cursor(m *model) *tea.Cursor { return m.under(d).cursor(m) }

func (d borderDrag) footer(m *model) (string, bool) { return m.under(d).footer(m) }

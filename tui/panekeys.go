package tui

import (
	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// inPane is what the modes of the panes have in common: the mouse works in all
// the panes.
type inPane struct{ inert }

func (inPane) mouse(m *model, msg tea.MouseMsg) tea.Cmd { return m.mousePanes(msg) }

// lessonKeys is the lesson in focus.
type lessonKeys struct{ inPane }

func (l lessonKeys) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	a := m.keys.in(scopeLesson).at(k.String())
	switch {
	case a == "" && k.Text != "":
		return l.paste(m, k.Text)
	case a == actInsert && m.lesson.command < 0 && m.lesson.chooseCommand(0):
		// Nobody knows which command is meant before it is marked.
		m.notice = m.words.say("insert_chosen", "Key", m.keys.name(scopeLesson, actInsert))
		return nil
	}
	return m.do(a)
}

// paste says where text would go. It goes nowhere by itself: the learner looks
// at this pane, not at the shell.
func (lessonKeys) paste(m *model, _ string) tea.Cmd {
	m.notice = m.words.say("not_typing", "Key", m.keys.name(scopeLesson, actShell))
	return nil
}

func (lessonKeys) footer(m *model) (string, bool) {
	key := func(a action) string { return m.keys.name(scopeLesson, a) }
	first := m.keyHints(m.upDown(scopeLesson), "scroll", key(actShell), "shell")
	if len(m.lesson.commands) > 0 {
		first = m.keyHints(key(actPrevCmd)+" "+key(actNextCmd), "command", key(actInsert), "insert", key(actCopy), "copy", key(actShell), "shell")
	}
	rest := m.styles.dim.Render(" · ") + m.afterPrefix()
	if ansi.StringWidth(first+rest+m.keyHints(m.keys.name(scopePrefix, actHelp), "help")) > m.layout.width-6 {
		return first, false
	}
	first += rest
	return first + m.hints(scopePrefix, ansi.StringWidth(first), actHint, actNext, actQuit), false
}

func (lessonKeys) scopes() []scope { return []scope{scopeLesson} }

// clusterKeys is the cluster in focus.
type clusterKeys struct{ inPane }

func (c clusterKeys) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	a := m.keys.in(scopeCluster).at(k.String())
	if a == "" && k.Text != "" {
		return c.paste(m, k.Text)
	}
	return m.do(a)
}

func (clusterKeys) paste(m *model, _ string) tea.Cmd {
	m.notice = m.words.say("not_typing", "Key", m.keys.name(scopeCluster, actShell))
	return nil
}

func (clusterKeys) footer(m *model) (string, bool) {
	first := m.keyHints(m.upDown(scopeCluster), "select") + m.styles.dim.Render("  ")
	return first + m.hints(scopeCluster, ansi.StringWidth(first), actDescribe, actYAML, actLogs, actPrevious, actEvents, actShell), false
}

func (clusterKeys) scopes() []scope { return []scope{scopeCluster} }

// shellKeys is the shell in focus: what is typed goes to the program in it.
type shellKeys struct{ inPane }

func (shellKeys) key(m *model, k tea.KeyPressMsg) tea.Cmd { return m.toShell(k) }

func (shellKeys) paste(m *model, text string) tea.Cmd {
	p := m.shell
	if p.term == nil || p.ended() {
		return nil
	}
	scrolled := p.follow()
	if err := p.term.Paste(text); err != nil {
		m.notice = err.Error()
	}
	if scrolled {
		return m.redrawShell()
	}
	return nil
}

func (shellKeys) cursor(m *model) *tea.Cursor { return m.shellCursor() }

func (shellKeys) footer(m *model) (string, bool) {
	after := m.afterPrefix()
	return after + m.hints(scopePrefix, ansi.StringWidth(after), actHint, actNext, actLesson, actCluster, actZoom, actQuit), false
}

// shellCursor is the cursor of the shell pane on the screen.
func (m *model) shellCursor() *tea.Cursor {
	if r := m.layout.panes[paneShell]; r.h > 0 {
		return m.shell.cursor(r)
	}
	return nil
}

// toShell gives a key to the program in the shell, or starts a new shell when
// the last one has ended.
func (m *model) toShell(k tea.KeyPressMsg) tea.Cmd {
	if m.shell.ended() {
		if m.keys.in(scopeShell).at(k.String()) == actFresh {
			return m.startShell()
		}
		return nil
	}
	if m.shell.term == nil {
		if len(m.shell.ahead) < maxAhead {
			m.shell.ahead = append(m.shell.ahead, uv.Key(k))
		}
		return nil
	}
	scrolled := m.shell.follow()
	if err := m.shell.term.Key(uv.Key(k)); err != nil {
		m.notice = err.Error()
	}
	if scrolled {
		return m.redrawShell()
	}
	return nil
}

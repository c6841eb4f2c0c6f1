package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// ownTerminal shows how to use the cluster from a terminal of one's own, and
// copies the line for it.
func (m *model) ownTerminal() tea.Cmd {
	if m.running.Shell.Export == "" {
		return nil
	}
	m.shell.own = true
	return tea.SetClipboard(m.running.Shell.Export)
}

// ownBox is the line, broken into pieces where it is longer than the box.
func (m *model) ownBox() []string {
	s, w := m.styles, m.words
	inner := m.width - 6
	body := wrap(s.title.Render(w.say("own_title")), inner, "")
	body = append(body, "")
	body = append(body, wrap(s.text.Render(w.say("own_text")), inner, "")...)
	body = append(body, "")
	line := m.running.Shell.Export
	for line != "" {
		part := ansi.Truncate(line, inner, "")
		if part == "" {
			break
		}
		body = append(body, s.code.Render(part))
		line = line[len(part):]
	}
	return m.box(append(body, "", s.dim.Render(w.say("own_close"))))
}

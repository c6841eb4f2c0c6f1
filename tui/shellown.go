package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// ownMode is how to use the cluster from a terminal of one's own. Any key closes
// it.
type ownMode struct{ inert }

func (o ownMode) key(m *model, _ tea.KeyPressMsg) tea.Cmd {
	m.modes.close(o)
	return nil
}

func (o ownMode) prefix(m *model) (tea.Cmd, bool) {
	m.modes.close(o)
	return nil, true
}

func (ownMode) draw(m *model, frame []string) []string { return overlay(frame, m.ownBox(), m.width) }

func (ownMode) footer(m *model) (string, bool) {
	return m.styles.dim.Render(m.words.say("any_key_closes")), false
}

// ownTerminal shows how to use the cluster from a terminal of one's own, and
// copies the line for it.
func (m *model) ownTerminal() tea.Cmd {
	if m.running.Shell.Export == "" {
		return nil
	}
	m.modes.push(ownMode{})
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
	return m.box(append(body, "", s.dim.Render(w.say("any_key_closes"))))
}

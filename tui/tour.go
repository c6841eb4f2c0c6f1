package tui

import (
	tea "charm.land/bubbletea/v2"
)

// tourWidth is the widest that the lines of the tour get.
const tourWidth = 62

// tourMode is what a newcomer is told. Any key closes it.
type tourMode struct{ inert }

func (tourMode) key(m *model, _ tea.KeyPressMsg) tea.Cmd { return m.endTour() }

func (tourMode) prefix(m *model) (tea.Cmd, bool) { return m.endTour(), true }

func (tourMode) draw(m *model, frame []string) []string { return overlay(frame, m.tourBox(), m.width) }

func (tourMode) footer(m *model) (string, bool) {
	return m.styles.dim.Render(m.words.say("tour_close")), false
}

// tourBox is the tour: the panes, the prefix key, the help, a sentence each.
func (m *model) tourBox() []string {
	s, w := m.styles, m.words
	width := min(m.width-6, tourWidth)
	body := []string{s.title.Render(w.say("tour_title")), ""}
	for _, sentence := range []string{
		w.say("tour_panes", "Lesson", m.paneName(paneLesson), "Cluster", m.paneName(paneCluster), "Shell", m.paneName(paneShell)),
		w.say("tour_prefix", "Key", m.prefixName(), "Next", m.chord(actNext)),
		w.say("tour_help", "Help", m.chord(actHelp)),
	} {
		body = append(append(body, wrap(s.text.Render(sentence), width, "")...), "")
	}
	return m.box(append(body, s.dim.Render(w.say("tour_close"))))
}

// endTour closes the tour for good. One that can't be noted is shown again the
// next time, which harms nobody.
func (m *model) endTour() tea.Cmd {
	m.modes.close(tourMode{})
	seen := m.opts.TourSeen
	return inCommand(func() { _ = seen() })
}

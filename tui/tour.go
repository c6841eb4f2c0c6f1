package tui

import (
	tea "charm.land/bubbletea/v2"
)

// tourWidth is the widest that the lines of the tour get.
const tourWidth = 62

// touring tells whether the tour is on the screen.
func (m *model) touring() bool { return m.tour && m.stage == running && !m.layout.tiny }

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
	m.tour = false
	seen := m.opts.TourSeen
	return act(func() { _ = seen() })
}

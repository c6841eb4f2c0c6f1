package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// help is the keys, over the panes.
type help struct {
	inert
	scroll int // in lines
}

func (m *model) openHelp() { m.modes.push(&help{}) }

func (h *help) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	by := linesBy(m.keys.in(scopeOverlay).at(k.String()), m.height/2)
	if by == 0 {
		m.modes.close(h)
	}
	h.scroll = max(h.scroll, 0) + by
	return nil
}

func (h *help) prefix(m *model) (tea.Cmd, bool) {
	m.modes.close(h)
	return nil, true
}

func (h *help) mouse(_ *model, msg tea.MouseMsg) tea.Cmd {
	if wheel, ok := msg.(tea.MouseWheelMsg); ok {
		h.scroll = max(h.scroll, 0) + notch(wheel)
	}
	return nil
}

func (h *help) draw(m *model, frame []string) []string { return overlay(frame, h.box(m), m.width) }

func (*help) footer(m *model) (string, bool) {
	return m.keyHints(m.upDown(scopeOverlay), "scroll") + "  " + m.styles.dim.Render(m.words.say("any_key_closes")), false
}

// box draws the keys of the mode under it, and those after the prefix key.
func (h *help) box(m *model) []string {
	s, w := m.styles, m.words
	here := m.helpHere(h)
	global := m.helpRows(scopePrefix, m.prefixName()+" ")
	global = append(global, [2]string{m.prefixName() + " " + m.prefixName(), "help_literal"})
	marks := s.mark(markGood) + " " + w.say("verdict_met") + "   " + s.mark(markWait) + " " + w.say("verdict_converging") + "   " +
		s.mark(markOpen) + " " + w.say("verdict_unmet") + "   " + s.mark(markBad) + " " + w.say("verdict_violated")
	left := append([]string{s.title.Render(w.say("help_title")), ""}, m.helpLines(global)...)
	right := []string{s.title.Render(m.helpTitle()), ""}
	if len(here) > 0 {
		right = append(right, m.helpLines(here)...)
	} else {
		right = append(right, wrap(s.text.Render(w.say("help_shell_pane")), 34, "")...)
	}
	body := m.twoColumns(left, right)
	if body == nil {
		body = append(append(right, ""), left...) // what belongs to the pane first
	}
	body = append(body, "", marks)
	room := m.height - 4 - 2 // without the box, and with the last lines
	h.scroll = max(min(h.scroll, len(body)-room), 0)
	end := s.dim.Render(w.say("help_close"))
	if len(body) > room {
		below := len(body) - room - h.scroll
		body = body[h.scroll : h.scroll+room]
		end = s.key.Render(m.upDown(scopeOverlay)) + " " + s.dim.Render(w.say("key_scroll")+w.say("more_below", "Count", below)) + "  " + end
	}
	return m.box(append(body, "", end))
}

// twoColumns puts two lists side by side, nil when there is no room.
func (m *model) twoColumns(left, right []string) []string {
	wl, wr := widest(left), widest(right)
	if wl+wr+3 > m.width-6 {
		return nil
	}
	out := make([]string, max(len(left), len(right)))
	for i := range out {
		l, r := "", ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		out[i] = fit(l, wl) + "   " + r
	}
	return out
}

// helpTitle names what has the keys that are explained.
func (m *model) helpTitle() string {
	if m.modes.has(m.overlay) {
		return m.overlay.title
	}
	return m.paneName(m.focus)
}

// helpHere is the keys of the mode under the help, none for the shell.
func (m *model) helpHere(h *help) (rows [][2]string) {
	for _, in := range m.under(h).scopes() {
		rows = append(rows, m.helpRows(in, "")...)
	}
	return rows
}

// helpRows is the keys of a scope with the messages that explain them. The keys
// of an action without a message of its own stand beside the one before.
func (m *model) helpRows(in scope, before string) [][2]string {
	var out [][2]string
	for _, b := range m.keys.in(in) {
		switch {
		case len(b.keys) == 0 || m.idle(b.action):
		case b.help != "":
			out = append(out, [2]string{before + keyName(b.keys[0]), b.help})
		case joins(b.action) && len(out) > 0:
			out[len(out)-1][0] += " " + keyName(b.keys[0])
		}
	}
	return out
}

func (m *model) helpLines(rows [][2]string) []string {
	wide := 0
	for _, r := range rows {
		wide = max(wide, ansi.StringWidth(r[0]))
	}
	var out []string
	for _, r := range rows {
		out = append(out, m.styles.key.Render(fit(r[0], wide))+"  "+m.styles.text.Render(m.words.say(r[1])))
	}
	return out
}

func widest(lines []string) int {
	w := 0
	for _, l := range lines {
		w = max(w, ansi.StringWidth(l))
	}
	return w
}

// box puts a frame around lines.
func (m *model) box(body []string) []string {
	s := m.styles
	inner := min(widest(body), m.width-6)
	out := []string{rule(s.accent, "╭", "", "╮", inner+4)}
	for _, l := range body {
		out = append(out, s.accent.Render("│")+" "+fit(l, inner)+" "+s.accent.Render("│"))
	}
	return append(out, rule(s.accent, "╰", "", "╯", inner+4))
}

package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// body draws the frame with the panes in it.
func (m *model) body() []string {
	l := m.layout
	out := []string{m.topBorder()}
	switch l.arrange {
	case arrangeSide:
		out = append(out, m.sideRows()...)
	case arrangeTop:
		out = append(out, m.columns(m.pane(paneLesson), m.pane(paneCluster))...)
		out = append(out, m.separator())
		out = append(out, m.edged(paneShell)...)
	default:
		for p := range l.panes {
			if pane(p) == paneShell && l.split() {
				out = append(out, m.separator())
			}
			if l.shows(pane(p)) {
				out = append(out, m.edged(pane(p))...)
			}
		}
	}
	return append(out, m.bottomBorder())
}

// edged is a pane with the frame's edges at both sides.
func (m *model) edged(p pane) []string {
	edge := m.border(p).Render("│")
	lines := m.pane(p)
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = edge + " " + line + " " + edge
	}
	return out
}

func (m *model) columns(left, right []string) []string {
	a := m.border(paneLesson).Render("│")
	b := m.border(paneLesson, paneCluster).Render("│")
	c := m.border(paneCluster).Render("│")
	out := make([]string, len(left))
	for i := range left {
		out[i] = a + " " + left[i] + " " + b + " " + right[i] + " " + c
	}
	return out
}

// sideRows is the lesson beside the cluster over the shell.
func (m *model) sideRows() []string {
	l := m.layout
	lesson, upper, lower := m.pane(paneLesson), m.pane(paneCluster), m.pane(paneShell)
	edge := m.border(paneLesson).Render("│")
	out := make([]string, 0, len(lesson))
	for i, left := range lesson {
		left = edge + " " + left + " "
		switch n := i - len(upper); {
		case n < 0:
			out = append(out, left+m.border(paneLesson, paneCluster).Render("│")+" "+upper[i]+" "+m.border(paneCluster).Render("│"))
		case n == 0:
			style := m.border(paneCluster, paneShell)
			out = append(out, left+rule(style, "├", m.label(paneShell), "┤", l.width-l.divider))
		default:
			out = append(out, left+m.border(paneLesson, paneShell).Render("│")+" "+lower[n-1]+" "+m.border(paneShell).Render("│"))
		}
	}
	return out
}

func (m *model) pane(p pane) []string {
	r := m.layout.panes[p]
	switch p {
	case paneLesson:
		return m.lesson.lines(r, m.words, m.styles, m.keys)
	case paneCluster:
		return m.cluster.lines(r, m.now(), m.words, m.styles)
	}
	return m.shell.lines(r, m.words, m.styles, m.keys)
}

// border is the style of a border that touches these panes.
func (m *model) border(panes ...pane) ink {
	for _, p := range panes {
		if p == m.focus {
			return m.styles.accent
		}
	}
	return m.styles.border
}

// label is a pane's title for a border; the one in focus has a mark.
func (m *model) label(p pane) string {
	s := m.styles
	name := m.paneName(p)
	extra := ""
	switch {
	case p == paneLesson && m.lesson.page.Seed > 0:
		extra = " " + s.dim.Render(m.words.say("case", "Seed", m.lesson.page.Seed))
	case p == paneCluster && m.cluster.namespace != "":
		extra = " " + s.dim.Render("ns/"+m.cluster.namespace)
		switch {
		case m.unreachable():
			extra += " " + s.wait.Render(m.words.say("as_of", "Clock", m.cluster.snap.conn.Since.Local().Format("15:04:05")))
		case m.cluster.pods > 0:
			extra += s.dim.Render(" · " + itoa(m.cluster.ready) + "/" + itoa(m.cluster.pods) + " Pods")
		}
	case p == paneShell && m.shell.frame.back > 0:
		extra = " " + s.wait.Render(m.words.say("scrolled_back", "Count", m.shell.frame.back))
	case p == paneShell && m.shell.frame.title != "":
		extra = " " + s.dim.Render(ansi.Truncate(m.shell.frame.title, 40, "…"))
	}
	if p == m.focus {
		return s.title.Render(" ▸ "+name) + extra + " "
	}
	return s.heading.Render(" "+name) + extra + " "
}

// rule draws a border line: corner, label, dashes, …, corner.
func rule(style ink, left, label, right string, width int) string {
	inside := max(width-2, 0)
	if ansi.StringWidth(label) > inside-2 {
		label = ansi.Truncate(label, max(inside-2, 0), "…")
	}
	dashes := max(inside-1-ansi.StringWidth(label), 0)
	return style.Render(left+"─") + label + style.Render(strings.Repeat("─", dashes)+right)
}

func (m *model) topBorder() string {
	l := m.layout
	if l.divider == 0 {
		return m.tabs()
	}
	left := rule(m.border(paneLesson), "╭", m.label(paneLesson), "", l.divider+1)
	right := rule(m.border(paneCluster), "", m.label(paneCluster), "╮", l.width-l.divider)
	return left + m.border(paneLesson, paneCluster).Render("┬") + right
}

// tabs is the top border where one pane is shown at a time: its title, and for
// the others the key that shows them.
func (m *model) tabs() string {
	shown, keys := m.focus, [3]action{actLesson, actCluster, actShell}
	others := []pane{paneLesson, paneCluster, paneShell}
	if m.layout.split() {
		shown, others = m.top, others[:2]
	}
	style := m.border(shown)
	label := m.label(shown)
	for _, p := range others {
		if p != shown {
			label += style.Render("──") + " " + m.styles.key.Render(m.chord(keys[p])) + " " +
				m.styles.dim.Render(strings.ToLower(m.paneName(p))) + " "
		}
	}
	return rule(style, "╭", label, "╮", m.layout.width)
}

func (m *model) paneName(p pane) string {
	return m.words.say([]string{"pane_lesson", "pane_cluster", "pane_shell"}[p])
}

// separator is the border above the shell, over the whole width.
func (m *model) separator() string {
	l, style, label := m.layout, m.border(m.focus), m.label(paneShell)
	if l.divider == 0 || ansi.StringWidth(label)+4 > l.divider {
		return rule(style, "├", label, "┤", l.width)
	}
	return rule(style, "├", label, "", l.divider+1) + style.Render("┴"+strings.Repeat("─", l.width-l.divider-2)+"┤")
}

// bottomBorder holds, by rank: a question, what there is to be told, the keys.
func (m *model) bottomBorder() string {
	l := m.layout
	shown := paneShell
	if !l.split() {
		shown = m.focus
	}
	label := ""
	if !m.modes.has(m.overlay) { // it is in the text's own border then, which lies over this one
		label = " " + m.footer() + " "
	}
	if l.arrange != arrangeSide || ansi.StringWidth(label)+4 > l.divider {
		style := m.border(shown)
		if l.arrange == arrangeSide {
			style = m.border(paneLesson, paneShell)
		}
		return rule(style, "╰", label, "╯", l.width)
	}
	return rule(m.border(paneLesson), "╰", label, "", l.divider+1) +
		m.border(paneLesson, paneShell).Render("┴") + m.border(paneShell).Render(strings.Repeat("─", l.width-l.divider-2)+"╯")
}

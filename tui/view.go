package tui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

func itoa(n int) string { return strconv.Itoa(n) }

// View is the tea.Model's.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.frame(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "k8stutor"
	if m.stage != running || m.layout.tiny {
		return v
	}
	shell := m.layout.panes[paneShell]
	if m.focus == paneShell && shell.h > 0 && m.confirm == nil && !m.help {
		v.Cursor = m.shell.cursor(shell)
	}
	if m.shell.frame.mouse && m.focus == paneShell && m.shell.frame.exit == nil {
		v.MouseMode = tea.MouseModeCellMotion
		if m.shell.frame.motion {
			v.MouseMode = tea.MouseModeAllMotion
		}
	}
	return v
}

// frame draws the whole screen: as many lines as it is high, each exactly as
// wide as it is.
func (m *model) frame() []string {
	if m.width <= 0 || m.height <= 0 {
		return nil
	}
	if m.stage == failed || m.stage != running && !m.layout.tiny {
		return m.start.view(m.width, m.height, m.now(), m.words, m.styles)
	}
	if m.layout.tiny {
		lines := wrap(m.words.say("too_small", "Width", minWidth, "Height", minHeight), m.width, "")
		return pad(lines, rect{w: m.width, h: m.height})
	}
	out := []string{m.status()}
	out = append(out, m.body()...)
	if m.help {
		out = overlay(out, m.helpBox(), m.width)
	}
	return out
}

// status is the first line: where in the lesson, which cluster, how long. What
// has no room is left out, the least important first.
func (m *model) status() string {
	s, page, a := m.styles, m.lesson.page, m.running.Access
	brand := s.brand.Render(" k8stutor ") + "  "
	var lefts, rights []string
	if page.Count > 0 {
		long := s.text.Render(m.words.say("step_of", "Step", page.Index+1, "Count", page.Count))
		title := s.strong.Render(m.running.Title) + "  "
		lefts = []string{brand + title + long, brand + title + s.text.Render(fmt.Sprintf("%d/%d", page.Index+1, page.Count)), brand + long}
	} else {
		lefts = []string{brand + s.strong.Render(m.running.Title)}
	}
	clock := ""
	if !page.Began.IsZero() {
		clock = "  " + s.dim.Render(age(m.now().Sub(page.Began)))
	}
	where := s.text.Render(a.Provider+"/"+a.Name) + " "
	rights = []string{where + m.connection() + clock, where + m.connection(), m.connection()}
	for _, right := range rights {
		for _, left := range lefts {
			if ansi.StringWidth(left)+ansi.StringWidth(right)+3 <= m.width {
				return spread(left, right+" ", m.width)
			}
		}
	}
	return spread(brand, rights[2]+" ", m.width)
}

// connection is the state of the API server: a glyph and a word.
func (m *model) connection() string {
	s := m.styles
	if m.cluster.snap != nil && !m.cluster.snap.conn.OK && !m.cluster.snap.conn.Since.IsZero() {
		c := m.cluster.snap.conn
		return s.badBold.Render("✗ " + m.words.say("unreachable",
			"Clock", c.Since.Local().Format("15:04:05"), "Age", age(m.now().Sub(c.Since))))
	}
	return s.good.Render("●") + " " + s.dim.Render(m.running.Access.Version)
}

// body draws the frame with the panes in it.
func (m *model) body() []string {
	l := m.layout
	var out []string
	out = append(out, m.topBorder())
	for _, p := range []pane{paneLesson, paneCluster, paneShell} {
		if p == paneShell && l.split {
			out = append(out, m.separator())
		}
		r := l.panes[p]
		if r.h == 0 || l.columns && p == paneCluster {
			continue
		}
		lines := m.pane(p)
		if l.columns && p == paneLesson {
			out = append(out, m.columns(lines, m.pane(paneCluster))...)
			continue
		}
		edge := m.border(p).Render("│")
		for _, line := range lines {
			out = append(out, edge+" "+line+" "+edge)
		}
	}
	return append(out, m.bottomBorder())
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

func (m *model) pane(p pane) []string {
	r := m.layout.panes[p]
	switch p {
	case paneLesson:
		return m.lesson.lines(r, m.words, m.styles, m.prefixName())
	case paneCluster:
		return m.cluster.lines(r, m.now(), m.words, m.styles)
	}
	return m.shell.lines(r, m.words, m.styles)
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
	case p == paneCluster && m.cluster.namespace != "":
		extra = " " + s.dim.Render("ns/"+m.cluster.namespace)
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
	if !l.columns {
		return m.tabs()
	}
	left := rule(m.border(paneLesson), "╭", m.label(paneLesson), "", l.divider+1)
	right := rule(m.border(paneCluster), "", m.label(paneCluster), "╮", l.width-l.divider)
	return left + m.border(paneLesson, paneCluster).Render("┬") + right
}

// tabs is the top border where one pane is shown at a time: its title, and for
// the others the key that shows them.
func (m *model) tabs() string {
	shown, keys := m.focus, [3]string{"l", "c", "s"}
	others := []pane{paneLesson, paneCluster, paneShell}
	if m.layout.split {
		shown, others = m.top, others[:2]
	}
	style := m.border(shown)
	label := m.label(shown)
	for _, p := range others {
		if p != shown {
			label += style.Render("──") + " " + m.styles.key.Render(m.prefixName()+" "+keys[p]) + " " +
				m.styles.dim.Render(lower(m.paneName(p))) + " "
		}
	}
	return rule(style, "╭", label, "╮", m.layout.width)
}

func (m *model) paneName(p pane) string {
	return m.words.say([]string{"pane_lesson", "pane_cluster", "pane_shell"}[p])
}

func (m *model) separator() string {
	l, style, label := m.layout, m.border(m.focus), m.label(paneShell)
	if !l.columns || ansi.StringWidth(label)+4 > l.divider {
		return rule(style, "├", label, "┤", l.width)
	}
	return rule(style, "├", label, "", l.divider+1) + style.Render("┴"+strings.Repeat("─", l.width-l.divider-2)+"┤")
}

// bottomBorder holds, by rank: a question, what there is to be told, the keys.
func (m *model) bottomBorder() string {
	shown := paneShell
	if !m.layout.split {
		shown = m.focus
	}
	return rule(m.border(shown), "╰", " "+m.footer()+" ", "╯", m.layout.width)
}

func (m *model) footer() string {
	s, w := m.styles, m.words
	key := m.prefixName()
	switch {
	case m.confirm != nil:
		return s.waitBold.Render("? "+m.confirm.question) + "  " + m.keyHints("y", "yes", "n", "no")
	case m.praise != "":
		return s.goodBold.Render("✓ " + m.praise)
	case m.notice != "":
		return s.wait.Render("! " + oneLine(m.notice))
	case m.prefixed:
		return s.brand.Render(" "+key+" ") + " " + m.keyHints("h", "hint", "n", "next", "p", "back", "a", "answer", "r", "reset",
			"l", "lesson", "c", "cluster", "s", "shell", "PgUp", "history", "?", "help", "q", "quit")
	case m.prompting() && m.lesson.prompt.over != promptOpen:
		return m.keyHints("Enter", "go_on")
	case m.prompting():
		hints := m.keyHints("Enter", "send", "Esc", "shell")
		if _, _, open := m.lesson.prompt.place(m.lesson.outcome()); open > 1 {
			hints = m.keyHints("Enter", "send", "Tab", "question", "Esc", "shell")
		}
		return hints
	case m.focus != paneShell:
		return m.keyHints("j/k", "scroll", "Esc", "shell") + s.dim.Render(" · "+w.say("then", "Key", key)+" ") + m.keyHints("h", "hint", "n", "next", "?", "help", "q", "quit")
	}
	return s.dim.Render(w.say("then", "Key", key)+" ") + m.keyHints("h", "hint", "n", "next", "l", "lesson", "c", "cluster", "?", "help", "q", "quit")
}

// keyHints draws keys with what they do: key, message, key, message, …
func (m *model) keyHints(pairs ...string) string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, m.styles.key.Render(pairs[i])+" "+m.styles.dim.Render(m.words.say("key_"+pairs[i+1])))
	}
	return strings.Join(out, m.styles.dim.Render("  "))
}

// prefixName is the prefix key as people write it: ^G.
func (m *model) prefixName() string {
	if c, ok := strings.CutPrefix(m.prefix, "ctrl+"); ok && len(c) == 1 {
		return "^" + strings.ToUpper(c)
	}
	return m.prefix
}

// helpBox draws the help.
func (m *model) helpBox() []string {
	s, w, key := m.styles, m.words, m.prefixName()
	rows := [][2]string{
		{key + " h", "help_hint"},
		{key + " n", "help_next"},
		{key + " p", "help_back"},
		{key + " a", "help_answer"},
		{key + " r", "help_reset"},
		{key + " t", "help_retry"},
		{key + " l c s", "help_panes"},
		{key + " PgUp PgDn", "help_history"},
		{key + " " + key, "help_literal"},
		{"j k PgUp PgDn", "help_scroll"},
		{key + " q", "help_quit"},
	}
	var body []string
	body = append(body, s.title.Render(w.say("help_title")), "")
	for _, r := range rows {
		body = append(body, s.key.Render(fit(r[0], 14))+"  "+s.text.Render(w.say(r[1])))
	}
	body = append(body, "",
		s.mark(markGood)+" "+w.say("verdict_met")+"   "+s.mark(markWait)+" "+w.say("verdict_converging")+"   "+
			s.mark(markOpen)+" "+w.say("verdict_unmet")+"   "+s.mark(markBad)+" "+w.say("verdict_violated"),
		"", s.dim.Render(w.say("help_close")))
	inner := 0
	for _, l := range body {
		inner = max(inner, ansi.StringWidth(l))
	}
	inner = min(inner, m.width-6)
	out := []string{s.accent.Render("╭" + strings.Repeat("─", inner+2) + "╮")}
	for _, l := range body {
		out = append(out, s.accent.Render("│")+" "+fit(l, inner)+" "+s.accent.Render("│"))
	}
	return append(out, s.accent.Render("╰"+strings.Repeat("─", inner+2)+"╯"))
}

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
	v, lines := m.opts.Charset.screen(m.frame())
	if m.opts.echo != nil {
		defer func() { m.opts.echo.show(lines, v.Cursor) }()
	}
	if m.stage != running || m.layout.tiny {
		return v
	}
	v.Cursor = m.front().cursor(m)
	v.ReportFocus = m.shell.frame.focus
	if !m.noMouse {
		v.MouseMode = tea.MouseModeCellMotion
		if m.front() == mode(shellKeys{}) && m.shell.frame.mouse && m.shell.frame.motion && m.shell.frame.exit == nil {
			v.MouseMode = tea.MouseModeAllMotion
		}
	}
	return v
}

// screen is a view of the whole terminal, and its lines, converted in place.
func (c Charset) screen(lines []string) (tea.View, []string) {
	for i, l := range lines {
		lines[i] = c.convert(l)
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen, v.WindowTitle = true, "k8stutor"
	return v, lines
}

// frame draws the whole screen: as many lines as it is high, each exactly as
// wide as it is.
func (m *model) frame() []string {
	if m.width <= 0 || m.height <= 0 {
		return nil
	}
	var out []string
	if m.stage == running {
		if m.layout.tiny {
			return tooSmall{}.draw(m, nil)
		}
		out = append([]string{m.status()}, m.body()...)
	}
	for _, x := range m.modes {
		out = x.draw(m, out)
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
		short := s.text.Render(fmt.Sprintf("%d/%d", page.Index+1, page.Count))
		title := s.strong.Render(m.running.Title) + "  "
		if strip := m.strip(); strip != "" { // the lesson is out of sight
			long, short = long+"  "+strip, short+"  "+strip
		}
		lefts = []string{brand + title + long, brand + title + short, brand + long, brand + short}
	} else {
		lefts = []string{brand + s.strong.Render(m.running.Title)}
	}
	clock := ""
	if !page.Began.IsZero() {
		clock = "  " + s.dim.Render(age(m.now().Sub(page.Began)))
	}
	where := s.text.Render(a.Provider+"/"+a.Name) + " "
	state := m.connection()
	rights = []string{where + state + clock, where + state, state}
	if m.unreachable() {
		rights = append([]string{where + state + s.wait.Render(" "+m.words.say("retrying"))}, rights...)
	}
	for _, right := range rights {
		for _, left := range lefts {
			if ansi.StringWidth(left)+ansi.StringWidth(right)+3 <= m.width {
				return spread(left, right+" ", m.width)
			}
		}
	}
	return spread(brand, state+" ", m.width)
}

// strip is the checks as glyphs, while the lesson is out of sight.
func (m *model) strip() string {
	o := m.lesson.outcome()
	if o == nil || m.layout.shows(paneLesson) {
		return ""
	}
	out := ""
	for _, c := range o.Checks {
		mark, _ := verdict(c.Verdict)
		out += m.styles.mark(mark)
	}
	return out
}

// unreachable reports whether the API server does not answer.
func (m *model) unreachable() bool {
	snap := m.cluster.snap
	return snap != nil && !snap.conn.OK && !snap.conn.Since.IsZero()
}

// connection is the state of the API server: a glyph and a word.
func (m *model) connection() string {
	s := m.styles
	if m.unreachable() {
		c := m.cluster.snap.conn
		return s.badBold.Render("✗ " + m.words.say("unreachable",
			"Clock", c.Since.Local().Format("15:04:05"), "Age", age(m.now().Sub(c.Since))))
	}
	return s.good.Render("●") + " " + s.dim.Render(m.running.Access.Version)
}

package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// commandAt reports whether a block of code begins with a command, and how many of
// its lines that takes. A command that goes on after a backslash is put on one
// line; one with a here-document or an open quote stays as it is. The text is
// "" for a line that is none, such as a diagram or the output of a command.
func commandAt(lines []string) (text string, n int) {
	first, prompt := strings.CutPrefix(strings.TrimSpace(lines[0]), "$ ")
	if !prompt && !startsCommand(first) || strings.HasPrefix(lines[0], " ") {
		return "", 1
	}
	text, n = first, 1
	for n < len(lines) {
		switch before, goesOn := strings.CutSuffix(text, "\\"); {
		case goesOn:
			text = strings.TrimSpace(before) + " " + strings.TrimSpace(lines[n])
		case openQuote(text) || openDocument(text):
			text += "\n" + lines[n]
		default:
			return text, n
		}
		n++
	}
	return text, n
}

// startsCommand reports whether a line begins like a command of a lesson.
func startsCommand(line string) bool {
	word, _, _ := strings.Cut(line, " ")
	switch word {
	case "kubectl", "k8stutor", "curl", "wget", "nslookup", "watch", "while", "for", "until", "export", "echo", "cat", "env", "exit", "sh", "time", "helm", "hey":
		return true
	}
	return false
}

// openQuote reports whether a text ends inside of single or double quotes.
func openQuote(text string) bool {
	var quote rune
	skip := false
	for _, r := range text {
		switch {
		case skip:
			skip = false
		case r == '\\' && quote != '\'':
			skip = true
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		}
	}
	return quote != 0
}

// openDocument reports whether a text ends inside of a here-document.
func openDocument(text string) bool {
	_, after, ok := strings.Cut(text, "<<")
	if !ok || strings.HasPrefix(after, "<") {
		return false
	}
	line, rest, _ := strings.Cut(after, "\n")
	word, _, _ := strings.Cut(strings.TrimLeft(line, "- "), " ")
	end := strings.Trim(word, `'"`)
	return end != "" && !slices.Contains(strings.Split(rest, "\n"), end)
}

// chosen is the command under the cursor, or the first in sight when none was
// chosen; false when there is none.
func (p *lessonPane) chosen() (command, bool) {
	if p.command >= 0 && p.command < len(p.commands) {
		return p.commands[p.command], true
	}
	i := p.firstInSight()
	if i < 0 {
		return command{}, false
	}
	return p.commands[i], true
}

// firstInSight is the first command that is not above what is shown, or the
// last of all; -1 when there is none.
func (p *lessonPane) firstInSight() int {
	for i, c := range p.commands {
		if c.line >= min(p.scroll, p.most) {
			return i
		}
	}
	return len(p.commands) - 1
}

// chooseCommand moves to another command and shows it; false when there is
// none.
func (p *lessonPane) chooseCommand(by int) bool {
	p.touch()
	if len(p.commands) == 0 {
		return false
	}
	if p.command < 0 {
		p.command = p.firstInSight()
	} else {
		p.command = min(max(p.command+by, 0), len(p.commands)-1)
	}
	c := p.commands[p.command]
	if c.line < p.scroll {
		p.scroll = c.line
	}
	if c.line+c.lines > p.scroll+p.room {
		p.scroll = min(max(c.line+c.lines-p.room, 0), p.most)
	}
	return true
}

// commandAtLine chooses the command that stands in a line of the pane.
func (p *lessonPane) commandAtLine(y int) bool {
	line := min(p.scroll, p.most) + y
	for i, c := range p.commands {
		if y < p.room && line >= c.line && line < c.line+c.lines {
			p.command = i
			p.touch()
			return true
		}
	}
	return false
}

// drawChosen marks the chosen command among the lines that are shown, by a
// glyph and not by colour alone.
func (p *lessonPane) drawChosen(shown []string, first, width int, s *styles) {
	if p.command < 0 || p.command >= len(p.commands) {
		return
	}
	c := p.commands[p.command]
	for i := range c.lines {
		y := c.line + i - first
		if y < 0 || y >= len(shown) {
			continue
		}
		text := strings.TrimPrefix(ansi.Strip(shown[y]), "▏ ")
		mark := "▌ "
		if i == 0 {
			mark = "▶ "
		}
		shown[y] = fit(s.key.Render(mark)+s.chosen.Render(text), width)
	}
}

// insertCommand puts the chosen command into the shell, without Enter.
func (m *model) insertCommand() tea.Cmd {
	c, ok := m.lesson.chosen()
	switch {
	case !ok && m.focus == paneLesson:
		return m.goTo(paneShell)
	case !ok:
		m.notice = m.words.say("no_command")
		return nil
	case strings.Contains(c.text, "\n"):
		m.notice = m.words.say("copied_lines")
		return tea.SetClipboard(c.text)
	case m.shell.term == nil || m.shell.ended():
		return m.goTo(paneShell)
	}
	m.lesson.touch()
	if err := m.shell.term.Paste(c.text); err != nil {
		m.notice = err.Error()
		return nil
	}
	m.shell.follow()
	return m.goTo(paneShell)
}

// copyCommand puts the chosen command on the clipboard of the learner's
// terminal, by OSC 52.
func (m *model) copyCommand() tea.Cmd {
	c, ok := m.lesson.chosen()
	if !ok {
		m.notice = m.words.say("no_command")
		return nil
	}
	m.praise = m.words.say("copied")
	return tea.SetClipboard(c.text)
}

func (m *model) moveCommand(by int) {
	if !m.lesson.chooseCommand(by) {
		m.notice = m.words.say("no_command")
	}
}

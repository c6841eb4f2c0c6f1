package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"

	"github.com/k8stutor/k8stutor/lessons"
)

// key says what a key press means: an answer to a question first, then the
// prefix key and what follows it, then the pane in focus.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	m.notice, m.praise = "", ""
	m.lesson.touch()
	switch {
	case m.stage != running:
		return m.keyStarting(name)
	case m.confirm != nil:
		c := m.confirm
		m.confirm = nil
		if name == "y" || name == "Y" {
			return c.yes()
		}
		return nil
	case m.help:
		m.help = false
		return nil
	case m.prefixed:
		m.prefixed = false
		if k.Keystroke() == m.prefix {
			return m.toShell(k) // twice sends it to the program
		}
		return m.command(name)
	case k.Keystroke() == m.prefix:
		m.prefixed = true
		return nil
	case m.prompting():
		return m.keyPrompt(k)
	case m.focus == paneShell:
		return m.toShell(k)
	}
	return m.keyPane(name)
}

func (m *model) keyStarting(name string) tea.Cmd {
	if name == "ctrl+c" || m.stage == failed && (name == "q" || name == "enter" || name == "esc") {
		return m.quit(nil)
	}
	return nil
}

// command is the key after the prefix.
func (m *model) command(name string) tea.Cmd {
	switch strings.ToLower(name) {
	case "l":
		return m.setFocus(paneLesson)
	case "c":
		return m.setFocus(paneCluster)
	case "s":
		return m.setFocus(paneShell)
	case "tab", "right", "down":
		return m.setFocus((m.focus + 1) % 3)
	case "shift+tab", "left", "up":
		return m.setFocus((m.focus + 2) % 3)
	case "pgup", "k":
		return m.scrollShell(1)
	case "pgdown", "j":
		return m.scrollShell(-1)
	case "?":
		m.help = true
	case "q":
		return m.askQuit()
	case "h", "n", "p", "a", "r", "t":
		return m.lessonCommand(strings.ToLower(name))
	}
	return nil
}

// lessonCommand is a command to the lesson.
func (m *model) lessonCommand(name string) tea.Cmd {
	page, s, w := m.lesson.page, m.running.Session, m.words
	if page.Phase == lessons.PhaseSetup {
		m.notice = w.say("preparing")
		return nil
	}
	ask := func(question string, do func()) {
		m.confirm = &confirm{w.say(question), func() tea.Cmd { return tea.Batch(m.closePrompt(), act(do)) }}
	}
	switch name {
	case "h":
		if page.Hints >= len(page.Text.Hints) {
			m.notice = w.say("no_more_hints")
			return nil
		}
		m.lesson.follow = true
		return act(s.OpenHint)
	case "n":
		switch {
		case page.Index+1 >= page.Count:
			m.notice = w.say("last_step")
		case m.met():
			return tea.Batch(m.closePrompt(), act(s.Next))
		default:
			ask("confirm_skip", s.Next)
		}
	case "p":
		if page.Index == 0 {
			m.notice = w.say("first_step")
			return nil
		}
		ask("confirm_back", s.Previous)
	case "r":
		ask("confirm_reset", s.Reset)
	case "t":
		if !m.lesson.violated() {
			m.notice = w.say("nothing_broken")
			return nil
		}
		return act(s.Retry)
	case "a":
		if m.lesson.prompt == nil {
			q := openQuestion(m.lesson.outcome())
			if q == nil {
				m.notice = w.say("no_question")
				return nil
			}
			m.lesson.prompt = &prompt{check: q.ID}
		}
		return m.setFocus(paneLesson)
	}
	return nil
}

func (m *model) askQuit() tea.Cmd {
	if m.met() {
		return m.quit(nil)
	}
	m.confirm = &confirm{m.words.say("confirm_quit"), func() tea.Cmd { return m.quit(nil) }}
	return nil
}

// keyPane scrolls the lesson or the cluster, or goes back to the shell.
func (m *model) keyPane(name string) tea.Cmd {
	page := max(m.layout.panes[m.focus].h/2, 1)
	by := 0
	switch name {
	case "j", "down":
		by = 1
	case "k", "up":
		by = -1
	case "pgdown", "space", "ctrl+d", "ctrl+f":
		by = page
	case "pgup", "ctrl+u", "ctrl+b":
		by = -page
	case "g", "home":
		by = -1 << 20
	case "G", "end":
		by = 1 << 20
	case "tab":
		return m.setFocus((m.focus + 1) % 3)
	case "shift+tab":
		return m.setFocus((m.focus + 2) % 3)
	case "?":
		m.help = true
	case "esc", "enter", "q", "i":
		return m.setFocus(paneShell)
	}
	if m.focus == paneLesson {
		m.lesson.scrollBy(by)
	} else {
		m.cluster.scrollBy(by)
	}
	return nil
}

// toShell gives a key to the program in the shell, or starts a new shell when
// the last has ended.
func (m *model) toShell(k tea.KeyPressMsg) tea.Cmd {
	if m.shell.ended() {
		if k.String() == "enter" {
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
	back := m.shell.back.Swap(0)
	if err := m.shell.term.Key(uv.Key(k)); err != nil {
		m.notice = err.Error()
	}
	if back != 0 {
		return m.redrawShell()
	}
	return nil
}

func (m *model) paste(text string) tea.Cmd {
	switch {
	case m.stage != running || m.confirm != nil || m.help:
	case m.prompting():
		m.lesson.touch()
		m.lesson.prompt.insert(strings.Join(strings.Fields(text), " "))
	case m.focus == paneShell && m.shell.term != nil && !m.shell.ended():
		if err := m.shell.term.Paste(text); err != nil {
			m.notice = err.Error()
		}
	}
	return nil
}

// mouse passes mouse events on to a program that asked for them.
func (m *model) mouse(msg tea.MouseMsg) tea.Cmd {
	r := m.layout.panes[paneShell]
	if m.stage != running || m.focus != paneShell || m.shell.term == nil || !m.shell.frame.mouse || !r.contains(msg.Mouse().X, msg.Mouse().Y) {
		return nil
	}
	var ev uv.MouseEvent
	switch msg := msg.(type) {
	case tea.MouseClickMsg:
		e := uv.MouseClickEvent(msg)
		e.X, e.Y = e.X-r.x, e.Y-r.y
		ev = e
	case tea.MouseReleaseMsg:
		e := uv.MouseReleaseEvent(msg)
		e.X, e.Y = e.X-r.x, e.Y-r.y
		ev = e
	case tea.MouseWheelMsg:
		e := uv.MouseWheelEvent(msg)
		e.X, e.Y = e.X-r.x, e.Y-r.y
		ev = e
	case tea.MouseMotionMsg:
		e := uv.MouseMotionEvent(msg)
		e.X, e.Y = e.X-r.x, e.Y-r.y
		ev = e
	default:
		return nil
	}
	if err := m.shell.term.Mouse(ev); err != nil {
		m.notice = err.Error()
	}
	return nil
}

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
	case m.touring():
		return m.endTour()
	case m.confirm != nil:
		c := m.confirm
		m.confirm = nil
		if m.keys.in(scopeConfirm).at(name) == actYes {
			return c.yes()
		}
		return nil
	case m.shell.own:
		m.shell.own = false
		return nil
	case m.help:
		switch by := steps(m.keys.in(scopeOverlay).at(name), m.height/2); by {
		case 0:
			m.help, m.helpScroll = false, 0
		default:
			m.helpScroll = max(m.helpScroll, 0) + by
		}
		return nil
	case m.prefixed:
		m.prefixed = false
		if k.Keystroke() == m.keys.prefix {
			return m.toShell(k) // twice sends it to the program
		}
		return m.do(m.keys.in(scopePrefix).at(name))
	case k.Keystroke() == m.keys.prefix:
		m.prefixed, m.resizing = true, false
		return nil
	case m.resizing:
		done := m.keys.in(scopeResize).at(name) == actDone
		if a := m.keys.in(scopePrefix).at(name); !done && resizes(a) {
			return m.resize(a)
		}
		m.resizing = false
		if done {
			return nil
		}
	}
	switch {
	case m.overlay.open:
		return m.keyOverlay(k)
	case m.prompting():
		return m.keyPrompt(k)
	case m.focus == paneShell:
		return m.toShell(k)
	case m.focus == paneLesson:
		return m.do(m.keys.in(scopeLesson).at(name))
	}
	return m.do(m.keys.in(scopeCluster).at(name))
}

func (m *model) keyStarting(name string) tea.Cmd {
	a := m.keys.in(scopeStart).at(name)
	if a == actAbort || m.stage == failed && a == actLeave {
		return m.quit(nil)
	}
	return nil
}

// do does what a key asks for.
func (m *model) do(a action) tea.Cmd {
	switch a {
	case actLesson:
		return m.setFocus(paneLesson)
	case actCluster:
		return m.setFocus(paneCluster)
	case actShell:
		return m.setFocus(paneShell)
	case actForward:
		return m.setFocus((m.focus + 1) % 3)
	case actBackward:
		return m.setFocus((m.focus + 2) % 3)
	case actHistory:
		return m.browseHistory()
	case actOwn:
		return m.ownTerminal()
	case actHistUp:
		return m.scrollShell(1)
	case actHistDown:
		return m.scrollShell(-1)
	case actMouse:
		m.noMouse = !m.noMouse
		if m.notice = m.words.say("mouse_on"); m.noMouse {
			m.notice = m.words.say("mouse_off")
		}
	case actSuspend:
		return m.suspend()
	case actHelp:
		m.help = true
	case actQuit:
		return m.askQuit()
	case actMap:
		return m.askMap()
	case actZoom, actArrange, actLeft, actRight, actUp, actDown, actEven:
		return m.resize(a)
	case actLineUp, actLineDown, actPageUp, actPageDown, actTop, actBottom:
		m.move(a)
	case actDescribe, actYAML, actLogs, actPrevious:
		return m.read(a)
	case actEvents:
		m.showEvents()
	case actInsert:
		return m.insertCommand()
	case actCopy:
		return m.copyCommand()
	case actNextCmd:
		m.moveCommand(1)
	case actPrevCmd:
		m.moveCommand(-1)
	case actHint, actNext, actBack, actAnswer, actReset, actRetry, actDraw:
		return m.lessonCommand(a)
	}
	return nil
}

// lessonCommand is a command to the lesson.
func (m *model) lessonCommand(a action) tea.Cmd {
	page, s, w := m.lesson.page, m.running.Session, m.words
	if page.Phase == lessons.PhaseSetup {
		m.notice = w.say("preparing")
		return nil
	}
	ask := func(question string, do func()) {
		m.confirm = &confirm{w.say(question), func() tea.Cmd { return tea.Batch(m.closePrompt(), act(do)) }}
	}
	switch a {
	case actHint:
		if page.Hints >= len(page.Text.Hints) {
			m.notice = w.say("no_more_hints")
			return nil
		}
		m.lesson.follow = true
		return act(s.OpenHint)
	case actNext:
		switch {
		case page.Index+1 >= page.Count:
			m.notice = w.say("last_step", "Key", m.chord(actQuit))
		case m.met():
			return tea.Batch(m.closePrompt(), act(s.Next))
		default:
			ask("confirm_skip", s.Next)
		}
	case actBack:
		if page.Index == 0 {
			m.notice = w.say("first_step")
			return nil
		}
		ask("confirm_back", s.Previous)
	case actReset:
		ask("confirm_reset", s.Reset)
	case actRetry:
		if !m.lesson.violated() {
			m.notice = w.say("nothing_broken")
			return nil
		}
		return act(s.Retry)
	case actDraw:
		return m.draw()
	case actAnswer:
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

// draw draws another case, after a question when the present one is not solved.
func (m *model) draw() tea.Cmd {
	page, s := m.lesson.page, m.running.Session
	if page.Seed == 0 {
		m.notice = m.words.say("no_cases")
		return nil
	}
	draw := func() tea.Cmd {
		return tea.Batch(m.closePrompt(), func() tea.Msg {
			if err := s.Draw(page.Step, 0); err != nil {
				return noticeMsg(err.Error())
			}
			return nil
		})
	}
	if m.met() {
		return draw()
	}
	m.confirm = &confirm{m.words.say("confirm_draw", "Seed", page.Seed), draw}
	return nil
}

func (m *model) askQuit() tea.Cmd {
	if m.met() {
		return m.quit(nil)
	}
	m.confirm = &confirm{m.words.say("confirm_quit"), func() tea.Cmd { return m.quit(nil) }}
	return nil
}

// askMap leaves for the map of the lessons, after a question: the shell ends.
func (m *model) askMap() tea.Cmd {
	m.confirm = &confirm{m.words.say("confirm_map"), func() tea.Cmd { return m.quit(ErrMap) }}
	return nil
}

// move scrolls the lesson, or moves through the cluster.
func (m *model) move(a action) {
	by := steps(a, m.layout.panes[m.focus].h/2)
	switch m.focus {
	case paneLesson:
		m.lesson.scrollBy(by)
	case paneCluster:
		m.cluster.moveBy(by)
	}
}

// steps is how many lines an action moves, half a page being half; 0 for one
// that does not move.
func steps(a action, half int) int {
	half = max(half, 1)
	return map[action]int{actLineDown: 1, actLineUp: -1, actPageDown: half, actPageUp: -half, actTop: -1 << 20, actBottom: 1 << 20}[a]
}

// toShell gives a key to the program in the shell, or starts a new shell when
// the last has ended.
func (m *model) toShell(k tea.KeyPressMsg) tea.Cmd {
	if m.shell.browse != nil {
		return m.keyBrowse(k)
	}
	if m.shell.ended() {
		if m.keys.in(scopeShell).at(k.String()) == actFresh {
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
	scrolled := m.shell.follow()
	if err := m.shell.term.Key(uv.Key(k)); err != nil {
		m.notice = err.Error()
	}
	if scrolled {
		return m.redrawShell()
	}
	return nil
}

func (m *model) paste(text string) tea.Cmd {
	switch {
	case m.stage != running || m.touring() || m.confirm != nil || m.help || m.shell.own:
	case m.prompting():
		m.lesson.touch()
		m.lesson.prompt.insert(strings.Join(strings.Fields(text), " "))
	case m.focus == paneShell && m.shell.browse != nil:
		if m.shell.browse.typing {
			m.shell.browse.add(text)
		}
	case m.focus == paneShell && m.shell.term != nil && !m.shell.ended():
		m.shell.follow()
		if err := m.shell.term.Paste(text); err != nil {
			m.notice = err.Error()
		}
	}
	return nil
}

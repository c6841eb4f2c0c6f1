package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/lessons"
)

// do does what a key asks for.
func (m *model) do(a action) tea.Cmd {
	switch a {
	case actLesson:
		return m.goTo(paneLesson)
	case actCluster:
		return m.goTo(paneCluster)
	case actShell:
		return m.goTo(paneShell)
	case actForward:
		return m.goTo((m.focus + 1) % 3)
	case actBackward:
		return m.goTo((m.focus + 2) % 3)
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
		m.openHelp()
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
	if page.State == lessons.StateSetup {
		m.notice = w.say("preparing")
		return nil
	}
	ask := func(question string, do func()) {
		m.ask(w.say(question), func() tea.Cmd { return tea.Batch(m.closePrompt(), inCommand(do)) })
	}
	switch a {
	case actHint:
		if page.Hints >= len(page.Text.Hints) {
			m.notice = w.say("no_more_hints")
			return nil
		}
		m.uncover()
		m.lesson.follow = true
		return inCommand(s.OpenHint)
	case actNext:
		switch {
		case page.Index+1 >= page.Count:
			m.notice = w.say("last_step", "Key", m.chord(actQuit))
		case m.met():
			return tea.Batch(m.closePrompt(), inCommand(s.Next))
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
		return inCommand(s.Retry)
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
		return m.goTo(paneLesson)
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
	m.ask(m.words.say("confirm_draw", "Seed", page.Seed), draw)
	return nil
}

func (m *model) askQuit() tea.Cmd {
	if m.met() {
		return m.quit(nil)
	}
	m.ask(m.words.say("confirm_quit"), func() tea.Cmd { return m.quit(nil) })
	return nil
}

// askMap leaves for the map of the lessons, after a question: the shell ends.
func (m *model) askMap() tea.Cmd {
	m.ask(m.words.say("confirm_map"), func() tea.Cmd { return m.quit(ErrMap) })
	return nil
}

// move scrolls the lesson, or moves through the cluster.
func (m *model) move(a action) {
	by := linesBy(a, m.layout.panes[m.focus].h/2)
	switch m.focus {
	case paneLesson:
		m.lesson.scrollBy(by)
	case paneCluster:
		m.cluster.moveBy(by)
	}
}

// linesBy is how many lines an action moves, half a page being half; 0 for one
// that does not move.
func linesBy(a action, half int) int {
	half = max(half, 1)
	return map[action]int{actLineDown: 1, actLineUp: -1, actPageDown: half, actPageUp: -half, actTop: -1 << 20, actBottom: 1 << 20}[a]
}

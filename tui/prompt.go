package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/text/width"

	"github.com/k8stutor/k8stutor/lessons"
)

// ending is why a prompt takes no answer any more.
type ending int

const (
	promptOpen ending = iota
	promptDone        // the question was answered in another way
	promptGone        // its step restarted
)

// prompt is the line in which a question is answered.
type prompt struct {
	inPane
	check   string
	line    inputLine
	last    string // the answer that was sent last
	waiting bool   // it is on its way to the lesson
	right   bool   // the answer to the question before was right
	idle    bool   // another pane has the focus
	over    ending
}

// answeredMsg says that the lesson has taken an answer.
type answeredMsg struct{ prompt *prompt }

// answer is what was typed; the number of an option stands for that option, and
// may be full-width.
func (p *prompt) answer(o *lessons.Outcome) string {
	text := strings.TrimSpace(p.line.text)
	number := width.Fold.String(text)
	if q := p.question(o); q != nil && len(number) == 1 && number[0] >= '1' && number[0] <= '9' {
		if i := int(number[0] - '1'); i < len(q.Options) && !slices.Contains(q.Options, text) {
			return q.Options[i]
		}
	}
	return text
}

// question finds the check that is being answered.
func (p *prompt) question(o *lessons.Outcome) *lessons.CheckResult {
	if o == nil {
		return nil
	}
	for i := range o.Checks {
		if o.Checks[i].ID == p.check {
			return &o.Checks[i]
		}
	}
	return nil
}

// place is the number of the question among those of the step, from 1, how many
// they are, and how many of them are open.
func (p *prompt) place(o *lessons.Outcome) (number, count, open int) {
	if o == nil {
		return 0, 0, 0
	}
	for _, c := range o.Checks {
		if c.Question == "" {
			continue
		}
		count++
		if c.ID == p.check {
			number = count
		}
		if c.Verdict != lessons.Met {
			open++
		}
	}
	return number, count, open
}

// next is the next open question after this one, around the end; nil when there
// is no other.
func (p *prompt) next(o *lessons.Outcome) *lessons.CheckResult {
	if o == nil {
		return nil
	}
	at := max(slices.IndexFunc(o.Checks, func(c lessons.CheckResult) bool { return c.ID == p.check }), 0)
	for i := range o.Checks {
		c := &o.Checks[(at+1+i)%len(o.Checks)]
		if c.Question != "" && c.Verdict != lessons.Met && c.ID != p.check {
			return c
		}
	}
	return nil
}

// closePrompt gives up the answer. Who was typing it goes back to the shell.
func (m *model) closePrompt() tea.Cmd {
	if m.lesson.prompt == nil {
		return nil
	}
	m.lesson.prompt = nil
	m.lesson.touch()
	if m.focus != paneLesson {
		return nil
	}
	return m.setFocus(paneShell)
}

// key edits the answer to a question.
func (p *prompt) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	o, name := m.lesson.outcome(), k.String()
	a := m.keys.in(scopeAnswer).at(name)
	if p.over != promptOpen {
		if a != actSend && a != actCancel {
			return nil // typed for an answer
		}
		if q := p.next(o); q != nil && a == actSend && p.over == promptDone {
			m.lesson.prompt = &prompt{check: q.ID}
			return nil
		}
		return m.closePrompt()
	}
	switch a {
	case actCancel:
		return m.closePrompt()
	case actQuestion:
		if q := p.next(o); q != nil {
			m.lesson.prompt = &prompt{check: q.ID}
		}
	case actRecall:
		if p.line.text == "" {
			p.line.insert(p.last)
		}
	case actSend:
		answer := p.answer(o)
		if answer == "" || p.waiting {
			return nil
		}
		p.last, p.waiting, p.right, p.line = answer, true, false, inputLine{}
		s := m.running.Session
		return func() tea.Msg {
			s.Answer(p.check, answer)
			return answeredMsg{p}
		}
	default:
		p.line.key(m.keys.in(scopeEdit).at(name), k)
	}
	return nil
}

func (p *prompt) paste(m *model, text string) tea.Cmd {
	if p.over == promptOpen {
		p.line.paste(text)
		m.lesson.touch()
	}
	return nil
}

// cursor is where the answer is typed, when that is in sight.
func (p *prompt) cursor(m *model) *tea.Cursor {
	r, at := m.layout.panes[paneLesson], m.lesson.caret
	if at == nil || r.h == 0 {
		return nil
	}
	return tea.NewCursor(r.x+at.x, r.y+at.y)
}

func (p *prompt) footer(m *model) (string, bool) {
	key := func(a action) string { return m.keys.name(scopeAnswer, a) }
	if p.over != promptOpen {
		return m.keyHints(key(actSend), "go_on"), false
	}
	if _, _, open := p.place(m.lesson.outcome()); open > 1 {
		return m.keyHints(key(actSend), "send", key(actQuestion), "question", key(actCancel), "shell"), false
	}
	return m.keyHints(key(actSend), "send", key(actCancel), "shell"), false
}

func (*prompt) scopes() []scope { return []scope{scopeAnswer} }

// afterAnswer goes on when an update of the lesson has closed the question that
// is being answered: to the next open one, or back to the shell. What is being
// typed at that moment never ends up in the shell: then it waits for Enter.
func (m *model) afterAnswer() tea.Cmd {
	p, o := m.lesson.prompt, m.lesson.outcome()
	if p == nil {
		return nil
	}
	p.waiting = false
	q := p.question(o)
	if q != nil && q.Verdict != lessons.Met && p.over == promptOpen {
		return nil
	}
	switch next := p.next(o); {
	case m.focus != paneLesson:
		m.lesson.prompt = nil
	case p.over != promptOpen:
	case q == nil:
		p.over = promptGone
	case p.last == "":
		p.over = promptDone // not by an answer from here
	case next != nil:
		m.lesson.prompt = &prompt{check: next.ID, line: p.line, right: true}
	case p.line.text != "":
		p.over = promptDone
	default:
		m.praise = m.words.say("all_answered")
		return m.closePrompt()
	}
	return nil
}

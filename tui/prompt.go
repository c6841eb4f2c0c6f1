package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/lessons"
)

// ending is why a prompt takes no answer any more.
type ending int

const (
	promptOpen ending = iota
	promptDone        // the question was answered in another way
	promptGone        // its step began anew
)

// prompt is the line in which a question is answered.
type prompt struct {
	check   string
	text    []rune
	pos     int
	last    string // the answer that was sent last
	waiting bool   // it is on its way to the lesson
	right   bool   // the answer to the question before was right
	idle    bool   // another pane has the focus
	over    ending
}

// answeredMsg says that the lesson has taken an answer.
type answeredMsg struct{ prompt *prompt }

func (p *prompt) insert(s string) {
	if p.over != promptOpen {
		return
	}
	r := []rune(s)
	p.text = slices.Insert(p.text, p.pos, r...)
	p.pos += len(r)
}

// edit does what a key asks for, or types it.
func (p *prompt) edit(a action, k tea.KeyPressMsg) {
	if a == "" && k.Text != "" {
		p.insert(k.Text)
		return
	}
	p.text, p.pos = edited(a, p.text, p.pos)
}

// edited is a line of text and the place of the cursor in it after an action.
func edited(a action, text []rune, pos int) ([]rune, int) {
	switch a {
	case actErase:
		if pos > 0 {
			return slices.Delete(text, pos-1, pos), pos - 1
		}
	case actEraseNext:
		if pos < len(text) {
			return slices.Delete(text, pos, pos+1), pos
		}
	case actCurLeft:
		return text, max(pos-1, 0)
	case actCurRight:
		return text, min(pos+1, len(text))
	case actCurStart:
		return text, 0
	case actCurEnd:
		return text, len(text)
	case actEraseLine:
		return text[pos:], 0
	case actEraseWord:
		before := strings.TrimRight(string(text[:pos]), " ")
		kept := []rune(before[:strings.LastIndex(before, " ")+1])
		return append(kept, text[pos:]...), len(kept)
	}
	return text, pos
}

// answer is what was typed; the number of an option stands for that option.
func (p *prompt) answer(o *lessons.Outcome) string {
	text := strings.TrimSpace(string(p.text))
	if q := p.question(o); q != nil && len(text) == 1 && text[0] >= '1' && text[0] <= '9' {
		if i := int(text[0] - '1'); i < len(q.Options) && !slices.Contains(q.Options, text) {
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

// prompting tells whether keys go to the answer of a question.
func (m *model) prompting() bool { return m.lesson.prompt != nil && m.focus == paneLesson }

// closePrompt gives up the answer and goes back to the shell.
func (m *model) closePrompt() tea.Cmd {
	if m.lesson.prompt == nil {
		return nil
	}
	m.lesson.prompt = nil
	m.lesson.touch()
	return m.setFocus(paneShell)
}

// keyPrompt edits the answer to a question.
func (m *model) keyPrompt(k tea.KeyPressMsg) tea.Cmd {
	p, o, name := m.lesson.prompt, m.lesson.outcome(), k.String()
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
		if len(p.text) == 0 {
			p.insert(p.last)
		}
	case actSend:
		answer := p.answer(o)
		if answer == "" || p.waiting {
			return nil
		}
		p.last, p.waiting, p.right, p.text, p.pos = answer, true, false, nil, 0
		s := m.running.Session
		return func() tea.Msg {
			s.Answer(p.check, answer)
			return answeredMsg{p}
		}
	default:
		p.edit(m.keys.in(scopeEdit).at(name), k)
	}
	return nil
}

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
		m.lesson.prompt = &prompt{check: next.ID, text: p.text, pos: p.pos, right: true}
	case len(p.text) > 0:
		p.over = promptDone
	default:
		m.praise = m.words.say("all_answered")
		return m.closePrompt()
	}
	return nil
}

package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/lessons"
)

// prompt is the line in which a question is answered.
type prompt struct {
	check string
	text  []rune
	pos   int
}

func (p *prompt) insert(s string) {
	r := []rune(s)
	p.text = slices.Insert(p.text, p.pos, r...)
	p.pos += len(r)
}

func (p *prompt) key(k tea.KeyPressMsg) {
	switch k.String() {
	case "backspace":
		if p.pos > 0 {
			p.text = slices.Delete(p.text, p.pos-1, p.pos)
			p.pos--
		}
	case "delete":
		if p.pos < len(p.text) {
			p.text = slices.Delete(p.text, p.pos, p.pos+1)
		}
	case "left", "ctrl+b":
		p.pos = max(p.pos-1, 0)
	case "right", "ctrl+f":
		p.pos = min(p.pos+1, len(p.text))
	case "home", "ctrl+a":
		p.pos = 0
	case "end", "ctrl+e":
		p.pos = len(p.text)
	case "ctrl+u":
		p.text, p.pos = p.text[p.pos:], 0
	case "ctrl+w":
		before := strings.TrimRight(string(p.text[:p.pos]), " ")
		before = before[:strings.LastIndex(before, " ")+1]
		rest := p.text[p.pos:]
		p.pos = len([]rune(before))
		p.text = append([]rune(before), rest...)
	default:
		if k.Text != "" {
			p.insert(k.Text)
		}
	}
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

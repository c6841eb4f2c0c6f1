package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// A text of more lines than longText is rendered by a command, and until that
// has come, the screen shows its first headText lines.
const (
	longText = 600
	headText = 150
)

// bodyKey is all that the rendered text depends on.
type bodyKey struct {
	step  string
	title string
	body  string
	hints string
	end   string
	width int
	md    *markdown
}

// long reports whether rendering takes its time.
func (k bodyKey) long() bool {
	return strings.Count(k.body, "\n")+strings.Count(k.hints, "\n")+strings.Count(k.end, "\n") > longText
}

// bodyWords are the headings in a text, said beforehand, because commands may
// not use the words.
type bodyWords struct {
	hints   []string
	debrief string
}

// renderedMsg is a long text that a command has rendered.
type renderedMsg struct {
	key  bodyKey
	body rendered
}

// keyFor is the key of the text at a width, with the hints that are open.
func (p *lessonPane) keyFor(width int) (key bodyKey, hints []string) {
	text := p.page.Text
	hints = text.Hints[:min(p.page.Hints, len(text.Hints))]
	key = bodyKey{p.page.Step, text.Title, text.Body, strings.Join(hints, "\x00"), "", width, p.markdown}
	if p.outcome() != nil && p.outcome().Met {
		key.end = text.Debrief
	}
	return key, hints
}

func (p *lessonPane) headings(w *words, hints []string) bodyWords {
	out := bodyWords{debrief: w.say("debrief")}
	for i := range hints {
		out.hints = append(out.hints, w.say("hint", "Number", i+1, "Count", len(p.page.Text.Hints)))
	}
	return out
}

// render redraws the text when it has changed; of a long text
// only the beginning, until a command has rendered it.
func (p *lessonPane) render(width int, w *words, s *styles) {
	key, hints := p.keyFor(width)
	if key == p.bodyFor {
		return
	}
	p.bodyFor, p.partial = key, key.long()
	if p.partial {
		key.body, key.end = head(key.body, headText), ""
		hints = nil
	}
	p.setBody(compose(p.markdown, key, hints, p.headings(w, hints), s))
}

func (p *lessonPane) setBody(r rendered) {
	p.body, p.commands = r.lines, r.commands
	p.command = min(p.command, len(p.commands)-1)
}

// renderLong renders a long text that is not rendered yet.
func (p *lessonPane) renderLong(width int, w *words, s *styles) tea.Cmd {
	if p.page.Count == 0 || width <= 0 {
		return nil
	}
	key, hints := p.keyFor(width)
	if !key.long() || key == p.rendering || key == p.bodyFor && !p.partial {
		return nil
	}
	p.rendering = key
	headings := p.headings(w, hints)
	return func() tea.Msg {
		md, err := newMarkdown(s) // glamour's renderer serves one goroutine
		if err != nil {
			return nil
		}
		return renderedMsg{key, compose(md, key, hints, headings, s)}
	}
}

// take shows a text that was rendered, unless the text has changed since.
func (p *lessonPane) take(msg renderedMsg) {
	if msg.key != p.rendering {
		return
	}
	p.rendering = bodyKey{}
	p.bodyFor, p.partial = msg.key, false
	p.setBody(msg.body)
	p.touch()
}

// compose puts title, text, hints and debrief below each other.
func compose(md *markdown, key bodyKey, hints []string, say bodyWords, s *styles) rendered {
	out := rendered{lines: append(wrap(s.title.Render(key.title), key.width, ""), "")}
	out.add(md.render(key.body, key.width))
	for i, h := range hints {
		out.lines = append(out.lines, "", s.waitBold.Render(say.hints[i]), "")
		out.add(md.render(h, key.width))
	}
	if key.end != "" {
		out.lines = append(out.lines, "", s.goodBold.Render("✓ "+say.debrief), "")
		out.add(md.render(key.end, key.width))
	}
	return out
}

// head is the first lines of a text, up to a blank line outside of code.
func head(text string, lines int) string {
	fenced, n := false, 0
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		line := text[at : at+end]
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		at += end + 1
		if n++; n >= lines && !fenced && line == "" || n >= 2*lines {
			return text[:at]
		}
	}
	return text
}

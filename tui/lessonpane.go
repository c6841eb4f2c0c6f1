package tui

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/k8stutor/k8stutor/lessons"
)

// compactHeight is the height below which the checks take one line each, so
// that the text has room.
const compactHeight = 20

// lessonPane shows a step: its text, which scrolls, over its checks, which are
// always in sight.
type lessonPane struct {
	markdown  *markdown
	page      lessons.Update
	prompt    *prompt
	scroll    int
	most      int  // how far it can be scrolled
	follow    bool // show what comes to the end of the text next
	body      []string
	commands  []command // in the body
	command   int       // the chosen one; -1 for none
	room      int       // lines for the body
	caret     *point    // where an answer is typed, in the pane; nil for nowhere in sight
	bodyFor   bodyKey
	partial   bool    // the body is only the beginning of a long text
	rendering bodyKey // what a command is rendering
	version   int     // counts what may have changed the picture
	cache     []string
	cacheFor  lessonKey
}

// point is a cell.
type point struct{ x, y int }

// lessonKey is all that the picture depends on.
type lessonKey struct {
	version int
	rect    rect
	styles  *styles
}

// touch says that the picture may have changed.
func (p *lessonPane) touch() { p.version++ }

func (p *lessonPane) setMarkdown(md *markdown) { p.markdown = md }

// set takes what is new of the lesson.
func (p *lessonPane) set(u lessons.Update) {
	p.touch()
	if u.Entry != p.page.Entry || u.Step != p.page.Step {
		p.scroll, p.follow, p.command = 0, false, -1
		if p.prompt != nil {
			p.prompt.over = promptGone
		}
	} else if before := p.outcome(); u.Outcome.Met && before != nil && !before.Met && u.Text.Debrief != "" {
		p.follow = true // it was just met: show the debrief
	}
	p.page = u
}

// outcome is how the step stands, nil while it is being prepared.
func (p *lessonPane) outcome() *lessons.Outcome {
	if p.page.State != lessons.StateActive || p.page.Outcome.Step != p.page.Step {
		return nil
	}
	return &p.page.Outcome
}

// violated reports whether an invariant of the step was broken.
func (p *lessonPane) violated() bool {
	return p.outcome() != nil && slices.ContainsFunc(p.outcome().Checks, func(c lessons.CheckResult) bool {
		return c.Verdict == lessons.Violated
	})
}

func (p *lessonPane) scrollBy(n int) {
	p.scroll = min(max(min(p.scroll, p.most)+n, 0), p.most)
	p.touch()
}

// lines draws the pane, or gives what was drawn last when nothing has changed.
func (p *lessonPane) lines(r rect, w *words, s *styles, keys *Keymap) []string {
	key := lessonKey{p.version, r, s}
	if p.cache == nil || key != p.cacheFor {
		p.cache, p.cacheFor = p.draw(r, w, s, keys), key
	}
	return p.cache
}

func (p *lessonPane) draw(r rect, w *words, s *styles, keys *Keymap) []string {
	if p.page.Count == 0 {
		return pad([]string{s.dim.Render(w.say("lesson_waiting"))}, r)
	}
	old := len(p.body)
	p.render(r.w, w, s)
	room := max((r.h-1)/2, r.h-len(p.body)-1) // the text has the better half
	view := &checksView{lessonPane: p, width: r.w, compact: r.h < compactHeight, words: w, styles: s, keys: keys}
	head, checks := view.lines(room)
	at := -1 // the line with the head
	if head != "" {
		checks, at = append([]string{head}, checks...), 0
		if !view.compact {
			checks, at = append([]string{""}, checks...), 1
		}
	}
	line := len(checks) - view.typedBelow // of what is typed, counted from 1
	checks = checks[:min(len(checks), r.h)]
	room = max(r.h-len(checks), 0)
	p.caret = nil
	if view.typed && line <= len(checks) {
		p.caret = &point{view.typedAt, room + line - 1}
	}
	p.room = room
	if p.follow {
		p.follow = old == len(p.body) // nothing new yet
		if !p.follow {
			p.scroll = old + 1
		}
	}
	// A pane that grows and shrinks again shows the same as before, so what is
	// shown is limited here, and the wish is kept.
	p.most = max(len(p.body)-room, 0)
	first := min(p.scroll, p.most)
	out := pad(p.body[first:min(first+room, len(p.body))], rect{w: r.w, h: room})
	p.drawChosen(out, first, r.w, s)
	if below := len(p.body) - first - room; below > 0 {
		if at >= 0 {
			checks[at] = view.rule(head, below)
		} else if room > 0 {
			label := view.more(below + 1)
			out[room-1] = fit(strings.Repeat(" ", max(r.w-ansi.StringWidth(label), 0))+label, r.w)
		}
	} else if at >= 0 {
		checks[at] = view.rule(head, 0)
	}
	return append(out, pad(checks, rect{w: r.w, h: len(checks)})...)
}

// pad makes the lines fill the rectangle exactly.
func pad(lines []string, r rect) []string {
	out := make([]string, r.h)
	for i := range out {
		if i < len(lines) {
			out[i] = fit(lines[i], r.w)
		} else {
			out[i] = strings.Repeat(" ", r.w)
		}
	}
	return out
}

// oneLine puts text from elsewhere on one line, without control characters.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(ansi.Strip(s), func(r rune) bool {
		return r == '\n' || r == '\r' || r == '\t' || r == ' ' || r < ' ' || r >= 0x7f && r < 0xa0
	}), " ")
}

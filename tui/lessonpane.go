package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/k8stutor/k8stutor/lessons"
)

// lessonPane shows a step: its text, which scrolls, over its checks, which are
// always in sight.
type lessonPane struct {
	markdown *markdown
	page     lessons.Update
	prompt   *prompt
	scroll   int
	follow   bool // show what comes to the end of the text next
	body     []string
	bodyFor  bodyKey
	version  int // counts what may have changed the picture
	cache    []string
	cacheFor lessonKey
}

// lessonKey is all that the picture depends on.
type lessonKey struct {
	version int
	rect    rect
	styles  *styles
}

// touch says that the picture may have changed.
func (p *lessonPane) touch() { p.version++ }

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

func (p *lessonPane) setMarkdown(md *markdown) { p.markdown = md }

// set takes what is new of the lesson.
func (p *lessonPane) set(u lessons.Update) {
	p.touch()
	if u.Entry != p.page.Entry || u.Step != p.page.Step {
		p.scroll, p.follow, p.prompt = 0, false, nil
	} else if before := p.outcome(); u.Outcome.Met && before != nil && !before.Met && u.Text.Debrief != "" {
		p.follow = true // it was just met: show the debrief
	}
	p.page = u
	if p.prompt != nil {
		if q := p.prompt.question(p.outcome()); q == nil || q.Verdict == lessons.Met {
			p.prompt = nil
		}
	}
}

// outcome is how the step stands, nil while it is being prepared.
func (p *lessonPane) outcome() *lessons.Outcome {
	if p.page.Phase != lessons.PhaseActive || p.page.Outcome.Step != p.page.Step {
		return nil
	}
	return &p.page.Outcome
}

// violated tells whether an invariant of the step was broken.
func (p *lessonPane) violated() bool {
	return p.outcome() != nil && slices.ContainsFunc(p.outcome().Checks, func(c lessons.CheckResult) bool {
		return c.Verdict == lessons.Violated
	})
}

func (p *lessonPane) scrollBy(n int) {
	p.scroll = max(p.scroll+n, 0)
	p.touch()
}

// lines draws the pane, or gives what was drawn last when nothing has changed.
func (p *lessonPane) lines(r rect, w *words, s *styles, prefix string) []string {
	key := lessonKey{p.version, r, s}
	if p.cache == nil || key != p.cacheFor {
		p.cache, p.cacheFor = p.draw(r, w, s, prefix), key
	}
	return p.cache
}

func (p *lessonPane) draw(r rect, w *words, s *styles, prefix string) []string {
	if p.page.Count == 0 {
		return pad([]string{s.dim.Render(w.say("lesson_waiting"))}, r)
	}
	checks := p.checks(r.w, max(r.h-4, r.h/2), w, s, prefix)
	if len(checks) > 0 && r.h >= 16 {
		checks = append([]string{""}, checks...)
	}
	room := max(r.h-len(checks), 0)
	old := len(p.body)
	p.render(r.w, w, s)
	if p.follow {
		p.follow = old == len(p.body) // nothing new yet
		if !p.follow {
			p.scroll = max(min(old+1, len(p.body)-room), 0)
		}
	}
	p.scroll = max(min(p.scroll, len(p.body)-room), 0)
	text := p.body[p.scroll:min(p.scroll+room, len(p.body))]
	out := pad(text, rect{w: r.w, h: room})
	if more := len(p.body) - p.scroll - room; more > 0 && room > 0 {
		label := s.dim.Render(w.say("more_below", "Count", more+1)) + " " + s.key.Render(prefix+" l")
		out[room-1] = fit(strings.Repeat(" ", max(r.w-ansi.StringWidth(label), 0))+label, r.w)
	}
	return append(out, pad(checks, rect{w: r.w, h: min(len(checks), r.h)})...)
}

// render draws the text anew when something of it has changed.
func (p *lessonPane) render(width int, w *words, s *styles) {
	text := p.page.Text
	hints := text.Hints[:min(p.page.Hints, len(text.Hints))]
	met := p.outcome() != nil && p.outcome().Met
	key := bodyKey{p.page.Step, text.Title, text.Body, strings.Join(hints, "\x00"), "", width, p.markdown}
	if met {
		key.end = text.Debrief
	}
	if key == p.bodyFor {
		return
	}
	p.bodyFor = key
	out := wrap(s.title.Render(text.Title), width, "")
	out = append(out, "")
	out = append(out, p.markdown.lines(text.Body, width)...)
	for i, h := range hints {
		out = append(out, "", s.waitBold.Render(w.say("hint", "Number", i+1, "Count", len(text.Hints))), "")
		out = append(out, p.markdown.lines(h, width)...)
	}
	if met && text.Debrief != "" {
		out = append(out, "", s.goodBold.Render("✓ "+w.say("debrief")), "")
		out = append(out, p.markdown.lines(text.Debrief, width)...)
	}
	p.body = out
}

// checks draws the checks in at most room lines: what is open matters more
// than what is met.
func (p *lessonPane) checks(width, room int, w *words, s *styles, prefix string) []string {
	o := p.outcome()
	if o == nil {
		return p.foot(width, w, s, prefix)
	}
	met := 0
	for _, c := range o.Checks {
		if c.Verdict == lessons.Met {
			met++
		}
	}
	head := s.heading.Render(w.say("checks", "Met", met, "Count", len(o.Checks)))
	head += " " + s.border.Render(strings.Repeat("─", max(width-ansi.StringWidth(head)-1, 0)))
	foot := p.foot(width, w, s, prefix)
	room -= 1 + len(foot)
	full := p.checkLines(width, len(o.Checks), true, w, s)
	if len(full) > room {
		full = p.checkLines(width, 1, true, w, s)
	}
	if len(full) > room {
		full = p.checkLines(width, 1, false, w, s)
	}
	if len(full) > room {
		full = full[:max(room, 0)]
	}
	return append(append([]string{head}, full...), foot...)
}

// checkLines draws the checks; whys is for how many open ones it says why not
// yet, wrapped whether long titles may take two lines.
func (p *lessonPane) checkLines(width, whys int, wrapped bool, w *words, s *styles) []string {
	var out []string
	for _, c := range p.outcome().Checks {
		m, word := verdict(c.Verdict)
		title := s.text.Render(c.Title)
		if c.Verdict == lessons.Met {
			title = s.dim.Render(c.Title)
		}
		right := s.of(m).Render(w.say(word))
		room := max(width-2-ansi.StringWidth(right)-2, 8)
		parts := []string{title}
		if wrapped {
			parts = wrap(title, room, "")
		}
		for i, part := range parts {
			if i == 0 {
				out = append(out, spread(s.mark(m)+" "+fit(part, room), right, width))
			} else {
				out = append(out, "  "+part)
			}
		}
		if c.Verdict == lessons.Met || whys == 0 {
			continue
		}
		if len(c.Why) > 0 {
			whys--
		}
		style := s.dim
		if c.Verdict == lessons.Violated {
			style = s.bad
		}
		for _, why := range c.Why {
			out = append(out, wrap("    "+style.Render(oneLine(why)), width, "    ")...)
		}
	}
	return out
}

// foot is what stands under the checks: what can be done now.
func (p *lessonPane) foot(width int, w *words, s *styles, prefix string) []string {
	var out []string
	say := func(style ink, text string) {
		out = append(out, wrap(style.Render(text), width, "  ")...)
	}
	if p.page.Warning != "" {
		say(s.wait, "! "+oneLine(p.page.Warning))
	}
	switch p.page.Phase {
	case lessons.PhaseSetup:
		say(s.wait, "◐ "+w.say("preparing"))
	case lessons.PhaseFailed:
		say(s.bad, "✗ "+w.say("setup_failed", "Key", prefix)+" "+oneLine(p.page.Detail))
	}
	o := p.outcome()
	if o == nil {
		return out
	}
	if o.Problem != "" {
		say(s.bad, "✗ "+oneLine(o.Problem))
	}
	if p.prompt != nil {
		return append(out, p.promptLines(width, w, s)...)
	}
	switch q := openQuestion(o); {
	case o.Met && p.page.Index+1 >= p.page.Count:
		out = append(out, banner(s.goodBold, "✓ "+w.say("lesson_done"), width))
	case o.Met:
		out = append(out, banner(s.goodBold, "✓ "+w.say("step_done", "Key", prefix), width))
	case p.violated():
		say(s.bad, "✗ "+w.say("to_retry", "Key", prefix))
	case q != nil:
		say(s.accent, "? "+oneLine(q.Question))
		out = append(out, s.dim.Render("  "+w.say("to_answer", "Key", prefix)))
	}
	return out
}

func banner(style ink, text string, width int) string { return fit(style.Render(text), width) }

func (p *lessonPane) promptLines(width int, w *words, s *styles) []string {
	q := p.prompt.question(p.outcome())
	if q == nil {
		return nil
	}
	out := wrap(s.title.Render("? "+oneLine(q.Question)), width, "  ")
	for i, option := range q.Options {
		out = append(out, fit("  "+s.key.Render(fmt.Sprintf("%d", i+1))+" "+s.text.Render(option), width))
	}
	before, at, after := string(p.prompt.text[:p.prompt.pos]), " ", ""
	if p.prompt.pos < len(p.prompt.text) {
		at, after = string(p.prompt.text[p.prompt.pos]), string(p.prompt.text[p.prompt.pos+1:])
	}
	line := s.strong.Render(before) + s.cursor.Render(at) + s.strong.Render(after)
	if over := ansi.StringWidth(before) + 4 - width; over > 0 {
		line = ansi.Cut(line, over, over+width)
	}
	return append(out, fit(s.key.Render("❯ ")+line, width), fit(s.dim.Render("  "+w.say("prompt_keys")), width))
}

func verdict(v lessons.Verdict) (mark, string) {
	switch v {
	case lessons.Met:
		return markGood, "verdict_met"
	case lessons.Converging:
		return markWait, "verdict_converging"
	case lessons.Violated:
		return markBad, "verdict_violated"
	}
	return markOpen, "verdict_unmet"
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

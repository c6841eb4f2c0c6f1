package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/k8stutor/k8stutor/lessons"
)

// checksView draws the checks of a step and what can be done now.
type checksView struct {
	*lessonPane
	width   int
	compact bool // one line each, without what is said elsewhere
	words   *words
	styles  *styles
	keys    *Keymap

	// What foot has drawn: a line in which an answer is typed, the column of
	// the cursor, and how many lines are below it.
	typed               bool
	typedAt, typedBelow int
}

// lines draws the head and what stands under it, in room lines with the head
// where that can be done: what is open matters more than what is met, and what
// can be done now matters most. The head is empty while there are no checks.
func (v *checksView) lines(room int) (head string, lines []string) {
	foot := v.foot()
	o := v.outcome()
	if o == nil {
		return "", foot
	}
	list := v.list(max(room-1-len(foot), 1))
	met := 0
	strip := ""
	for _, c := range o.Checks {
		if c.Verdict == lessons.Met {
			met++
		}
		m, _ := verdict(c.Verdict)
		strip += v.styles.mark(m)
	}
	head = v.styles.heading.Render(v.words.say("checks", "Met", met, "Count", len(o.Checks)))
	if v.compact && strip != "" && 2*(ansi.StringWidth(head)+len(o.Checks)) < v.width {
		head += " " + strip
	}
	return head, append(list, foot...)
}

// rule fills the head's line, and says how many lines of the text are below and
// the key that leads there, as far as there is room.
func (v *checksView) rule(head string, below int) string {
	dashes := v.width - ansi.StringWidth(head) - 1
	line := v.styles.border.Render
	if below > 0 {
		for _, label := range []string{v.more(below), v.styles.dim.Render(fmt.Sprintf(" ↓ %d", below))} {
			if left := dashes - ansi.StringWidth(label) - 3; left >= 2 {
				return head + " " + line(strings.Repeat("─", left)) + label + " " + line("──")
			}
		}
	}
	return fit(head+" "+line(strings.Repeat("─", max(dashes, 0))), v.width)
}

// more says how much of the text is below, and the key that leads there.
func (v *checksView) more(lines int) string {
	return v.styles.dim.Render(v.words.say("more_below", "Count", lines)) + " " + v.styles.key.Render(v.keys.chord(actLesson))
}

// listing says how much of the checks is drawn.
type listing struct {
	whys    int  // for how many open ones it says why not yet
	wrapped bool // long titles may take two lines
	met     bool // with those that are met
}

// list draws the checks in room lines, as much of them as there is room for.
func (v *checksView) list(room int) []string {
	checks := v.outcome().Checks
	if v.compact && (v.outcome().Met || v.prompting()) {
		return nil // the head says it
	}
	ways := []listing{{len(checks), true, true}, {1, true, true}, {1, false, true}, {1, false, false}, {0, false, false}}
	if v.compact {
		ways = ways[2:]
	}
	if v.violated() {
		ways = ways[:len(ways)-1] // what was broken, and how, is what to read
	}
	var out []string
	for _, way := range ways {
		if out = v.draw(way); len(out) <= room {
			return out
		}
	}
	rest := len(out) - room
	out = out[:room]
	label := v.styles.dim.Render(fmt.Sprintf("+%d", rest))
	out[room-1] = spread(strings.TrimRight(out[room-1], " "), label, v.width)
	return out
}

func (v *checksView) prompting() bool { return v.prompt != nil && !v.prompt.idle }

// draw draws the checks in one way. Where there is one reason only, it is that
// of what was broken, or else of the first that is open.
func (v *checksView) draw(way listing) []string {
	checks := v.outcome().Checks
	first := slices.IndexFunc(checks, func(c lessons.CheckResult) bool { return c.Verdict == lessons.Violated })
	if first < 0 {
		first = slices.IndexFunc(checks, func(c lessons.CheckResult) bool { return c.Verdict != lessons.Met })
	}
	var out []string
	for i, c := range checks {
		if c.Verdict == lessons.Met && !way.met {
			continue
		}
		out = append(out, v.check(c, way.wrapped)...)
		if way.whys > 1 || way.whys == 1 && i == first {
			out = append(out, v.why(c, way.wrapped)...)
		}
	}
	return out
}

// check draws one check, without why. Where space is short, the glyph stands
// for the word when the title needs the line, and an open question has the key
// instead.
func (v *checksView) check(c lessons.CheckResult, wrapped bool) []string {
	s := v.styles
	m, word := verdict(c.Verdict)
	title := s.text.Render(c.Title)
	if c.Verdict == lessons.Met {
		title = s.dim.Render(c.Title)
	}
	right := s.of(m).Render(v.words.say(word))
	if v.compact && c.Question != "" && c.Verdict != lessons.Met {
		right = s.key.Render(v.keys.chord(actAnswer)) + " " + s.dim.Render(v.words.say("key_answer"))
	}
	room := max(v.width-2-ansi.StringWidth(right)-2, 8)
	if !wrapped {
		if ansi.StringWidth(title) > room {
			return []string{fit(s.mark(m)+" "+title, v.width)}
		}
		return []string{spread(s.mark(m)+" "+title, right, v.width)}
	}
	var out []string
	for i, part := range wrap(title, room, "") {
		if i == 0 {
			out = append(out, spread(s.mark(m)+" "+fit(part, room), right, v.width))
		} else {
			out = append(out, "  "+part)
		}
	}
	return out
}

// why says why a check is not met; where space is short, that is the question
// for one that has not been answered.
func (v *checksView) why(c lessons.CheckResult, wrapped bool) []string {
	if c.Verdict == lessons.Met || v.prompting() && c.ID == v.prompt.check {
		return nil // the prompt says what was wrong
	}
	style, whys := v.styles.dim, c.Why
	if c.Verdict == lessons.Violated {
		style = v.styles.bad
	}
	if v.compact && c.Question != "" {
		whys = []string{c.Question}
	}
	var out []string
	for _, why := range whys {
		lines := wrap("    "+style.Render(oneLine(why)), v.width, "    ")
		if !wrapped && c.Verdict != lessons.Violated && len(lines) > 1 {
			lines = []string{fit("    "+style.Render(oneLine(why)), v.width)}
		}
		out = append(out, lines...)
	}
	if v.compact && c.Verdict != lessons.Violated && len(out) > 1 {
		out = out[:1]
	}
	return out
}

// foot is what stands under the checks: what can be done now.
func (v *checksView) foot() []string {
	var out []string
	s, w := v.styles, v.words
	say := func(style ink, text string) {
		out = append(out, wrap(style.Render(text), v.width, "  ")...)
	}
	if v.page.Warning != "" {
		say(s.wait, "! "+oneLine(v.page.Warning))
	}
	switch v.page.State {
	case lessons.StateSetup:
		say(s.wait, "◐ "+w.say("preparing"))
	case lessons.StateFailed:
		say(s.bad, "✗ "+w.say("setup_failed", "Key", v.keys.chord(actReset))+" "+oneLine(v.page.Detail))
	}
	o := v.outcome()
	if v.prompting() && v.prompt.over != promptOpen {
		send := v.keys.name(scopeAnswer, actSend)
		text := w.say("prompt_gone", "Key", send)
		if v.prompt.over == promptDone {
			text = w.say("prompt_done", "Key", send)
		}
		say(s.wait, "! "+text)
		return out
	}
	if o == nil {
		return out
	}
	if o.Problem != "" {
		say(s.bad, "✗ "+oneLine(o.Problem))
	}
	if v.prompting() {
		return append(out, v.promptLines()...)
	}
	switch q := openQuestion(o); {
	case o.Met:
		done := w.say("step_done", "Key", v.keys.chord(actNext))
		if v.page.Index+1 >= v.page.Count {
			done = w.say("lesson_done")
		}
		out = append(out, fit(s.goodBold.Render("✓ "+done), v.width))
		if v.page.Seed > 0 {
			out = append(out, fit(s.text.Render("  "+w.say("draw_again", "Key", v.keys.chord(actDraw))), v.width))
		}
	case v.violated():
		say(s.bad, "✗ "+w.say("to_retry", "Retry", v.keys.chord(actRetry), "Reset", v.keys.chord(actReset)))
	case q != nil && !v.compact:
		say(s.accent, "? "+oneLine(q.Question))
		out = append(out, s.dim.Render("  "+w.say("to_answer", "Key", v.keys.chord(actAnswer))))
	}
	return out
}

// promptLines draws the question that is being answered: which one it is, its
// options, what was wrong with the answer before, and the line to type in.
func (v *checksView) promptLines() []string {
	s, w, p := v.styles, v.words, v.prompt
	q := p.question(v.outcome())
	if q == nil {
		return nil
	}
	ask := oneLine(q.Question)
	if number, count, _ := p.place(v.outcome()); count > 1 {
		ask = w.say("question_of", "Number", number, "Count", count) + ask
	}
	mark := s.title.Render("? ")
	if p.right {
		mark = s.goodBold.Render("✓ " + w.say("answer_right"))
	}
	out := wrap(mark+s.title.Render(ask), v.width, "  ")
	for i, option := range q.Options {
		out = append(out, fit("  "+s.key.Render(fmt.Sprintf("%d", i+1))+" "+s.text.Render(option), v.width))
	}
	if p.last != "" && !p.waiting && q.Verdict != lessons.Met {
		for _, why := range q.Why {
			out = append(out, wrap(s.bad.Render("✗ "+oneLine(why)), v.width, "  ")...)
		}
	}
	text, cursor := p.line.view(v.width - 2)
	v.typed, v.typedAt = true, 2+cursor
	out = append(out, fit(s.key.Render("❯ ")+s.strong.Render(text), v.width))
	if !v.compact {
		v.typedBelow = 1
		out = append(out, fit(s.dim.Render("  "+w.say("prompt_keys", "Send", v.keys.name(scopeAnswer, actSend), "Cancel", v.keys.name(scopeAnswer, actCancel))), v.width))
	}
	return out
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

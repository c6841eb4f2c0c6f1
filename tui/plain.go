package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
)

// Plain is what RunPlain needs beside Options.
type Plain struct {
	// In holds what the learner types. RunPlain takes no byte more than the
	// line it needs, so that a command can read the rest.
	In io.Reader
	// Cancel makes a Read of In that waits return with an error. RunPlain
	// calls it at its end.
	Cancel func()
	Out    io.Writer
	// Run runs a line in the learner's shell and waits for its end; an empty
	// line is an interactive shell. A command that fails says so itself; an
	// error is only for one that could not be run.
	Run func(ctx context.Context, r *Running, line string) error
	// Ask says that somebody sits at the other end: a prompt is printed.
	Ask bool
}

// RunPlain is the lesson as a conversation: lines of text, one after another,
// no panes, no colours and no cursor movement, for screen readers, for logs
// and for terminals that can do no more. The learner types commands, which run
// in a shell, or words such as "hint" and "next"; each check says in a line
// when it changes. It returns at the end of In, when the learner quits, or
// when ctx ends, with the same errors as Run.
func RunPlain(ctx context.Context, opts Options, p Plain) error {
	w, err := newWords(opts.Lang)
	if err != nil {
		return fmt.Errorf("prepare the words: %w", err)
	}
	t := &talk{Plain: p, words: w}
	t.say(w.say("start_title"))
	running, err := opts.Start(ctx, t.phase)
	if err != nil {
		return err
	}
	t.running = running
	defer running.Close()

	ctx, cancel := context.WithCancel(ctx)
	lines, more := make(chan string), make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { readLines(ctx, p.In, lines, more) })
	defer wg.Wait()
	defer p.Cancel()
	defer cancel()
	t.more = more
	return t.run(ctx, lines)
}

// readLines sends one line for each value of more. It closes lines at the end
// of in.
func readLines(ctx context.Context, in io.Reader, lines chan<- string, more <-chan struct{}) {
	defer close(lines)
	for {
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
		line, err := readLine(in)
		if line != "" || err == nil {
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// readLine reads up to the end of a line, byte by byte: what comes after it
// may be meant for a command.
func readLine(in io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for {
		n, err := in.Read(b[:])
		if n > 0 && b[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			return string(line), err
		}
	}
}

// talk is a conversation. All but phase is called from one goroutine.
type talk struct {
	Plain
	words   *words
	running *Running
	more    chan<- struct{} // asks for a line

	latest    lessons.Update
	begun     bool   // the learner was asked for the first line
	hints     int    // how many have been said
	prompted  bool   // the prompt stands on the last line
	estimated bool   // how long the last start took was told
	confirm   func() // what a yes will do
	command   <-chan error
}

func (t *talk) run(ctx context.Context, lines <-chan string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if t.command != nil {
			<-t.command // it ends with ctx
		}
	}()
	updates := t.running.Session.Updates()
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				return errors.New(t.words.say("lesson_ended"))
			}
			t.update(u)
		case line, ok := <-lines:
			t.prompted = false
			if !ok || !t.line(ctx, strings.TrimSpace(line)) {
				t.say(t.words.say("plain_bye"))
				return nil
			}
		case err := <-t.command:
			t.command = nil
			if err != nil {
				t.say(err.Error())
			}
			t.prompt()
		case <-ctx.Done():
			t.say("", t.words.say("plain_bye"))
			return nil
		}
	}
}

// say prints lines, below the prompt when it stands there, and the prompt again.
func (t *talk) say(lines ...string) {
	if len(lines) == 0 {
		return
	}
	again := t.prompted
	if again {
		fmt.Fprintln(t.Out)
		t.prompted = false
	}
	for _, l := range lines {
		fmt.Fprintln(t.Out, l)
	}
	if again {
		t.show()
	}
}

// prompt asks for the next line.
func (t *talk) prompt() {
	t.show()
	t.more <- struct{}{}
}

func (t *talk) show() {
	if t.Ask {
		fmt.Fprint(t.Out, "k8stutor> ")
		t.prompted = true
	}
}

// phase tells of the cluster's start: once when a phase begins, once when it
// ends.
func (t *talk) phase(p cluster.Phase) {
	if p.Whole > 0 && !t.estimated {
		t.estimated = true
		fmt.Fprintln(t.Out, t.words.say("plain_before", "Whole", seconds(p.Whole)))
	}
	title := phaseTitle(t.words, p)
	switch {
	case p.Err != nil:
		fmt.Fprintf(t.Out, "%s: %s\n", title, t.words.say("plain_phase_failed"))
	case p.Done:
		fmt.Fprintf(t.Out, "%s: %s\n", title, seconds(p.Elapsed))
	}
}

// phaseTitle is what a phase is called in the learner's language; the
// provider's own words where we have none.
func phaseTitle(w *words, p cluster.Phase) string {
	id := "phase_" + strings.ReplaceAll(p.ID, "-", "_")
	if title := w.say(id); title != id {
		return title
	}
	return p.Title
}

// update says what is new since the last one.
func (t *talk) update(u lessons.Update) {
	old := t.latest
	t.latest = u
	switch {
	case u.State == lessons.StateSetup:
		if old.State != u.State || old.Entry != u.Entry {
			t.say(t.words.say("preparing"))
		}
		return
	case u.State == lessons.StateFailed && old.State != u.State:
		t.say(t.words.say("plain_setup_failed") + " " + oneLine(u.Detail))
	case u.Entry != old.Entry || old.State == lessons.StateSetup:
		t.hints = 0
		t.say(t.step()...)
	default:
		t.say(t.changes(old)...)
	}
	if u.Warning != old.Warning && u.Warning != "" {
		t.say(oneLine(u.Warning))
	}
	t.openHints()
	if u.Outcome.Met && (!old.Outcome.Met || u.Entry != old.Entry) {
		t.say(t.ending()...)
	}
	if !t.begun {
		t.begun = true
		t.say("", t.words.say("plain_help_short"))
		t.prompt()
	}
}

// step is the step as it is read from the beginning.
func (t *talk) step() []string {
	u := t.latest
	out := []string{
		"",
		t.running.Title + ", " + t.words.say("step_of", "Step", u.Index+1, "Count", u.Count) + ": " + u.Text.Title,
		"",
	}
	out = append(out, plainText(u.Text.Body)...)
	return append(append(out, ""), t.checks()...)
}

func (t *talk) checks() []string {
	o := t.latest.Outcome
	met := 0
	var list []string
	for _, c := range o.Checks {
		if c.Verdict == lessons.Met {
			met++
		}
		list = append(list, t.check(c)...)
	}
	out := append([]string{t.words.say("checks", "Met", met, "Count", len(o.Checks))}, list...)
	if o.Problem != "" {
		out = append(out, oneLine(o.Problem))
	}
	return append(out, t.question()...)
}

// check is a check's verdict as a word, its title, and why not yet.
func (t *talk) check(c lessons.CheckResult) []string {
	_, word := verdict(c.Verdict)
	out := []string{"  " + t.words.say(word) + ": " + c.Title}
	if c.Verdict != lessons.Met {
		for _, why := range c.Why {
			out = append(out, "      "+oneLine(why))
		}
	}
	return out
}

// question is the next question that is open.
func (t *talk) question() []string {
	q := openQuestion(&t.latest.Outcome)
	if q == nil {
		return nil
	}
	out := []string{t.words.say("plain_question", "Question", oneLine(q.Question))}
	for i, option := range q.Options {
		out = append(out, fmt.Sprintf("  %d. %s", i+1, option))
	}
	return append(out, t.words.say("plain_to_answer"))
}

// changes are the verdicts that differ from those of an update before.
func (t *talk) changes(old lessons.Update) []string {
	before := map[string]lessons.CheckResult{}
	for _, c := range old.Outcome.Checks {
		before[c.ID] = c
	}
	var out []string
	asked := openQuestion(&old.Outcome)
	for _, c := range t.latest.Outcome.Checks {
		switch was := before[c.ID]; {
		case was.Verdict != c.Verdict:
			out = append(out, t.check(c)...)
		case c.Question != "" && c.Verdict == lessons.Unmet && strings.Join(was.Why, "\n") != strings.Join(c.Why, "\n"):
			out = append(out, t.check(c)...) // a wrong answer
		}
	}
	if p := t.latest.Outcome.Problem; p != old.Outcome.Problem {
		if p == "" {
			p = t.words.say("plain_problem_over")
		}
		out = append(out, oneLine(p))
	}
	if q := openQuestion(&t.latest.Outcome); q != nil && (asked == nil || asked.ID != q.ID) {
		out = append(out, t.question()...)
	}
	return out
}

// openHints says the hints that were opened since.
func (t *talk) openHints() {
	all := t.latest.Text.Hints
	for ; t.hints < min(t.latest.Hints, len(all)); t.hints++ {
		out := []string{t.words.say("hint", "Number", t.hints+1, "Count", len(all)) + ":"}
		t.say(append(out, plainText(all[t.hints])...)...)
	}
}

func (t *talk) ending() []string {
	out := []string{""}
	if d := t.latest.Text.Debrief; d != "" {
		out = append(append(out, t.words.say("debrief")+":"), plainText(d)...)
		out = append(out, "")
	}
	if t.latest.Index+1 >= t.latest.Count {
		out = append(out, t.words.say("lesson_done"))
	} else {
		out = append(out, t.words.say("plain_step_done"))
	}
	if t.latest.Seed > 0 {
		out = append(out, t.words.say("plain_draw_again"))
	}
	return out
}

// plainText is Markdown as it is read out: paragraphs without marks, and code
// set in by four spaces.
func plainText(markdown string) []string {
	var out []string
	fenced := false
	marks := strings.NewReplacer("**", "", "`", "")
	for line := range strings.SplitSeq(strings.TrimSpace(markdown), "\n") {
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "```"):
			fenced = !fenced
		case fenced:
			out = append(out, "    "+line)
		default:
			out = append(out, marks.Replace(strings.TrimPrefix(strings.TrimLeft(line, "#"), "> ")))
		}
	}
	return out
}

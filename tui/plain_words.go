package tui

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/k8stutor/k8stutor/lessons"
)

// line does what the learner typed; false ends the conversation.
func (t *talk) line(ctx context.Context, line string) bool {
	if yes := t.confirm; yes != nil {
		t.confirm = nil
		if strings.EqualFold(line, "y") || strings.EqualFold(line, "yes") {
			yes()
		}
		t.prompt()
		return true
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "quit", "exit":
		return false
	case "answer":
		t.answer(strings.TrimSpace(rest))
	case "case":
		if !t.draw(strings.TrimSpace(rest)) { // it is the shell's word as well
			t.start(ctx, line)
			return true
		}
	case "shell":
		t.start(ctx, "")
		return true
	case "":
	default:
		if rest != "" || !t.word(word) {
			t.start(ctx, line)
			return true
		}
	}
	t.prompt()
	return true
}

// word does one of our own words that stand alone; false when it is none.
func (t *talk) word(word string) bool {
	s, u := t.running.Session, t.latest
	switch word {
	case "help":
		t.say(strings.Split(strings.TrimSpace(t.words.say("plain_help")), "\n")...)
	case "text":
		t.say(t.step()...)
	case "checks":
		t.say(t.checks()...)
	case "hint":
		if u.Hints >= len(u.Text.Hints) {
			t.say(t.words.say("no_more_hints"))
			break
		}
		s.OpenHint()
	case "retry":
		if !slices.ContainsFunc(u.Outcome.Checks, func(c lessons.CheckResult) bool { return c.Verdict == lessons.Violated }) {
			t.say(t.words.say("nothing_broken"))
			break
		}
		s.Retry()
	case "next":
		t.next()
	case "back":
		if u.Index == 0 {
			t.say(t.words.say("first_step"))
			break
		}
		t.askFirst("confirm_back", s.Previous)
	case "reset":
		t.askFirst("confirm_reset", s.Reset)
	default:
		return false
	}
	return true
}

func (t *talk) next() {
	switch u := t.latest; {
	case u.Index+1 >= u.Count:
		t.say(t.words.say("plain_last_step"))
	case u.Outcome.Met:
		t.running.Session.Next()
	default:
		t.askFirst("confirm_skip", t.running.Session.Next)
	}
}

// draw draws the case of a seed, or the next one without; false when the text is
// no seed.
func (t *talk) draw(text string) bool {
	seed, err := strconv.Atoi(text)
	if text != "" && (err != nil || seed < 1) {
		return false
	}
	u, s := t.latest, t.running.Session
	draw := func() {
		if err := s.Draw(u.Step, seed); err != nil {
			t.say(err.Error())
		}
	}
	switch {
	case u.Seed == 0:
		t.say(t.words.say("no_cases"))
	case u.Outcome.Met:
		draw()
	default:
		t.ask(t.words.say("confirm_draw", "Seed", u.Seed), draw)
	}
	return true
}

// askFirst asks before something that can't be undone.
func (t *talk) askFirst(question string, yes func()) { t.ask(t.words.say(question), yes) }

func (t *talk) ask(question string, yes func()) {
	t.say(question + " (y/N)")
	t.confirm = yes
}

// answer answers the open question. The number of an option stands for it.
func (t *talk) answer(text string) {
	q := openQuestion(&t.latest.Outcome)
	switch {
	case q == nil:
		t.say(t.words.say("no_question"))
		return
	case text == "":
		t.say(t.question()...)
		return
	}
	p := prompt{check: q.ID, line: inputLine{text: text}}
	answer := p.answer(&t.latest.Outcome)
	t.say(t.words.say("plain_answered", "Answer", answer)) // the same wrong answer again changes nothing else
	t.running.Session.Answer(q.ID, answer)
}

// start runs a command in the shell. The next line is asked for at its end:
// until then what is typed is the command's.
func (t *talk) start(ctx context.Context, line string) {
	done := make(chan error, 1)
	go func() { done <- t.Run(ctx, t.running, line) }() // run waits for it
	t.command = done
}

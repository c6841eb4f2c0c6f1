package tui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/cluster/watch"
	"github.com/k8stutor/k8stutor/lessons"
)

// runAll runs commands that must end by themselves, and their parts.
func runAll(cmds ...tea.Cmd) (msgs []tea.Msg) {
	for _, c := range cmds {
		if c == nil {
			continue
		}
		switch msg := c().(type) {
		case tea.BatchMsg:
			msgs = append(msgs, runAll(msg...)...)
		case nil:
		default:
			msgs = append(msgs, msg)
		}
	}
	return msgs
}

// TestCommands: what each key after the prefix asks of the lesson.
func TestCommands(t *testing.T) {
	violated := update("en")
	violated.Outcome.Checks[2].Verdict = lessons.Violated
	question := update("en")
	question.Outcome.Checks[2].Question = "Which address?"
	question.Outcome.Checks[2].Options = []string{"10.244.0.5", "10.96.252.198"}
	last := met("en")
	last.Index = 6
	preparing := update("en")
	preparing.State = lessons.StateSetup
	open, solved := update("en"), met("en")
	open.Seed, solved.Seed = 42, 42
	failed := update("en")
	failed.State, failed.Detail = lessons.StateFailed, "apply setup/service.yaml: no such host"
	tests := []struct {
		name   string
		update lessons.Update
		keys   []string
		asked  string
		shown  string
	}{
		{"hint", update("en"), []string{"ctrl+g", "h"}, "hint", ""},
		{"next when met", met("en"), []string{"ctrl+g", "n"}, "next", ""},
		{"next when not met asks", update("en"), []string{"ctrl+g", "n"}, "", "Skip it?"},
		{"next when not met, yes", update("en"), []string{"ctrl+g", "n", "y"}, "next", ""},
		{"next when not met, no", update("en"), []string{"ctrl+g", "n", "n"}, "", "^G then:"},
		{"next on the last step", last, []string{"ctrl+g", "n"}, "", "this is the last step"},
		{"back asks", update("en"), []string{"ctrl+g", "p", "y"}, "previous", ""},
		{"reset asks", update("en"), []string{"ctrl+g", "r"}, "", "Reset the cluster"},
		{"reset, yes", update("en"), []string{"ctrl+g", "r", "y"}, "reset", ""},
		{"retry when nothing is broken", update("en"), []string{"ctrl+g", "t"}, "", "no check is broken"},
		{"retry", violated, []string{"ctrl+g", "t"}, "retry", ""},
		{"no cases", update("en"), []string{"ctrl+g", "d"}, "", "this step has no cases"},
		{"another case in the keys", open, []string{"ctrl+g"}, "", "p back  d another case  a answer"},
		{"another case in the help", open, []string{"ctrl+g", "?"}, "", "^G d          another case"},
		{"another case asks", open, []string{"ctrl+g", "d"}, "", "Case 42 is not solved. Draw another one?"},
		{"another case, no", open, []string{"ctrl+g", "d", "n"}, "", "LESSON case 42"},
		{"another case, yes", open, []string{"ctrl+g", "d", "y"}, "draw endpoints 0", ""},
		{"another case when solved", solved, []string{"ctrl+g", "d"}, "draw endpoints 0", "^G d draws another case."},
		{"no question", update("en"), []string{"ctrl+g", "a"}, "", "no open question"},
		{"answer by words", question, []string{"ctrl+g", "a", "1", "0", ".", "9", "backspace", "enter"}, "answer same=10.", ""},
		{"answer by number", question, []string{"ctrl+g", "a", "2", "enter"}, "answer same=10.96.252.198", ""},
		{"answer by a full-width number", question, []string{"ctrl+g", "a", "２", "enter"}, "answer same=10.96.252.198", ""},
		{"what was typed is shown", question, []string{"ctrl+g", "a", "１", "０"}, "", "❯ １０"},
		{"full-width keys", update("en"), []string{"ctrl+g", "ｎ", "ｙ"}, "next", ""},
		{"no answer yet", question, []string{"ctrl+g", "a", "enter"}, "", "Enter sends the answer"},
		{"answer cancelled", question, []string{"ctrl+g", "a", "2", "esc"}, "", "press ^G a to answer"},
		{"while preparing", preparing, []string{"ctrl+g", "n"}, "", "preparing the step"},
		{"reset after a failed preparation", failed, []string{"ctrl+g", "r", "y"}, "reset", "no such host"},
		{"capitals too", update("en"), []string{"ctrl+g", "H"}, "hint", ""},
		{"an unknown key does nothing", update("en"), []string{"ctrl+g", "x"}, "", "^G then:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScreen(t, "en", 120, 40, 3)
			s.send(lessonMsg(tt.update))
			s.shell.term = nil // its commands would need a real one
			cmds := s.press(tt.keys...)
			msgs := runAll(cmds[len(cmds)-1])
			asked := ""
			select {
			case asked = <-s.session.asked:
			default:
			}
			if asked != tt.asked {
				t.Errorf("asked %q, want %q (messages %v)", asked, tt.asked, msgs)
			}
			if !strings.Contains(s.text(), tt.shown) {
				t.Errorf("%q is not on the screen:\n%s", tt.shown, s.text())
			}
			checkFrame(t, s.model)
		})
	}
}

func TestQuit(t *testing.T) {
	quits := func(cmds []tea.Cmd) bool {
		for _, msg := range runAll(cmds[len(cmds)-1]) {
			if _, ok := msg.(tea.QuitMsg); ok {
				return true
			}
		}
		return false
	}
	s := newScreen(t, "en", 120, 40, 3)
	s.shell.term = nil
	if quits(s.press("ctrl+g", "q")) {
		t.Error("an open step was left without asking")
	}
	if !quits(s.press("y")) {
		t.Error("yes did not quit")
	}
	s = newScreen(t, "en", 120, 40, 3)
	s.shell.term = nil
	s.send(lessonMsg(met("en")))
	if !quits(s.press("ctrl+g", "q")) {
		t.Error("a step that is met asked")
	}
}

// TestTickDoesNotMoveOn: when the step is met, the text says which key goes on,
// and the step stays.
func TestTickDoesNotMoveOn(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.frame()
	s.send(lessonMsg(met("en")))
	for _, want := range []string{"Press ^G n for the next one", "step 3 of 7", "What happened", "The list follows the Pods"} {
		if !strings.Contains(s.text(), want) {
			t.Errorf("%q is not on the screen:\n%s", want, s.text())
		}
	}
	if len(s.session.asked) != 0 {
		t.Errorf("the screen asked %q by itself", <-s.session.asked)
	}
}

func TestHintsOpenOneByOne(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	for n := range 3 {
		u := update("en")
		u.Hints = n
		s.send(lessonMsg(u))
		s.scrollLessonToEnd()
		for i := 1; i <= 2; i++ {
			if got := strings.Contains(s.text(), "Hint "+itoa(i)+" of 2"); got != (i <= n) {
				t.Errorf("with %d hints open, hint %d shown: %v\n%s", n, i, got, s.text())
			}
		}
	}
	if s.press("ctrl+g", "h"); !strings.Contains(s.text(), "no more hints") {
		t.Errorf("the screen:\n%s", s.text())
	}
}

func (s *screen) scrollLessonToEnd() {
	s.frame() // how far it goes shows with the text
	s.lesson.scrollBy(1 << 20)
	s.frame()
}

func TestUnreachable(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.view.conn = watch.Connection{Since: began.Add(-12 * time.Second), Err: errors.New("connection refused")}
	s.send(clusterMsg(takeSnapshot(s.running)))
	if want := "✗ unreachable since " + began.Add(-12*time.Second).Local().Format("15:04:05") + " (12s)"; !strings.Contains(s.text(), want) {
		t.Errorf("%q is not on the screen:\n%s", want, s.text())
	}
	for _, want := range []string{"retrying 5 times a second", "as of"} {
		if !strings.Contains(s.text(), want) {
			t.Errorf("%q is not on the screen:\n%s", want, s.text())
		}
	}
	checkFrame(t, s.model)
	for _, width := range []int{80, 50, 40} {
		s.send(tea.WindowSizeMsg{Width: width, Height: 24})
		if !strings.Contains(s.text(), "✗ unreachable") {
			t.Errorf("at %d columns it is left out:\n%s", width, s.text())
		}
	}
	s.view.conn = watch.Connection{OK: true, Since: began}
	s.send(clusterMsg(takeSnapshot(s.running)))
	if !strings.Contains(s.text(), "answers again") {
		t.Errorf("that it is back is not told:\n%s", s.text())
	}
}

// TestStale: frames and shells that come late change nothing.
func TestStale(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	before := s.text()
	old := s.shell.frame
	old.number--
	old.rows = []string{"STALE"}
	s.send(shellMsg(old))
	other := s.shell.frame
	other.number++
	other.term = nil
	other.rows = []string{"STALE"}
	s.send(shellMsg(other))
	if got := s.text(); got != before {
		t.Errorf("the screen:\n%s", got)
	}
}

func TestStartPane(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	now := began
	m, err := newModel(ctx, Options{Lang: "en", Now: func() time.Time { return now }}, nil, nil, cancel)
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	m.Update(phaseMsg{ID: "a", Title: "Certificates", Done: true, Elapsed: 230 * time.Millisecond})
	m.Update(phaseMsg{ID: "b", Title: "Control plane", Detail: "waiting for /readyz"})
	now = now.Add(2900 * time.Millisecond)
	compare(t, "start", plain(m.frame()))
	checkFrame(t, m)
	m.Update(phaseMsg{ID: "b", Title: "Control plane", Before: 3100 * time.Millisecond, Whole: 6500 * time.Millisecond})
	for _, want := range []string{"2.9 s / 3.1 s", "2.9 s so far; the last start took 6.5 s"} {
		if text := plain(m.frame()); !strings.Contains(text, want) {
			t.Errorf("no %q:\n%s", want, text)
		}
	}
	m.Update(phaseMsg{ID: "b", Title: "Control plane", Detail: "waiting for /readyz"})
	m.Update(keyPress("ctrl+c"))
	if ctx.Err() == nil {
		t.Error("Ctrl-C did not cancel the start")
	}
	compare(t, "start-cancelled", plain(m.frame()))
	_, cmd := m.Update(startedMsg{err: context.Canceled})
	if msgs := runAll(cmd); len(msgs) != 1 || m.err == nil {
		t.Errorf("after the rollback: %v, %v", msgs, m.err)
	}
}

// TestBindings: no key means two things in one scope, and everything in the
// table can be reached.
func TestBindings(t *testing.T) {
	for in, bound := range defaultBindings() {
		seen := map[string]action{}
		for _, b := range bound {
			if len(b.keys) == 0 {
				t.Errorf("scope %d: %s has no key", in, b.action)
			}
			for _, k := range b.keys {
				if seen[k] != "" {
					t.Errorf("scope %d: %q means %s and %s", in, k, seen[k], b.action)
				}
				seen[k] = b.action
				if got := bound.at(k); got != b.action {
					t.Errorf("scope %d: %q means %q, want %q", in, k, got, b.action)
				}
			}
		}
	}
}

package tui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster/space"
)

// openLog opens the logs of a Pod, with Follow as the test says.
func openLog(t *testing.T, follow Follow) *screen {
	t.Helper()
	s := newScreen(t, "en", 100, 30, 3)
	s.shell.term = nil
	s.running.Inspect = func(context.Context, Inspection) (string, error) { return "old 1\nold 2\n", nil }
	s.running.Follow = follow
	s.press("ctrl+g", "c", "j")
	cmds := s.press("l")
	for _, msg := range runAll(cmds[0]) {
		if _, ok := msg.(inspectedMsg); ok {
			s.send(msg)
		}
	}
	if !strings.Contains(s.text(), "old 2") {
		t.Fatalf("the log is not open:\n%s", s.text())
	}
	return s
}

// commandsOf are the parts of a command that stands for several.
func commandsOf(t *testing.T, cmd tea.Cmd) []tea.Cmd {
	t.Helper()
	for {
		batch, ok := cmd().(tea.BatchMsg)
		if !ok {
			t.Fatal("one command only")
		}
		if len(batch) > 1 {
			return batch
		}
		cmd = batch[0]
	}
}

// TestFollow: lines come until the overlay closes, which ends the request; who
// looks at the end sees them, who has scrolled up stays where they are.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines, ended := make(chan string), make(chan error, 1)
		s := openLog(t, func(ctx context.Context, what Inspection, add func(string, space.LogEntry)) error {
			if what.What != "logs" || len(what.Containers) != 1 {
				t.Errorf("asked to follow %+v", what)
			}
			for {
				select {
				case l := <-lines:
					add("", space.LogEntry{Text: l})
				case <-ctx.Done():
					ended <- ctx.Err()
					return ctx.Err()
				}
			}
		})
		cmds := commandsOf(t, s.press("f")[0])
		if len(cmds) != 2 || !strings.Contains(s.text(), "● following") {
			t.Fatalf("%d commands, the screen:\n%s", len(cmds), s.text())
		}
		wait := cmds[0]
		go cmds[1]()
		show := func(texts ...string) {
			for _, l := range texts {
				lines <- l
			}
			synctest.Wait()
			msg := wait().(followedMsg)
			wait = msg.again
			s.send(msg)
		}
		for n := range 100 {
			show("new " + itoa(n))
		}
		if text := s.text(); !strings.Contains(text, "new 99") || strings.Contains(text, "old") {
			t.Errorf("at the end:\n%s", text)
		}
		s.press("k")
		s.frame()
		before := s.overlay.scroll
		show("new 100", "late \x1b[31mred\x1b[m")
		if s.frame(); s.overlay.scroll != before || strings.Contains(s.text(), "new 100") {
			t.Errorf("scrolled from %d to %d:\n%s", before, s.overlay.scroll, s.text())
		}
		s.press("G")
		if !strings.Contains(s.text(), "late red") {
			t.Errorf("the end:\n%s", s.text())
		}
		checkFrame(t, s.model)
		s.press("q")
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if wait() != nil || s.modes.has(s.overlay) || s.overlay.follow != nil {
			t.Error("it goes on after the overlay has closed")
		}
	})
}

// TestFollowEnds: the end of the log and an error are told, and the text stays;
// f stops without a word.
func TestFollowEnds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	tests := []struct {
		name  string
		err   error
		stop  bool
		shown string
	}{
		{"the container ended", nil, false, "the log has ended"},
		{"an error", errors.New("connection lost"), false, "connection lost"},
		{"stopped", nil, true, "last"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openLog(t, func(_ context.Context, _ Inspection, add func(string, space.LogEntry)) error {
				add("", space.LogEntry{Text: "last"})
				return tt.err
			})
			cmds := commandsOf(t, s.press("f")[0])
			cmds[1]()
			if tt.stop {
				s.press("f")
				s.send(cmds[0]()) // what came before the stop may still be on its way
				if s.overlay.follow != nil || !strings.Contains(s.text(), "old 2") || strings.Contains(s.text(), "following") {
					t.Errorf("the screen:\n%s", s.text())
				}
				return
			}
			s.send(cmds[0]())
			if text := s.text(); !strings.Contains(text, tt.shown) || !strings.Contains(text, "last") || strings.Contains(text, "following") {
				t.Errorf("the screen:\n%s", text)
			}
		})
	}
	s := openLog(t, nil)
	s.press("q", "e", "f")
	if !strings.Contains(s.text(), "only the logs of a Pod") {
		t.Errorf("the Events were followed:\n%s", s.text())
	}
}

// TestFollowThroughRestarts: what happens to a container stands between the lines
// of its log, in the learner's language, with its name where there are several.
func TestFollowThroughRestarts(t *testing.T) {
	s := openLog(t, func(_ context.Context, _ Inspection, add func(string, space.LogEntry)) error {
		add("app", space.LogEntry{Text: "before"})
		add("app", space.LogEntry{Kind: space.LogEnded, Text: "Error", Number: 7})
		add("app", space.LogEntry{Kind: space.LogRestarted, Number: 3})
		add("", space.LogEntry{Text: "after"})
		return nil
	})
	cmds := commandsOf(t, s.press("f")[0])
	cmds[1]()
	s.send(cmds[0]())
	text := s.text()
	for _, want := range []string{"app │ before", "app │ ── the container ended (Error, exit code 7)", "app │ ── restart 3", "after"} {
		at := strings.Index(text, want)
		if at < 0 {
			t.Fatalf("%q is missing:\n%s", want, s.text())
		}
		text = text[at:]
	}
}

// TestFollowIsBounded: of a log that never ends, the last lines are kept, in the
// follower and on the screen.
func TestFollowIsBounded(t *testing.T) {
	f := newFollower()
	long := strings.Repeat("x", 1000)
	for range 3 * maxOverlayLines {
		f.add("", space.LogEntry{Text: "short"})
	}
	if n := len(f.lines); n > maxOverlayLines || n < maxOverlayLines/2 {
		t.Errorf("%d lines are kept", n)
	}
	for range 3 * maxOverlayBytes / len(long) {
		f.add("", space.LogEntry{Text: long})
	}
	if f.bytes > maxOverlayBytes || f.bytes < maxOverlayBytes/2 {
		t.Errorf("%d bytes are kept", f.bytes)
	}
	p := &overlayPane{room: 10}
	p.set("first")
	p.wrapTo(80)
	p.search.line.text = "line 1"
	for n := range 3 * maxOverlayLines {
		p.append([]string{"line " + itoa(n)})
		p.wrapTo(80)
	}
	if len(p.lines) > maxOverlayLines || len(p.lines) != len(p.text) || p.lines[len(p.lines)-1] != "line "+itoa(3*maxOverlayLines-1) {
		t.Errorf("%d lines of %d, the last is %q", len(p.lines), len(p.text), p.lines[len(p.lines)-1])
	}
	found := append([]int(nil), p.search.found...)
	if p.find(); len(found) != len(p.search.found) {
		t.Errorf("%d matches, searched again: %d", len(found), len(p.search.found))
	}
}

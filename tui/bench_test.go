package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// TestIdleDoesNothing: without news there is one tick on its way, for when a
// time on the screen reads differently, and no other command.
func TestIdleDoesNothing(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	if want := began.Add(time.Second); !s.tick.at.Equal(want) {
		t.Errorf("with an Event 2 s old the tick comes at %s, want %s", s.tick.at, want)
	}
	pending := s.tick
	for range 10 {
		if cmd := s.send(tickMsg{id: -1}); len(runNow(cmd)) != 0 || s.tick != pending {
			t.Fatalf("a message without news asked for more")
		}
	}
	// Once everything is minutes old, it ticks by the minute.
	for i := range s.cluster.snap.events {
		s.cluster.snap.events[i].at = began.Add(-10 * time.Minute)
	}
	s.send(tickMsg{id: s.tick.id})
	if want := began.Add(48 * time.Second); !s.tick.at.Equal(want) {
		t.Errorf("with a clock at 4:12 the tick comes at %s, want %s", s.tick.at, want)
	}
}

// runNow looks at the parts of a command without running them.
func runNow(cmd tea.Cmd) []tea.Cmd {
	if cmd == nil {
		return nil
	}
	return []tea.Cmd{cmd}
}

// BenchmarkFrame is one Update and View at 200×60 with a thousand Pods, of which
// one has changed; drawing up the tree is the command's work and measured apart.
func BenchmarkFrame(b *testing.B) {
	s := newScreen(b, "en", 200, 60, 1000)
	s.press("ctrl+g", "c")
	snaps := [2]snapshot{takeSnapshot(s.running), takeSnapshot(s.running)}
	i := 0
	for b.Loop() {
		s.Update(clusterMsg(snaps[i%2]))
		_ = s.View()
		i++
	}
}

func BenchmarkTree(b *testing.B) {
	s := newScreen(b, "en", 200, 60, 1000)
	for b.Loop() {
		_ = takeSnapshot(s.running)
	}
}

// BenchmarkShellFrame is one frame of output in the shell pane.
func BenchmarkShellFrame(b *testing.B) {
	s := newScreen(b, "en", 200, 60, 1000)
	frame := s.shell.frame
	for i := range frame.rows {
		frame.rows[i] = fit(fmt.Sprintf("\x1b[32mpod/go-api-%d\x1b[m %s", i, strings.Repeat("叢集 running ", 20)), frame.width)
	}
	for b.Loop() {
		frame.number++
		s.Update(shellMsg(frame))
		_ = s.View()
	}
}

// BenchmarkTick is an outcome on its way to the frame.
func BenchmarkTick(b *testing.B) {
	s := newScreen(b, "en", 200, 60, 100)
	updates := [2]lessonMsg{lessonMsg(update("en")), lessonMsg(met("en"))}
	i := 0
	for b.Loop() {
		s.Update(updates[i%2])
		_ = s.View()
		i++
	}
}

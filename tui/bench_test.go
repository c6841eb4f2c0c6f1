//go:build !windows

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

// BenchmarkFrame is one Update and View at 200×60 with a thousand Pods, all of
// which have changed since the frame before, so that they glow; drawing up the
// tree is the command's work and measured apart.
func BenchmarkFrame(b *testing.B) {
	s := newScreen(b, "en", 200, 60, 1000)
	now := began
	s.now = func() time.Time { return now }
	s.press("ctrl+g", "c", "pgdown")
	snaps := [2]snapshot{takeSnapshot(s.running)}
	for i, p := range s.view.objects[gvrPods] {
		s.view.objects[gvrPods][i] = pod(p.GetName(), "ReplicaSet/go-api-65577fc4f9", "10.244.0.9", "CrashLoopBackOff")
	}
	snaps[1] = takeSnapshot(s.running)
	i, began := 0, processorTime(b)
	for b.Loop() {
		now = now.Add(50 * time.Millisecond)
		s.Update(clusterMsg(snaps[i%2]))
		_ = s.View()
		i++
	}
	reportProcessor(b, began)
}

// BenchmarkLongLesson is a keystroke in a lesson of ten thousand lines.
func BenchmarkLongLesson(b *testing.B) {
	s := newScreen(b, "en", 200, 60, 3)
	s.send(lessonMsg(longLesson(10000)))
	s.press("ctrl+g", "l")
	s.lesson.rendering = bodyKey{}
	s.send(s.lesson.renderLong(s.layout.panes[paneLesson].w, s.words, s.styles)())
	_ = s.View()
	keys := [2]string{"j", "k"}
	i := 0
	for b.Loop() {
		s.press(keys[i%2])
		_ = s.View()
		i++
	}
}

func BenchmarkTree(b *testing.B) {
	s := newScreen(b, "en", 200, 60, 1000)
	began := processorTime(b)
	for b.Loop() {
		_ = takeSnapshot(s.running)
	}
	reportProcessor(b, began)
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

package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// TestTour: any key closes the tour, is not sent on, and it is noted then;
// until then nothing else gets keys, pastes or clicks.
func TestTour(t *testing.T) {
	for _, key := range []string{"x", "enter", "ctrl+c", "ctrl+g"} {
		s := newScreen(t, "en", 80, 24, 3)
		s.shell.term = nil // it keeps what it is given
		seen := 0
		s.opts.TourSeen = func() error { seen++; return nil }
		s.modes.push(tourMode{})
		s.send(tea.PasteMsg{Content: "pasted"})
		s.send(tea.MouseClickMsg{X: 2, Y: 2, Button: tea.MouseLeft})
		if !strings.Contains(s.text(), "Welcome") || s.View().Cursor != nil || s.focus != paneShell {
			t.Fatalf("the screen:\n%s", s.text())
		}
		cmds := s.press(key)
		runAll(cmds[0])
		if strings.Contains(s.text(), "Welcome") || seen != 1 || len(s.shell.ahead) != 0 || s.modes.has(prefixMode{}) != (key == "ctrl+g") {
			t.Errorf("%s: noted %d times, the shell got %v:\n%s", key, seen, s.shell.ahead, s.text())
		}
		if key == "ctrl+g" {
			s.press("x") // a command that there is not
		}
		s.press("l", "s")
		if len(s.shell.ahead) != 2 || seen != 1 {
			t.Errorf("after it the shell got %v", s.shell.ahead)
		}
	}
}

// TestTourWaits: the tour waits for a screen that can show it.
func TestTourWaits(t *testing.T) {
	s := newScreen(t, "en", 20, 5, 3)
	s.shell.term = nil
	s.modes = append(modeStack{tourMode{}}, s.modes...)
	s.press("x")
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	if !strings.Contains(s.text(), "Welcome") {
		t.Errorf("the screen:\n%s", s.text())
	}
}

package tui

import (
	"errors"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestArrangements(t *testing.T) {
	tests := []struct {
		width, height int
		chosen        string
		want          arrangement
	}{
		{200, 60, "", arrangeSide},
		{160, 40, "", arrangeSide},
		{160, 24, "", arrangeTop},
		{159, 50, "", arrangeTop},
		{100, 30, "", arrangeTop},
		{99, 30, "", arrangeStack},
		{80, 24, "", arrangeStack},
		{80, 17, "", arrangeTabs},
		{60, 20, "", arrangeTabs},
		{60, 24, "", arrangeStack},
		{200, 60, "stack", arrangeStack},
		{120, 40, "side", arrangeSide},
		{80, 24, "side", arrangeStack},
		{80, 24, "tabs", arrangeTabs},
		{80, 24, "nonsense", arrangeStack},
	}
	for _, tt := range tests {
		l := newLayout(tt.width, tt.height, Layout{Arrange: tt.chosen}, paneLesson, paneShell)
		if l.arrange != tt.want {
			t.Errorf("%d×%d with %q: %s, want %s", tt.width, tt.height, tt.chosen, l.arrange, tt.want)
		}
	}
}

// TestPanesDoNotOverlap: whatever is chosen, the panes lie beside each other
// inside of the frame, and the shell's terminal has room.
func TestPanesDoNotOverlap(t *testing.T) {
	for w := minWidth; w < 260; w += 17 {
		for h := minHeight; h < 90; h += 9 {
			for _, arranged := range []string{"", "side", "top", "stack", "tabs"} {
				for _, share := range []int{0, 1, 300, 1000} {
					for focus := paneLesson; focus <= paneShell; focus++ {
						want := Layout{Arrange: arranged, Lesson: share, Shell: share}
						l := newLayout(w, h, want, min(focus, paneCluster), focus)
						checkPanes(t, l)
						if !l.shows(focus) {
							t.Fatalf("%d×%d %+v: pane %d has the focus and is not shown", w, h, want, focus)
						}
						want.Zoomed = true
						if z := newLayout(w, h, want, min(focus, paneCluster), focus); z.panes[focus] != (rect{2, 2, w - 4, h - 3}) {
							t.Fatalf("%d×%d %+v: zoomed to %+v", w, h, want, z.panes[focus])
						}
					}
				}
			}
		}
	}
}

func checkPanes(t *testing.T, l layout) {
	t.Helper()
	used := map[[2]int]pane{}
	for p, r := range l.panes {
		for y := r.y; y < r.y+r.h; y++ {
			for _, x := range []int{r.x, r.x + r.w - 1} {
				if x < 2 || x > l.width-3 || y < 2 || y > l.height-2 || r.w < 1 {
					t.Fatalf("pane %d leaves the frame: %+v", p, l)
				}
				if other, ok := used[[2]int{x, y}]; ok && other != pane(p) {
					t.Fatalf("panes %d and %d overlap: %+v", p, other, l)
				}
				used[[2]int{x, y}] = pane(p)
			}
		}
	}
	if w, h := l.shellSize(); w < 10 || h < leastHeight {
		t.Fatalf("the shell has %d×%d: %+v", w, h, l)
	}
}

// TestResize: borders move by keys and by the mouse, the choice is written
// down, and a second screen begins with it.
func TestResize(t *testing.T) {
	var saved []Layout
	s := newScreen(t, "en", 120, 40, 3)
	s.keeper.save = func(l Layout) error { saved = append(saved, l); return nil }
	s.shell.term = nil
	divider, separator := s.layout.divider, s.layout.separator
	runAll(s.press("ctrl+g", ">", ">", "+")...)
	if s.layout.divider != divider+2*dividerStep || s.layout.separator != separator-separatorStep {
		t.Errorf("keys moved %d,%d to %d,%d", divider, separator, s.layout.divider, s.layout.separator)
	}
	if !strings.Contains(s.text(), "move the borders") {
		t.Errorf("the footer does not say that keys move borders:\n%s", s.text())
	}
	checkFrame(t, s.model)
	s.press("esc")
	if s.modes.has(resizeMode{}) || len(s.shell.ahead) != 0 {
		t.Error("Esc did not just end the moving")
	}
	divider = s.layout.divider
	runAll(
		s.send(tea.MouseClickMsg{X: divider, Y: 5, Button: tea.MouseLeft}),
		s.send(tea.MouseMotionMsg{X: divider - 10, Y: 7, Button: tea.MouseLeft}),
		s.send(tea.MouseReleaseMsg{X: divider - 10, Y: 7}),
	)
	if s.layout.divider != divider-10 || len(s.modes) > 0 {
		t.Errorf("the mouse moved the divider from %d to %d", divider, s.layout.divider)
	}
	separator = s.layout.separator
	s.send(tea.MouseClickMsg{X: 3, Y: separator, Button: tea.MouseLeft})
	s.send(tea.MouseMotionMsg{X: 3, Y: 0, Button: tea.MouseLeft})
	runAll(s.send(tea.MouseReleaseMsg{X: 3, Y: 0}))
	if got := s.layout.panes[paneLesson].h; got != leastHeight {
		t.Errorf("dragged beyond the edge the lesson has %d lines, want %d", got, leastHeight)
	}
	checkFrame(t, s.model)
	if len(saved) != 5 || saved[4] != s.want {
		t.Fatalf("written down: %+v, want the last to be %+v", saved, s.want)
	}
	if again := newLayout(120, 40, saved[4].valid(), s.top, s.focus); again != s.layout {
		t.Errorf("with what was written down the screen is %+v, want %+v", again, s.layout)
	}
	runAll(s.press("ctrl+g", "=")...)
	if s.want != (Layout{}) {
		t.Errorf("after = the choice is %+v", s.want)
	}
	s.keeper.save = func(Layout) error { return errors.New("disk full") }
	for _, msg := range runAll(s.press("ctrl+g", "z")...) {
		s.send(msg)
	}
	if !strings.Contains(s.text(), "disk full") {
		t.Errorf("a choice that is not kept is not told:\n%s", s.text())
	}
}

func TestZoom(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		s := newScreen(t, "en", size[0], size[1], 3)
		s.shell.term = nil
		before := s.text()
		s.press("ctrl+g", "z")
		if w, h := s.layout.shellSize(); w != size[0]-4 || h != size[1]-3 {
			t.Errorf("the zoomed shell has %d×%d", w, h)
		}
		if !strings.Contains(s.text(), "✓◐○") {
			t.Errorf("the checks are not in sight:\n%s", s.text())
		}
		s.press("ctrl+g", "c")
		if !strings.Contains(s.text(), "EVENTS") || strings.Contains(s.text(), "SHELL ") {
			t.Errorf("the zoomed cluster:\n%s", s.text())
		}
		checkFrame(t, s.model)
		s.press("ctrl+g", "l", "ctrl+g", "s", "ctrl+g", "z")
		if got := s.text(); got != before {
			t.Errorf("after the zoom:\n%s\nbefore:\n%s", got, before)
		}
	}
}

// TestDamagedChoice: what a file may hold never breaks the screen.
func TestDamagedChoice(t *testing.T) {
	if got := (Layout{Arrange: "diagonal", Lesson: -5, Shell: 5000, Zoomed: true}).valid(); got != (Layout{Zoomed: true}) {
		t.Errorf("%+v", got)
	}
}

// TestMouseFocus: a click goes to the pane under it; the wheel scrolls it
// without taking the focus.
func TestMouseFocus(t *testing.T) {
	s := newScreen(t, "en", 120, 24, 40)
	s.shell.term = nil
	r := s.layout.panes[paneCluster]
	s.send(tea.MouseWheelMsg{X: r.x + 3, Y: r.y + 1, Button: tea.MouseWheelDown})
	if s.focus != paneShell {
		t.Error("the wheel took the focus")
	}
	if strings.Contains(s.text(), "svc/go-api") {
		t.Errorf("the wheel did not scroll:\n%s", s.text())
	}
	s.send(tea.MouseClickMsg{X: r.x + 3, Y: r.y + 1, Button: tea.MouseLeft})
	if s.focus != paneCluster {
		t.Errorf("a click into the cluster left the focus at %d", s.focus)
	}
	s.press("ctrl+g", "m")
	if s.View().MouseMode != tea.MouseModeNone {
		t.Error("the mouse was not given back to the terminal")
	}
}

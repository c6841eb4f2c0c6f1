package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/lessons"
)

// rendering runs the command that renders a long text; nil when there is none.
func rendering(t *testing.T, s *screen) *renderedMsg {
	t.Helper()
	s.lesson.rendering = bodyKey{}
	cmd := s.lesson.renderLong(s.layout.panes[paneLesson].w, s.words, s.styles)
	if cmd == nil {
		return nil
	}
	msg, ok := cmd().(renderedMsg)
	if !ok {
		t.Fatal("no text came")
	}
	return &msg
}

// TestLongLesson: the beginning of a text of ten thousand lines is there at once
// and the rest is rendered by a command; what was rendered for another width or
// an older text is dropped.
func TestLongLesson(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.send(lessonMsg(longLesson(10000)))
	checkFrame(t, s.model)
	if !strings.Contains(s.text(), "A paragraph with bold words") || !s.lesson.partial || len(s.lesson.body) > 4*headText {
		t.Fatalf("%d lines were rendered at once (partial: %v):\n%s", len(s.lesson.body), s.lesson.partial, s.text())
	}
	msg := rendering(t, s)
	s.send(tea.WindowSizeMsg{Width: 100, Height: 30})
	s.send(*msg)
	checkFrame(t, s.model)
	if !s.lesson.partial {
		t.Error("a text for another width was taken")
	}
	s.send(*rendering(t, s))
	checkFrame(t, s.model)
	if len(s.lesson.body) < 5000 || s.lesson.partial {
		t.Errorf("%d lines came", len(s.lesson.body))
	}
	if rendering(t, s) != nil {
		t.Error("what is there is rendered once more")
	}
	s.press("ctrl+g", "l", "G")
	checkFrame(t, s.model)
	if !strings.Contains(s.text(), "• two") {
		t.Errorf("the end:\n%s", s.text())
	}
	after := update("en")
	after.Entry++
	s.send(lessonMsg(after))
	s.send(*msg)
	checkFrame(t, s.model)
	if !strings.Contains(s.text(), "The Pods move") {
		t.Errorf("the step after:\n%s", s.text())
	}
}

func TestHead(t *testing.T) {
	text := "a\n\n```\ncode\n\nmore code\n```\n\nb\n\nc"
	for lines, want := range map[int]string{1: "a\n\n", 4: "a\n\n```\ncode\n\nmore code\n```\n\n", 100: text} {
		if got := head(text, lines); got != want {
			t.Errorf("%d lines: %q, want %q", lines, got, want)
		}
	}
}

// longLesson is a step with a text of at least so many lines.
func longLesson(lines int) lessons.Update {
	u := update("en")
	part := "\n\nA paragraph with **bold** words, `code` and a [link](https://kubernetes.io) that is long enough to be wrapped in most panes.\n\n```\nkubectl get pods\n```\n\n- one\n- two\n"
	u.Text.Body = strings.Repeat(part, lines/strings.Count(part, "\n")+1)
	return u
}

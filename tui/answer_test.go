package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/lessons"
)

// TestQuestionAfterQuestion: an answer that is right leads to the next open
// question, the last one back to the shell, and nothing that is typed for an
// answer gets into the shell or the other way round.
func TestQuestionAfterQuestion(t *testing.T) {
	wrong := questions("en", 0)
	wrong.Outcome.Checks[2].Why = []string{"“go” is not correct."}
	again := questions("en", 0)
	again.Entry++
	open := questions("en", 2)
	all := questions("en", 3)
	last := []any{"ctrl+g", "a", "v", "enter"}
	tests := []struct {
		name  string
		begin lessons.Update
		do    []any // keys and updates
		// Then: what the shell got ahead of its start, what was asked of the
		// lesson, which pane has the focus, what the prompt holds and what is
		// on the screen.
		shell, asked string
		focus        pane
		text, shown  string
	}{
		{"which question", questions("en", 0), []any{"ctrl+g", "a"}, "", "", paneLesson, "", "? Question 1 of 3: The full DNS name"},
		{
			"right", questions("en", 0),
			[]any{"ctrl+g", "a", "g", "enter", questions("en", 1)},
			"", "answer question1=g", paneLesson, "", "✓ Right. Question 2 of 3: The shortest name",
		},
		{
			"typed on before the verdict", questions("en", 0),
			[]any{"ctrl+g", "a", "g", "enter", "k", questions("en", 1), "u"},
			"", "answer question1=g", paneLesson, "ku", "Question 2 of 3",
		},
		{
			"Enter before the verdict sends nothing", questions("en", 0),
			[]any{"ctrl+g", "a", "g", "enter", "k", "enter", questions("en", 1)},
			"", "answer question1=g", paneLesson, "k", "Question 2 of 3",
		},
		{"wrong", questions("en", 0), []any{"ctrl+g", "a", "g", "o", "enter", wrong}, "", "answer question1=go", paneLesson, "", "✗ “go” is not correct."},
		{
			"up brings a wrong one back", questions("en", 0),
			[]any{"ctrl+g", "a", "g", "o", "enter", wrong, "up", "x"},
			"", "answer question1=go", paneLesson, "gox", "Question 1 of 3",
		},
		{"tab leaves one open", questions("en", 0), []any{"ctrl+g", "a", "tab"}, "", "", paneLesson, "", "? Question 2 of 3"},
		{"tab goes around", questions("en", 0), []any{"ctrl+g", "a", "tab", "tab", "tab"}, "", "", paneLesson, "", "? Question 1 of 3"},
		{"escape", questions("en", 0), []any{"ctrl+g", "a", "g", "esc", "l", "s"}, "ls", "", paneShell, "", "▸ SHELL"},
		{"the last", open, append(last, all, "l", "s"), "ls", "answer question3=v", paneShell, "", "▸ SHELL"},
		{"the last says so", open, append(last, all), "", "answer question3=v", paneShell, "", "What you type goes to the shell again."},
		{"typed on after the last", open, append(last, "x", all, "y"), "", "answer question3=v", paneLesson, "x", "Enter goes on"},
		{"typed on after the last, Enter", open, append(last, "x", all, "y", "enter", "l"), "l", "answer question3=v", paneShell, "", "▸ SHELL"},
		{
			"met by itself while typing", questions("en", 0),
			[]any{"ctrl+g", "a", "g", questions("en", 1), "q"},
			"", "", paneLesson, "g", "This question is answered. Enter goes on.",
		},
		{
			"met by itself, Enter", questions("en", 0),
			[]any{"ctrl+g", "a", "g", questions("en", 1), "q", "enter"},
			"", "", paneLesson, "", "? Question 2 of 3",
		},
		{
			"the step starts over while typing", questions("en", 0),
			[]any{"ctrl+g", "a", "g", again, "q"},
			"", "", paneLesson, "g", "your answer was not sent",
		},
		{
			"another pane in between", questions("en", 0),
			[]any{"ctrl+g", "a", "g", "ctrl+g", "s", "l", "s", "ctrl+g", "a", "o"},
			"ls", "", paneLesson, "go", "Question 1 of 3",
		},
		{"reset", questions("en", 0), []any{"ctrl+g", "a", "g", "ctrl+g", "r", "y", "l"}, "l", "reset", paneShell, "", "▸ SHELL"},
	}
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		for _, tt := range tests {
			t.Run(itoa(size[0])+"/"+tt.name, func(t *testing.T) {
				s := newScreen(t, "en", size[0], size[1], 3)
				s.send(lessonMsg(tt.begin))
				s.shell.term = nil // it keeps what it is given
				for _, what := range tt.do {
					switch what := what.(type) {
					case string:
						s.pressAndRun(what)
					case lessons.Update:
						s.lesson.set(what)
						s.afterAnswer()
					}
					checkFrame(t, s.model)
				}
				shell, asked, text := "", "", ""
				for _, k := range s.shell.ahead {
					shell += k.Text
				}
				for len(s.session.asked) > 0 {
					asked += <-s.session.asked
				}
				if p := s.lesson.prompt; p != nil {
					text = p.line.text
				}
				if shell != tt.shell || asked != tt.asked || s.focus != tt.focus || text != tt.text {
					t.Errorf("shell %q, asked %q, focus %v, text %q; want %q, %q, %v, %q", shell, asked, s.focus, text, tt.shell, tt.asked, tt.focus, tt.text)
				}
				if words := strings.Join(strings.Fields(s.text()), " "); !strings.Contains(words, tt.shown) {
					t.Errorf("%q is not on the screen:\n%s", tt.shown, s.text())
				}
			})
		}
	}
}

// TestOneVerdict: after a right answer and then a wrong one, the lesson says the
// one true thing about the question that is open, and says it once.
func TestOneVerdict(t *testing.T) {
	wrong := questions("en", 1)
	wrong.Outcome.Checks[3].Why = []string{"“go” is not correct."}
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		s := newScreen(t, "en", size[0], size[1], 3)
		s.send(lessonMsg(questions("en", 0)))
		s.shell.term = nil
		for _, what := range []any{"ctrl+g", "a", "x", "enter", questions("en", 1), "g", "o", "enter", wrong} {
			switch what := what.(type) {
			case string:
				s.pressAndRun(what)
			case lessons.Update:
				s.lesson.set(what)
				s.afterAnswer()
			}
		}
		words := strings.Join(strings.Fields(s.text()), " ")
		if strings.Contains(words, "Right.") || strings.Count(words, "is not correct") != 1 || !strings.Contains(words, "? Question 2 of 3") {
			t.Errorf("%v:\n%s", size, s.text())
		}
	}
}

// pressAndRun gives the model a key. Of its commands it runs those that ask the
// lesson for something, but leaves out what they say.
func (s *screen) pressAndRun(key string) {
	var run func(cmd tea.Cmd)
	run = func(cmd tea.Cmd) {
		if cmd == nil {
			return
		}
		if batch, ok := cmd().(tea.BatchMsg); ok {
			for _, c := range batch {
				run(c)
			}
		}
	}
	run(s.key(keyPress(key)))
}

// TestRoomForTheText: on a low screen the text keeps its share whatever the
// checks are, and gets most of the screen while it is read; the terminal of the
// shell keeps its size.
func TestRoomForTheText(t *testing.T) {
	tests := []struct {
		width, height int
		keys          []string
		least         int
	}{
		{80, 24, nil, 7},
		{80, 24, []string{"ctrl+g", "l"}, 10},
		{80, 24, []string{"ctrl+g", "a"}, 12},
		{120, 24, nil, 7},
		{120, 40, nil, 12},
		{200, 60, nil, 18},
	}
	for _, lang := range []string{"en", "zh-TW"} {
		for _, tt := range tests {
			s := newScreen(t, lang, tt.width, tt.height, 3)
			s.send(lessonMsg(questions(lang, 0)))
			w, h := s.layout.shellSize()
			s.press(tt.keys...)
			checkFrame(t, s.model)
			text := s.text()
			at := -1
			for i, l := range strings.Split(text, "\n") {
				if strings.Contains(l, "CHECKS 0 of 5") || strings.Contains(l, "檢查 0/5") {
					at = i - 2
				}
			}
			if at < tt.least {
				t.Errorf("%d×%d %s %q: %d lines of text, want %d:\n%s", tt.width, tt.height, lang, tt.keys, at, tt.least, text)
			}
			if w2, h2 := s.layout.shellSize(); w != w2 || h != h2 {
				t.Errorf("%d×%d %q: the shell changed from %d×%d to %d×%d", tt.width, tt.height, tt.keys, w, h, w2, h2)
			}
		}
	}
}

// TestTheTextStaysPut: going to the lesson and back shows the same lines again.
func TestTheTextStaysPut(t *testing.T) {
	s := newScreen(t, "en", 80, 24, 3)
	s.send(lessonMsg(questions("en", 2)))
	s.frame()
	s.send(lessonMsg(questions("en", 3)))
	before := s.text()
	s.press("ctrl+g", "l")
	s.frame()
	s.press("esc")
	if got := s.text(); got != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, got)
	}
}

//go:build !windows

package tui

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/tui/term"
)

// recorder is a program in the shell pane that keeps what it receives. It asks
// for everything that a terminal can tell: the mouse, pastes, the focus.
type recorder struct {
	t    *testing.T
	term *term.Term
	file string
	seen int // bytes of it that were looked at
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	dir := t.TempDir()
	tm, err := term.Start(term.Spec{
		Argv: []string{"sh", "-c", `stty raw -echo; printf '\033[?1000h\033[?1002h\033[?1006h\033[?2004hREADY'; exec cat >received`},
		Env:  []string{"PATH=" + os.Getenv("PATH")}, Dir: dir, Width: 80, Height: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	see(t, tm, "READY")
	return &recorder{t, tm, filepath.Join(dir, "received"), 0}
}

// received is what has come since it was asked for last.
func (r *recorder) received() string {
	r.t.Helper()
	const end = "<end of what was received>"
	if err := r.term.Type(end); err != nil {
		r.t.Fatal(err)
	}
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		data, err := os.ReadFile(r.file)
		if err != nil && !os.IsNotExist(err) {
			r.t.Fatal(err)
		}
		if out, ok := strings.CutSuffix(string(data[r.seen:]), end); ok {
			r.seen = len(data)
			return out
		}
		runtime.Gosched()
	}
	r.t.Fatal("the program in the shell does not read")
	return ""
}

// screen is a running lesson with the program in its shell pane.
func (r *recorder) screen() *screen {
	s := newScreen(r.t, "en", 120, 40, 3)
	u := questions("en", 0)
	u.Text.Body = "```\nkubectl get pods\n```\n\n" + u.Text.Body
	s.send(lessonMsg(u))
	s.running.Shell.Export = "export KUBECONFIG=x"
	s.shell.term = r.term
	frame := s.shells.frame(r.term, s.shell.scrolled)
	frame.number += 1 << 20 // later than that of newScreen
	s.shell.set(frame)
	return s
}

// hiding are the modes in which no input may get to the shell.
var hiding = []struct {
	name string
	open func(s *screen)
	once bool // the first key may close it, and what follows is for the shell
}{
	{"overlay", func(s *screen) { s.press("ctrl+g", "c", "e") }, false},
	{"overlay over the shell", func(s *screen) { s.showText("text", "one\ntwo") }, false},
	{"search in an overlay", func(s *screen) { s.press("ctrl+g", "c", "e", "/", "p") }, false},
	{"help", func(s *screen) { s.press("ctrl+g", "?") }, true},
	{"help over an overlay", func(s *screen) { s.press("ctrl+g", "c", "e", "?") }, true},
	{"help over an answer", func(s *screen) { s.press("ctrl+g", "a", "g", "ctrl+g", "?") }, true},
	{"question", func(s *screen) { s.press("ctrl+g", "n") }, false}, // which the prefix key closes
	{"question over an overlay", func(s *screen) { s.press("ctrl+g", "c", "e", "ctrl+g", "q") }, false},
	{"tour", func(s *screen) {
		s.opts.TourSeen = func() error { return nil }
		s.modes.push(tourMode{})
	}, true},
	{"terminal of one's own", func(s *screen) { s.press("ctrl+g", "e") }, true},
	{"answer", func(s *screen) { s.press("ctrl+g", "a") }, false},
	{"answer that is over", func(s *screen) {
		s.press("ctrl+g", "a", "g")
		s.send(lessonMsg(met("en")))
	}, false},
	{"lesson", func(s *screen) { s.press("ctrl+g", "l") }, false},
	{"cluster", func(s *screen) { s.press("ctrl+g", "c") }, false},
	{"history", func(s *screen) { s.press("ctrl+g", "[") }, false},
	{"search in the history", func(s *screen) { s.press("ctrl+g", "[", "/", "p") }, false},
	{"after the prefix key", func(s *screen) { s.press("ctrl+g") }, true},
	{"after the prefix key, over an overlay", func(s *screen) { s.press("ctrl+g", "c", "e", "ctrl+g") }, true},
	{"too small", func(s *screen) { s.send(tea.WindowSizeMsg{Width: 30, Height: 8}) }, false},
	{"start", func(s *screen) { s.stage, s.modes = starting, modeStack{startMode{}} }, false},
	{"start that failed", func(s *screen) { s.stage, s.modes = failed, modeStack{startMode{}}; s.start.failed(errClosing) }, false},
}

// TestNothingReachesAHiddenShell: whatever has the keyboard, and whatever is
// pressed, pasted, clicked or turned, the program in the shell gets none of it.
func TestNothingReachesAHiddenShell(t *testing.T) {
	r := newRecorder(t)
	type input struct {
		name string
		do   func(s *screen)
	}
	inputs := []input{
		{"a paste", func(s *screen) { s.send(tea.PasteMsg{Content: "echo pasted\nrm -r .\x1b[201~\n"}) }},
	}
	for name, at := range map[string]func(l layout) rect{
		"the shell": func(l layout) rect { return l.panes[paneShell] }, "the middle": func(l layout) rect { return rect{l.width / 2, l.height / 2, 0, 0} },
	} {
		mouse := func(what string, msgs ...func(tea.Mouse) tea.MouseMsg) {
			inputs = append(inputs, input{what + " over " + name, func(s *screen) {
				p := at(s.layout)
				for _, msg := range msgs {
					s.send(msg(tea.Mouse{X: p.x + 2, Y: p.y + 1, Button: tea.MouseLeft}))
				}
			}})
		}
		mouse("a motion", func(m tea.Mouse) tea.MouseMsg { return tea.MouseMotionMsg(m) })
		mouse("a release", func(m tea.Mouse) tea.MouseMsg { return tea.MouseReleaseMsg(m) })
	}
	for _, k := range []string{"x", "y", "1", "enter", "esc", "tab", "up", "backspace", "space", "ctrl+c", "ctrl+d", "ctrl+u", "f12", "叢"} {
		inputs = append(inputs, input{"the key " + k, func(s *screen) { s.press(k) }})
	}
	var sequences []string
	for _, b := range defaultBindings()[scopePrefix] {
		if b.action != actInsert { // which puts a command there: TestInsertShowsTheShell
			sequences = append(sequences, b.keys[0])
		}
	}
	for _, k := range append(sequences, "x", "1", "叢", "esc", "enter", "ctrl+c") {
		inputs = append(inputs, input{"^G " + k, func(s *screen) {
			if !s.modes.has(prefixMode{}) {
				s.press("ctrl+g")
			}
			s.press(k)
		}})
	}
	typed := input{"typing", func(s *screen) {
		for _, k := range []string{"x", "u", "z", "9", "叢", "x"} {
			s.press(k)
		}
	}}
	twice := input{"the prefix key twice", func(s *screen) { s.press("ctrl+g", "ctrl+g") }}
	for _, tt := range hiding {
		t.Run(tt.name, func(t *testing.T) {
			all := inputs
			if !tt.once {
				all = append(all, typed)
			}
			if !tt.once && tt.name != "question" {
				all = append(all, twice)
			}
			for _, in := range all {
				s := r.screen()
				tt.open(s)
				s.frame()
				in.do(s)
				if got := r.received(); got != "" {
					t.Errorf("%s: the shell received %q; in front is %T\n%s", in.name, got, s.front(), s.text())
				}
			}
		})
	}
}

// TestClicksReachOnlyWhatIsSeen: a click or the wheel over the place of the shell
// gets there only while the shell is in sight.
func TestClicksReachOnlyWhatIsSeen(t *testing.T) {
	r := newRecorder(t)
	inSight := map[string]bool{"answer": true, "answer that is over": true, "lesson": true, "cluster": true}
	for _, tt := range hiding {
		for _, how := range []string{"click", "wheel"} {
			s := r.screen()
			tt.open(s)
			s.frame()
			p := s.layout.panes[paneShell]
			at := tea.Mouse{X: p.x + 2, Y: p.y + 1, Button: tea.MouseLeft}
			if how == "click" {
				s.send(tea.MouseClickMsg(at))
				s.send(tea.MouseReleaseMsg(at))
			} else {
				at.Button = tea.MouseWheelUp
				s.send(tea.MouseWheelMsg(at))
			}
			got := r.received()
			if inSight[tt.name] {
				// The click brings the focus, the wheel goes to the program.
				if s.front() != mode(shellKeys{}) && how == "click" || (got == "") != (how == "click") {
					t.Errorf("%s, %s: the shell received %q; in front is %T", tt.name, how, got, s.front())
				}
			} else if got != "" {
				t.Errorf("%s, %s: the shell received %q", tt.name, how, got)
			}
		}
	}
}

// TestInsertShowsTheShell: a command is put into the shell only together with
// the shell in front.
func TestInsertShowsTheShell(t *testing.T) {
	r := newRecorder(t)
	for _, tt := range hiding {
		s := r.screen()
		s.frame() // the commands are those on the screen
		tt.open(s)
		if !s.modes.has(prefixMode{}) {
			s.press("ctrl+g")
		}
		s.press("i")
		switch got := r.received(); {
		case s.stage != running || s.layout.tiny:
			if s.stage != running && got != "" {
				t.Errorf("%s: the shell received %q", tt.name, got)
			}
		case got != "\x1b[200~kubectl get pods\x1b[201~" && got != "" || s.front() != mode(shellKeys{}):
			t.Errorf("%s: the shell received %q; in front is %T", tt.name, got, s.front())
		}
	}
}

// TestPassingModes: what only lasts a moment hides nothing. What ends it means
// what it means without it.
func TestPassingModes(t *testing.T) {
	r := newRecorder(t)
	for name, open := range map[string]func(s *screen){
		"borders": func(s *screen) { s.press("ctrl+g", ">", ">") },
		"border by the mouse": func(s *screen) {
			s.send(tea.MouseClickMsg{X: s.layout.divider, Y: 5, Button: tea.MouseLeft})
		},
		"selection": func(s *screen) {
			s.shell.frame.mouse = false
			p := s.layout.panes[paneShell]
			s.send(tea.MouseClickMsg{X: p.x + 1, Y: p.y + 1, Button: tea.MouseLeft})
		},
	} {
		for how, do := range map[string]func(s *screen){
			"ls":                        func(s *screen) { s.press("l", "s") },
			"\x1b[200~ls\x1b[201~":      func(s *screen) { s.send(tea.PasteMsg{Content: "ls"}) },
			"":                          func(s *screen) { s.press("ctrl+g", "x") },
			"\x07":                      func(s *screen) { s.press("ctrl+g", "ctrl+g") },
			"\x1b[200~kubectl get pods": func(s *screen) { s.press("ctrl+g", "i") },
		} {
			s := r.screen()
			s.frame()
			open(s)
			if len(s.modes) != 1 {
				t.Fatalf("%s: open are %v", name, s.modes)
			}
			do(s)
			if got := r.received(); strings.TrimSuffix(got, "\x1b[201~") != strings.TrimSuffix(how, "\x1b[201~") || len(s.modes) > 0 {
				t.Errorf("%s: the shell received %q, want %q; open are %v", name, got, how, s.modes)
			}
		}
	}
}

// TestCommandsEverywhere: after the prefix key a command works wherever the
// keyboard is, but for the start.
func TestCommandsEverywhere(t *testing.T) {
	for _, tt := range hiding {
		s := newScreen(t, "en", 120, 40, 3)
		s.running.Shell.Export = "export KUBECONFIG=x"
		s.send(lessonMsg(questions("en", 0)))
		tt.open(s)
		if s.stage != running {
			continue
		}
		if !s.modes.has(prefixMode{}) {
			s.press("ctrl+g")
		}
		before := len(s.session.asked)
		s.shell.term = nil // its commands would need a real one
		cmds := s.press("r", "y")
		runAll(cmds[1])
		if len(s.session.asked) != before+1 {
			t.Errorf("%s: ^G r y asked for %d things; in front is %T\n%s", tt.name, len(s.session.asked)-before, s.front(), s.text())
		}
	}
}

// TestGoToThePanes: a command that goes to a pane closes what lies over it.
func TestGoToThePanes(t *testing.T) {
	for key, want := range map[string]mode{"s": shellKeys{}, "l": lessonKeys{}, "c": clusterKeys{}} {
		for _, open := range [][]string{{"ctrl+g", "c", "e"}, {"ctrl+g", "c", "e", "/", "p"}, {"ctrl+g", "c", "e", "?"}, {"ctrl+g", "?"}} {
			s := newScreen(t, "en", 120, 40, 3)
			s.press(append(open, "ctrl+g", key)...)
			if s.front() != want || len(s.modes) > 0 {
				t.Errorf("%v, then ^G %s: in front is %T", open, key, s.front())
			}
		}
	}
}

// TestPasteIntoALine: text that is pasted while a line is typed lands in it, and
// is searched for.
func TestPasteIntoALine(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.shell.term = nil
	s.send(lessonMsg(questions("en", 0)))
	s.press("ctrl+g", "a")
	s.send(tea.PasteMsg{Content: "go-api.\x1b[31m\ndefault\x07\n"})
	if got := s.lesson.prompt.line.text; got != "go-api. default" {
		t.Errorf("the answer is %q", got)
	}
	s.press("esc", "ctrl+g", "c", "e", "/")
	s.frame() // a search is for what is on the screen
	s.send(tea.PasteMsg{Content: "already\tpresent\n"})
	if got := s.overlay.search; got.line.text != "already present" || len(got.found) == 0 || !strings.Contains(s.text(), "/already present  1/") {
		t.Errorf("searched for %q, found %v\n%s", got.line.text, got.found, s.text())
	}
	h := newShellScreen(t, "seq 1 200; cat")
	h.shows("200")
	h.do("ctrl+g", "[", "/")
	h.send(tea.PasteMsg{Content: "77\n"})
	h.do("enter")
	h.shows("77")
	if at := h.shell.browse.at; at.Line != 176 {
		t.Errorf("the cursor is at %v", at)
	}
}

// TestCursorWhereTextIsTyped: the terminal's cursor stands where the next
// character appears, so that an input method opens its window there; while
// nothing can be typed there is none.
func TestCursorWhereTextIsTyped(t *testing.T) {
	type place struct {
		open  []string
		typed string // pasted
		left  int    // then as often to the left
		want  string // what stands before the cursor in its line
	}
	places := []place{
		{[]string{"ctrl+g", "a"}, "", 0, "❯ "},
		{[]string{"ctrl+g", "a"}, "go-api", 0, "❯ go-api"},
		{[]string{"ctrl+g", "a"}, "叢集ａ", 1, "❯ 叢集"},
		{[]string{"ctrl+g", "a"}, strings.Repeat("很長", 100) + "的", 0, "長很長的"},
		{[]string{"ctrl+g", "c", "e", "/"}, "映像檔", 1, "/映像"},
		{[]string{"ctrl+g", "c", "e", "/"}, strings.Repeat("長", 100), 0, "長長"},
		{[]string{"ctrl+g", "[", "/"}, "映像檔", 0, "/映像檔"},
		{[]string{"ctrl+g", "[", "/"}, strings.Repeat("x", 300), 0, "xxxx"},
	}
	for _, size := range [][2]int{{60, 20}, {80, 24}, {120, 40}, {200, 60}} {
		for _, p := range places {
			s := newScreen(t, "en", size[0], size[1], 3)
			s.send(lessonMsg(questions("en", 0)))
			s.frame()
			s.press(p.open...)
			s.send(tea.PasteMsg{Content: p.typed})
			for range p.left {
				s.press("left")
			}
			v := s.View()
			if v.Cursor == nil {
				t.Errorf("%v %v: no cursor\n%s", size, p, s.text())
				continue
			}
			line := cut(s.frame()[v.Cursor.Y], 0, v.Cursor.X)
			if !strings.HasSuffix(plain([]string{line + "|"}), p.want+"|\n") {
				t.Errorf("%v %v: before the cursor stands %q, want %q\n%s", size, p, plain([]string{line}), p.want, s.text())
			}
			s.press("ctrl+g", "?")
			if c := s.View().Cursor; c != nil {
				t.Errorf("%v %v: under the help the cursor is at %v", size, p, c)
			}
		}
	}
}

// TestLessonTakesNoText: in the lesson a key that means nothing says where text
// goes, and Enter puts no command into the shell that is not marked.
func TestLessonTakesNoText(t *testing.T) {
	r := newRecorder(t)
	s := r.screen()
	s.frame()
	s.press("ctrl+g", "l", "u")
	if want := "This pane takes no text; Esc goes back to the shell."; !strings.Contains(s.text(), want) {
		t.Errorf("no %q:\n%s", want, s.text())
	}
	s.press("enter")
	if got := r.received(); got != "" || s.focus != paneLesson || !strings.Contains(s.text(), "▶ kubectl get pods") || !strings.Contains(s.text(), "Press Enter again") {
		t.Errorf("the shell received %q:\n%s", got, s.text())
	}
	s.press("enter")
	if got := r.received(); got != "\x1b[200~kubectl get pods\x1b[201~" || s.focus != paneShell {
		t.Errorf("the shell received %q", got)
	}
	s.press("ctrl+g", "c", "u")
	if !strings.Contains(s.text(), "This pane takes no text") {
		t.Errorf("nothing is said in the cluster:\n%s", s.text())
	}
}

// TestQuestionStays: keys other than yes and no leave a question open.
func TestQuestionStays(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.shell.term = nil
	s.press("ctrl+g", "n", "k", "u", "enter", "space")
	s.send(noticeMsg("something else"))
	if !strings.Contains(s.text(), "? This step is not done.") || len(s.shell.ahead) > 0 {
		t.Errorf("the shell got %v:\n%s", s.shell.ahead, s.text())
	}
	for _, no := range []string{"n", "esc", "ctrl+c"} {
		s.press("ctrl+g", "n", no)
		if len(s.modes) > 0 || len(s.session.asked) > 0 {
			t.Errorf("%s: open are %v", no, s.modes)
		}
	}
}

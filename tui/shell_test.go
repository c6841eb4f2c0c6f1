//go:build !windows

package tui

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/tui/term"
)

// shellScreen is a screen whose shell pane has a real program in it; its
// commands run at once.
type shellScreen struct {
	*screen
	copied string // what came to the clipboard
}

func newShellScreen(t *testing.T, program string) *shellScreen {
	t.Helper()
	s := &shellScreen{screen: newScreen(t, "en", 120, 40, 3)}
	w, h := s.layout.shellSize()
	tm, err := term.Start(term.Spec{
		Argv: []string{"sh", "-c", program}, Env: []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}, Dir: t.TempDir(), Width: w, Height: h,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	s.shell.term, s.shell.frame = tm, shellFrame{}
	return s
}

// run runs a command of the shell pane and what follows from it.
func (s *shellScreen) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			s.run(c)
		}
	case shellMsg, shellNews:
		s.run(s.handle(msg))
	default:
		if fmt.Sprintf("%T", msg) == "tea.setClipboardMsg" {
			s.copied = fmt.Sprint(msg)
		}
	}
}

func (s *shellScreen) do(keys ...string) {
	for _, k := range keys {
		s.run(s.key(keyPress(k)))
	}
}

func (s *shellScreen) point(msg tea.MouseMsg) { s.run(s.mouse(msg)) }

// shows waits until the pane shows a text.
func (s *shellScreen) shows(want string) {
	s.t.Helper()
	limit := time.After(patience)
	for {
		s.run(s.redrawShell())
		if strings.Contains(s.text(), want) {
			return
		}
		select {
		case <-s.shell.term.Dirty():
		case <-limit:
			s.t.Fatalf("%q did not come:\n%s", want, s.text())
		}
	}
}

func (s *shellScreen) hidden(text string) {
	s.t.Helper()
	s.run(s.redrawShell())
	if strings.Contains(s.text(), text) {
		s.t.Errorf("%q is shown:\n%s", text, s.text())
	}
}

// TestShellHistory: reading the history by keys, looking for text in it, and
// copying a part.
func TestShellHistory(t *testing.T) {
	s := newShellScreen(t, "for i in $(seq 1 200); do echo Line-$i-of-200; done; cat")
	s.shows("Line-200-of-200")
	s.do("ctrl+g", "[")
	s.shows("next match")
	s.do("/", "l", "i", "n", "e", "-", "7", "-", "x", "backspace", "enter")
	s.shows("Line-7-of")
	s.hidden("Line-200-of")
	if at := s.shell.browse.at; at.Line != 6 || at.X != 0 {
		t.Errorf("the cursor is at %v", at)
	}
	s.do("/", "9", "9", "9", "enter")
	if !strings.Contains(s.text(), "not found: 999") {
		t.Errorf("no word of it:\n%s", s.text())
	}
	s.do("y")
	if s.copied != "" || s.shell.browse == nil {
		t.Errorf("nothing was selected, but %q was copied", s.copied)
	}
	s.do("V", "j", "j", "y")
	if want := "Line-7-of-200\nLine-8-of-200\nLine-9-of-200"; s.copied != want {
		t.Errorf("copied %q, want %q", s.copied, want)
	}
	s.shows("Line-200-of")
	if s.shell.browse != nil {
		t.Error("the history is still open")
	}
	// Pages, both ends, and back by Esc.
	s.do("ctrl+g", "pgup", "pgup", "g")
	s.shows("Line-1-of")
	s.do("G")
	s.shows("Line-200-of")
	s.do("g", "l", "l", "v", "$", "y")
	if s.copied != "ne-1-of-200" {
		t.Errorf("copied %q", s.copied)
	}
}

// TestShellHistoryStaysInPlace: lines that are being read stay where they are
// while the program prints more, and a key goes back to the program.
func TestShellHistoryStaysInPlace(t *testing.T) {
	s := newShellScreen(t, "seq -f a%g 1 100; read go; seq -f b%g 1 50; read go; echo read=$go.; cat")
	s.shows("a100")
	w := s.layout.panes[paneShell]
	s.point(tea.MouseWheelMsg{X: w.x + 1, Y: w.y + 1, Button: tea.MouseWheelUp})
	s.point(tea.MouseWheelMsg{X: w.x + 1, Y: w.y + 1, Button: tea.MouseWheelUp})
	s.hidden("a100")
	top := s.shell.frame.rows[0]
	if err := s.shell.term.Type("\r"); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(patience)
	for s.shell.term.HistoryLen() < 130 {
		select {
		case <-s.shell.term.Dirty():
		case <-deadline:
			t.Fatal("no output")
		}
	}
	s.run(s.redrawShell())
	if s.shell.frame.rows[0] != top {
		t.Errorf("the lines moved: %q, before %q", s.shell.frame.rows[0], top)
	}
	s.do("x", "enter")
	s.shows("read=x.")
}

// TestShellSelection: the mouse selects characters, words and lines.
func TestShellSelection(t *testing.T) {
	s := newShellScreen(t, "echo 'pod/go-api-7d4 叢集 ready (1/1)'; echo second; cat")
	s.shows("second")
	r := s.layout.panes[paneShell]
	press := func(x, y int) {
		s.point(tea.MouseClickMsg{X: r.x + x, Y: r.y + y, Button: tea.MouseLeft})
	}
	move := func(x, y int) {
		s.point(tea.MouseMotionMsg{X: r.x + x, Y: r.y + y, Button: tea.MouseLeft})
	}
	release := func(x, y int) {
		s.point(tea.MouseReleaseMsg{X: r.x + x, Y: r.y + y, Button: tea.MouseLeft})
	}
	tests := []struct {
		name string
		do   func()
		want string
	}{
		{"characters", func() { press(4, 0); move(6, 0); move(9, 0); release(9, 0) }, "go-api"},
		{"backwards over two lines", func() { press(2, 1); move(21, 0); release(21, 0) }, "eady (1/1)\nsec"},
		{"a wide character by its second half", func() { press(16, 0); move(18, 0); release(18, 0) }, "叢集"},
		{"a double click", func() { press(6, 0); release(6, 0); press(6, 0); release(6, 0) }, "pod/go-api-7d4"},
		{"a triple click", func() {
			press(3, 1)
			release(3, 1)
			press(3, 1)
			release(3, 1)
			press(3, 1)
			release(3, 1)
		}, "second"},
		{"out of the pane", func() { press(0, 0); move(-40, 300); release(-40, 300) }, "pod/go-api-7d4 叢集 ready (1/1)\nsecond"},
	}
	for _, tt := range tests {
		s.copied, s.shell.drag = "", drag{}
		tt.do()
		if got := strings.TrimRight(s.copied, "\n"); got != tt.want {
			t.Errorf("%s: copied %q, want %q", tt.name, got, tt.want)
		}
	}
	if !strings.Contains(strings.Join(s.shell.frame.rows, ""), "\x1b[0;7m") {
		t.Errorf("the selection is not to be seen: %q", s.shell.frame.rows)
	}
	s.copied, s.shell.drag = "", drag{}
	press(1, 0)
	release(1, 0)
	if s.copied != "" || s.shell.scrolled().Select != nil {
		t.Errorf("a click selected %q", s.copied)
	}
}

// TestShellMouseGoesInside: a program that asks for the mouse gets it, and one
// on the alternate screen that does not gets arrow keys for the wheel.
func TestShellMouseGoesInside(t *testing.T) {
	s := newShellScreen(t, `stty raw -echo; printf '\033[?1049h\033[?1000h\033[?1006hFULLSCREEN'; k=$(dd bs=1 count=9 2>/dev/null | od -An -c | tr -d ' \n'); printf '\033[?1000lgot%s.' "$k"; k=$(dd bs=1 count=9 2>/dev/null | od -An -c | tr -d ' \n'); printf 'then%s.' "$k"; cat`)
	s.shows("FULLSCREEN")
	r := s.layout.panes[paneShell]
	s.point(tea.MouseClickMsg{X: r.x + 2, Y: r.y + 1, Button: tea.MouseLeft})
	s.shows(`got033[<0;3;2M.`)
	s.point(tea.MouseWheelMsg{X: r.x + 2, Y: r.y + 1, Button: tea.MouseWheelUp})
	s.shows(`then033[A033[A033[A.`)
}

func TestOwnTerminal(t *testing.T) {
	s := newShellScreen(t, "cat")
	s.running.Shell.Export = "export KUBECONFIG=/state/k8stutor/clusters/default/kubeconfig " + strings.Repeat("KUBERC=off ", 20) + "END=1"
	s.do("ctrl+g", "e")
	if s.copied != s.running.Shell.Export {
		t.Errorf("copied %q", s.copied)
	}
	if text := s.text(); !strings.Contains(text, "export KUBECONFIG=") || !strings.Contains(text, "END=1") {
		t.Errorf("the line is not to be seen:\n%s", text)
	}
	s.do("x")
	s.hidden("export KUBECONFIG=")
}

// TestShellFocus: a program that asked for it is told when the keys go elsewhere,
// to another pane or another window, and when they come back; others are not.
func TestShellFocus(t *testing.T) {
	s := newShellScreen(t, "stty -icanon -echo; printf 'asked\\033[?1004h\\n'; cat -v")
	s.shows("asked")
	if !s.View().ReportFocus {
		t.Error("the terminal is not asked to tell")
	}
	s.do("ctrl+g", "c")
	s.shows("^[[O")
	s.do("ctrl+g", "l")
	s.send(tea.BlurMsg{}) // away already
	s.do("ctrl+g", "s")
	s.send(tea.FocusMsg{})
	s.shows("^[[O^[[I")
	s.send(tea.BlurMsg{})
	s.shows("^[[O^[[I^[[O")
	s.hidden("^[[O^[[O")
}

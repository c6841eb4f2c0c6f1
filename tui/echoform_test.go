//go:build !windows

package tui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/xpty"
)

// tape keeps each write on its way to the terminal.
type tape struct {
	to     io.Writer
	news   chan struct{}
	mu     sync.Mutex
	writes [][]byte
}

func (p *tape) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.writes = append(p.writes, bytes.Clone(b))
	p.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default:
	}
	return p.to.Write(b)
}

// since waits until a write after the first n contains the text, and returns
// what was written since then.
func (p *tape) since(t *testing.T, n int, text string) [][]byte {
	t.Helper()
	limit := time.After(patience)
	for {
		p.mu.Lock()
		out := p.writes[min(n, len(p.writes)):]
		p.mu.Unlock()
		for _, w := range out {
			if bytes.Contains(w, []byte(text)) {
				return out
			}
		}
		select {
		case <-p.news:
		case <-limit:
			t.Fatalf("no write with %q; there are %q", text, out)
		}
	}
}

func (p *tape) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.writes)
}

// views is a model that shows what it is told.
type views struct {
	view  tea.View
	sized chan struct{} // has a value once the size is known
}

func (v *views) Init() tea.Cmd { return tea.RequestBackgroundColor }
func (v *views) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.View:
		v.view = msg
	case tea.WindowSizeMsg:
		select {
		case v.sized <- struct{}{}:
		default:
		}
	case tea.Cmd:
		return v, msg
	}
	return v, nil
}
func (v *views) View() tea.View { return v.view }

func cyrillic(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }

// pinned is a program on a real terminal, with what it writes.
type pinned struct {
	t      *testing.T
	pty    *xpty.UnixPty
	tape   *tape
	prog   *tea.Program
	sized  chan struct{}
	golden strings.Builder
}

// pin runs a program that begins with a view, until the test ends.
func pin(t *testing.T, w, h int, first tea.View) *pinned {
	t.Helper()
	pty, err := xpty.NewUnixPty(w, h)
	if err != nil {
		t.Fatal(err)
	}
	p := &pinned{t: t, pty: pty, tape: &tape{to: pty.Slave(), news: make(chan struct{}, 1)}}
	p.sized = make(chan struct{}, 1)
	p.prog = tea.NewProgram(&views{first, p.sized},
		tea.WithInput(pty.Slave()), tea.WithOutput(echoFile{pty.Slave(), p.tape}), tea.WithEnvironment([]string{"TERM=xterm-256color"}),
		tea.WithColorProfile(colorprofile.TrueColor), tea.WithoutSignalHandler(), tea.WithFPS(120))
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(io.Discard, pty.Master()) })
	wg.Go(func() { _, _ = p.prog.Run() })
	t.Cleanup(func() {
		p.prog.Kill()
		pty.Close()
		wg.Wait()
	})
	return p
}

// step gives the program a message, and looks at what it writes until a text
// comes: what it is taken for must be as it is, and it goes into the golden file.
func (p *pinned) step(what, text string, msg tea.Msg, want func(is written) bool) {
	p.t.Helper()
	n := p.tape.len()
	p.prog.Send(msg)
	fmt.Fprintf(&p.golden, "%s\n", what)
	for _, w := range p.tape.since(p.t, n, text) {
		is := recognise(w)
		fmt.Fprintf(&p.golden, "  %q\n  %+v\n", w, is)
		if !want(is) {
			p.t.Errorf("%s: %q is taken for %+v", what, w, is)
		}
		for _, saved := range []string{"\x1b7", "\x1b8", "\x1b[s", "\x1b[u"} {
			if bytes.Contains(w, []byte(saved)) {
				p.t.Errorf("%s: %q uses the saved cursor, in which echoWriter keeps Bubble Tea's", what, w)
			}
		}
	}
}

// TestBubbleTeaOutput pins the form of what Bubble Tea writes, on a real
// terminal, as far as echoWriter relies on it. When it fails after an update of
// Bubble Tea: see whether recognise still tells what the writes are, whether a
// frame is still one write, and whether Bubble Tea now uses the saved cursor,
// which echoWriter does; then -update.
func TestBubbleTeaOutput(t *testing.T) {
	const w, h = 30, 8
	letter := 'а' // Cyrillic: in no sequence
	row := func() string { letter++; return strings.Repeat(string(letter), 8) }
	view := func(cursor *tea.Cursor, lines ...string) tea.View {
		v := tea.NewView(strings.Join(lines, "\n"))
		v.AltScreen, v.WindowTitle, v.MouseMode, v.Cursor = true, "k8stutor", tea.MouseModeCellMotion, cursor
		return v
	}
	lines := make([]string, h)
	for i := range lines {
		lines[i] = row()
	}
	p := pin(t, w, h, view(tea.NewCursor(2, 2), lines...))
	first := p.tape.since(t, 0, lines[h-1][:2])
	p.tape.since(t, 0, "\x1b]11;?") // the question for the background
	p.tape.since(t, 0, "$p")        // and those for modes
	enters := 0
	for _, w := range first {
		if recognise(w).enters {
			enters++
		} else if bytes.ContainsFunc(w, cyrillic) {
			t.Errorf("a frame before the screen is entered, or in two writes: %q", w)
		}
	}
	if enters != 1 {
		t.Errorf("the screen is entered %d times: %q", enters, first)
	}

	// The first size redraws everything once more.
	<-p.sized
	n := p.tape.len()
	lines[5] = row()
	p.prog.Send(view(tea.NewCursor(2, 2), lines...))
	p.tape.since(t, n, lines[5][:2])

	frame := func(is written) bool { return is.frame && !is.enters && !is.leaves && !is.redraws }
	scroll := func(is written) bool { return frame(is) && is.scrolls }
	other := func(is written) bool { return !is.frame && !is.enters && !is.leaves && !is.redraws }
	cursor := tea.NewCursor(7, 2)
	change := append([]string(nil), lines...)
	change[3] = row()
	p.step("a line changes", change[3][:2], view(cursor, change...), frame)
	up := append(append([]string(nil), change[1:]...), row())
	p.step("it scrolls up", up[h-1][:2], view(cursor, up...), scroll)
	down := append([]string{row()}, up[:h-1]...)
	p.step("it scrolls down", down[0][:2], view(cursor, down...), scroll)
	part := append([]string(nil), down...)
	copy(part[1:6], down[2:7])
	part[6] = row()
	p.step("a part scrolls up", part[6][:2], view(cursor, part...), scroll)
	p.step("the cursor moves", "H", view(tea.NewCursor(3, 6), part...), frame)
	p.step("the cursor goes", ansi.ResetModeTextCursorEnable, view(nil, part...), frame)
	p.step("the clipboard", "\x1b]52;", tea.Cmd(tea.SetClipboard("Last SM")), other)
	p.step("the background is asked for", "\x1b]11;?", tea.Cmd(tea.RequestBackgroundColor), other)
	compare(t, "bubbletea-output", p.golden.String())
	p.testResizeAndLeave(w+4, h, row()[:2], func(text string) tea.View { return view(nil, append([]string{text}, part[1:]...)...) })
}

// testResizeAndLeave: another size redraws everything, and the end leaves the
// screen in its first write.
func (p *pinned) testResizeAndLeave(w, h int, text string, view func(text string) tea.View) {
	if err := p.pty.Resize(w, h); err != nil {
		p.t.Fatal(err)
	}
	n := p.tape.len()
	p.prog.Send(tea.WindowSizeMsg{Width: w, Height: h})
	p.prog.Send(view(text))
	redraws := false
	for _, w := range p.tape.since(p.t, n, text) {
		redraws = redraws || recognise(w).redraws
	}
	if !redraws {
		p.t.Errorf("another size redraws nothing: %q", p.tape.since(p.t, n, text))
	}
	n = p.tape.len()
	p.prog.Quit()
	p.prog.Wait()
	for i, w := range p.tape.since(p.t, n, ansi.ResetModeAltScreenSaveCursor) {
		if is := recognise(w); is.leaves != (i == 0) || bytes.ContainsFunc(w, cyrillic) {
			p.t.Errorf("leaving: write %d is %q", i, w)
		}
	}
}

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
type views struct{ view tea.View }

func (v *views) Init() tea.Cmd { return tea.RequestBackgroundColor }
func (v *views) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.View:
		v.view = msg
	case tea.Cmd:
		return v, msg
	}
	return v, nil
}
func (v *views) View() tea.View { return v.view }

func cyrillic(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }

// TestBubbleTeaOutput pins the form of what Bubble Tea writes, on a real
// terminal, as far as echoWriter relies on it. When it fails after an update of
// Bubble Tea: see whether recognise still tells what the writes are, whether a
// frame is still one write, and whether Bubble Tea now uses the saved cursor,
// which echoWriter does; then -update.
func TestBubbleTeaOutput(t *testing.T) {
	const w, h = 30, 8
	pty, err := xpty.NewUnixPty(w, h)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer pty.Close()
	wg.Go(func() { _, _ = io.Copy(io.Discard, pty.Master()) })
	p := &tape{to: pty.Slave(), news: make(chan struct{}, 1)}
	letter := 'а' // Cyrillic: in no sequence
	view := func(cursor *tea.Cursor, lines ...string) tea.View {
		v := tea.NewView(strings.Join(lines, "\n"))
		v.AltScreen, v.WindowTitle, v.MouseMode, v.Cursor = true, "k8stutor", tea.MouseModeCellMotion, cursor
		return v
	}
	row := func() string { letter++; return strings.Repeat(string(letter), 8) }
	lines := make([]string, h)
	for i := range lines {
		lines[i] = row()
	}
	prog := tea.NewProgram(&views{view(tea.NewCursor(2, 2), lines...)},
		tea.WithInput(pty.Slave()), tea.WithOutput(echoFile{pty.Slave(), p}), tea.WithEnvironment([]string{"TERM=xterm-256color"}),
		tea.WithColorProfile(colorprofile.TrueColor), tea.WithoutSignalHandler(), tea.WithFPS(120))
	wg.Go(func() { _, _ = prog.Run() })
	defer prog.Kill()
	first := p.since(t, 0, lines[h-1][:2])
	p.since(t, 0, "\x1b]11;?") // the question for the background
	p.since(t, 0, "$p")        // and those for modes

	var golden strings.Builder
	note := func(what string, writes [][]byte) {
		fmt.Fprintf(&golden, "%s\n", what)
		for _, w := range writes {
			is := recognise(w)
			fmt.Fprintf(&golden, "  %q\n  %+v\n", w, is)
			if bytes.Contains(w, []byte("\x1b7")) || bytes.Contains(w, []byte("\x1b8")) || bytes.Contains(w, []byte("\x1b[s")) || bytes.Contains(w, []byte("\x1b[u")) {
				t.Errorf("%s: %q uses the saved cursor, in which echoWriter keeps Bubble Tea's", what, w)
			}
		}
	}
	enters := 0
	for _, w := range first {
		if is := recognise(w); is.enters {
			enters++
		} else if bytes.ContainsFunc(w, cyrillic) {
			t.Errorf("a frame before the screen is entered, or in two writes: %q", w)
		}
	}
	if enters != 1 {
		t.Errorf("the screen is entered %d times: %q", enters, first)
	}
	step := func(what, text string, msg tea.Msg) [][]byte {
		t.Helper()
		n := p.len()
		prog.Send(msg)
		out := p.since(t, n, text)
		note(what, out)
		return out
	}
	see := func(what string, check func(is written) bool, out [][]byte) {
		t.Helper()
		for _, w := range out {
			if !check(recognise(w)) {
				t.Errorf("%s: %q is taken for %+v", what, w, recognise(w))
			}
		}
	}
	isFrame := func(is written) bool { return is.frame && !is.enters && !is.leaves && !is.redraws }
	cursor := tea.NewCursor(7, 2)
	change := append([]string(nil), lines...)
	change[3] = row()
	see("an echo", isFrame, step("a line changes", change[3][:2], view(cursor, change...)))
	scrolled := append(append([]string(nil), change[1:]...), row())
	see("a scroll", func(is written) bool { return isFrame(is) && is.scrolls }, step("it scrolls up", scrolled[h-1][:2], view(cursor, scrolled...)))
	back := append([]string{row()}, scrolled[:h-1]...)
	see("a scroll", func(is written) bool { return isFrame(is) && is.scrolls }, step("it scrolls down", back[0][:2], view(cursor, back...)))
	part := append([]string(nil), back...)
	copy(part[1:6], back[2:7])
	part[6] = row()
	see("a scroll", func(is written) bool { return isFrame(is) && is.scrolls }, step("a part scrolls up", part[6][:2], view(cursor, part...)))
	see("a cursor", isFrame, step("the cursor moves", "H", view(tea.NewCursor(3, 6), part...)))
	see("no cursor", isFrame, step("the cursor goes", ansi.ResetModeTextCursorEnable, view(nil, part...)))
	see("the clipboard", func(is written) bool { return !is.frame }, step("the clipboard", "\x1b]52;", tea.Cmd(tea.SetClipboard("Last SM"))))
	see("a question", func(is written) bool { return !is.frame }, step("the background is asked for", "\x1b]11;?", tea.Cmd(tea.RequestBackgroundColor)))
	if err := pty.Resize(w+4, h); err != nil {
		t.Fatal(err)
	}
	part[0] = row()
	n := p.len()
	prog.Send(tea.WindowSizeMsg{Width: w + 4, Height: h})
	prog.Send(view(nil, part...))
	redraws := 0
	for _, w := range p.since(t, n, part[0][:2]) {
		if recognise(w).redraws {
			redraws++
		}
	}
	if redraws == 0 {
		t.Errorf("another size draws nothing anew: %q", p.since(t, n, part[0][:2]))
	}
	n = p.len()
	prog.Quit()
	prog.Wait()
	leaves := p.since(t, n, ansi.ResetModeAltScreenSaveCursor)
	for i, w := range leaves {
		if is := recognise(w); is.leaves != (i == 0) || bytes.ContainsFunc(w, cyrillic) {
			t.Errorf("leaving: write %d is %q", i, w)
		}
	}
	compare(t, "bubbletea-output", golden.String())
}

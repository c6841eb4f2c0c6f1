package tui

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"github.com/k8stutor/k8stutor/tui/term"
)

// painter draws views as Bubble Tea does: what has changed since the last one,
// by what it believes to be on the terminal.
type painter struct {
	buf   bytes.Buffer
	scr   *uv.TerminalRenderer
	cells uv.ScreenBuffer
	size  uv.Rectangle
	begun bool
}

func newPainter(w, h int) *painter {
	p := &painter{cells: uv.NewScreenBuffer(w, h), size: uv.Rect(0, 0, w, h)}
	p.scr = uv.NewTerminalRenderer(&p.buf, []string{"TERM=xterm-256color"})
	p.scr.SetColorProfile(colorprofile.TrueColor)
	p.scr.SetScrollOptim(true)
	p.scr.SetFullscreen(true)
	p.scr.SetRelativeCursor(false)
	p.scr.Resize(w, h)
	p.scr.Erase()
	return p
}

func (p *painter) paint(t *testing.T, lines []string) []byte {
	p.buf.Reset()
	if p.size != p.cells.Bounds() {
		p.scr.Erase()
		p.cells.Touched = nil
		p.cells.Resize(p.size.Dx(), p.size.Dy())
	}
	p.cells.Clear()
	uv.NewStyledString(strings.Join(lines, "\n")).Draw(p.cells, p.cells.Bounds())
	p.scr.Render(p.cells.RenderBuffer)
	if err := p.scr.Flush(); err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(p.buf.Bytes())
	if !p.begun {
		p.begun = true
		out = append([]byte(ansi.SetModeAltScreenSaveCursor), out...)
	}
	return out
}

// TestEchoWriter: whatever is written at once, and whenever the frames of
// Bubble Tea come in between, in the end the terminal shows the last view.
func TestEchoWriter(t *testing.T) {
	const w, h = 24, 10
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 3))
		sc := term.NewScreen(w, h, 0, nil)
		q := newEchoWriter(sc)
		q.setProfile(colorprofile.TrueColor)
		p := newPainter(w, h)
		view := make([]string, h)
		for y := range view {
			view[y] = line(r, w)
		}
		history := [][]string{view}
		var frame []string // that is being drawn
		for range 40 {
			switch r.IntN(6) {
			case 0, 1: // a few lines change
				view = append([]string(nil), view...)
				for range 1 + r.IntN(3) {
					view[r.IntN(h)] = line(r, w)
				}
			case 2: // it scrolls
				view = append(append([]string(nil), view[1:]...), line(r, w))
			case 3: // as it was some time ago
				view = history[r.IntN(len(history))]
			case 4:
				if frame == nil {
					frame = view
				} else {
					_, _ = q.Write(p.paint(t, frame))
					frame = nil
				}
			case 5:
				q.changed()
			}
			history = append(history, view)
			q.show(view, anyCursor(r, w, h))
		}
		if frame != nil {
			_, _ = q.Write(p.paint(t, frame))
		}
		q.changed()
		if out := p.paint(t, view); len(out) > 0 {
			_, _ = q.Write(out)
		}
		q.payBack()
		want := term.NewScreen(w, h, 0, nil)
		_, _ = want.Write([]byte("\x1b[?1049h" + strings.Join(view, "\r\n")))
		if got, want := strings.Join(sc.Text(), "\n"), strings.Join(want.Text(), "\n"); got != want {
			t.Fatalf("seed %d: the terminal shows\n%s\nwant\n%s", seed, got, want)
		}
	}
}

// resize is what Bubble Tea does when it learns of another size, which is before
// the program does: everything is redrawn.
func (p *painter) resize(w, h int) {
	p.scr.Erase()
	p.scr.Resize(w, h)
	p.size = uv.Rect(0, 0, w, h)
}

// TestEchoWriterResize: the terminal takes on another size at once, Bubble Tea
// learns of it later, and the program later still. Whatever is written in
// between, in the end the terminal shows the last view.
func TestEchoWriterResize(t *testing.T) {
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 4))
		w, h := 24, 10
		sc := term.NewScreen(w, h, 0, nil)
		q := newEchoWriter(sc)
		q.setProfile(colorprofile.TrueColor)
		p := newPainter(w, h)
		var view []string
		change := func() {
			if view = append([]string(nil), view...); len(view) != h || len(view[0]) == 0 {
				view = make([]string, h)
			}
			for y := range view {
				if view[y] == "" || r.IntN(h) == 0 {
					view[y] = line(r, w)
				}
			}
			q.show(view, anyCursor(r, w, h))
		}
		between := func() { // what may happen at any time
			for range r.IntN(4) {
				switch r.IntN(3) {
				case 0:
					_, _ = q.Write(p.paint(t, view))
				case 1:
					q.changed()
				case 2:
					q.payBack()
				}
			}
		}
		change()
		for range 6 {
			for range r.IntN(4) {
				change()
				between()
			}
			newW, newH := 12+r.IntN(20), 10+2*r.IntN(2)
			sc.Resize(newW, newH)
			for range r.IntN(3) { // nobody knows yet
				change()
				between()
			}
			p.resize(newW, newH)
			between()
			w, h = newW, newH
			view = nil
			change()
			between()
		}
		if out := p.paint(t, view); len(out) > 0 {
			_, _ = q.Write(out)
		}
		q.changed()
		q.payBack()
		want := term.NewScreen(w, h, 0, nil)
		_, _ = want.Write([]byte("\x1b[?1049h" + strings.Join(view, "\r\n")))
		if got, want := strings.Join(sc.Text(), "\n"), strings.Join(want.Text(), "\n"); got != want {
			t.Fatalf("seed %d: the terminal shows\n%s\nwant\n%s", seed, got, want)
		}
	}
}

func anyCursor(r *rand.Rand, w, h int) *tea.Cursor {
	if r.IntN(3) == 0 {
		return nil
	}
	return tea.NewCursor(r.IntN(w), r.IntN(h))
}

// line is a line of a screen. There are few, so they come again.
func line(r *rand.Rand, w int) string {
	return fit([]string{"", "$ ", "$ k", "$ kubectl", "叢集", "Endpoints"}[r.IntN(6)]+fmt.Sprintf("\x1b[3%dm%d\x1b[m", r.IntN(8), r.IntN(3)), w)
}

// TestEchoWriterKeepsOut: nothing is written at once before Bubble Tea has the
// screen, after it has left it, and to a terminal without colours.
func TestEchoWriterKeepsOut(t *testing.T) {
	var out bytes.Buffer
	q := newEchoWriter(&out)
	one, two := []string{"a", "b"}, []string{"a", "c"}
	var cursor *tea.Cursor
	step := func(write string, lines []string) string {
		out.Reset()
		if write != "" {
			_, _ = q.Write([]byte(write))
		}
		q.show(lines, cursor)
		q.changed()
		return out.String()
	}
	q.setProfile(colorprofile.TrueColor)
	q.show(one, nil)
	for i, tt := range []struct{ write, want string }{
		{"", ""},
		{"\x1b[?1049hframe", "\x1b[?1049hframe"},
		{"", "\x1b7\x1b[2;1H\x1b[mb\x1b8"},
		{"frame\x1b[?1049l", "frame\x1b[?1049l"},
		{"", ""},
	} {
		if i == 1 {
			q.show(two, nil)
			tt.want += "\x1b7\x1b[2;1H\x1b[mb\x1b8"
		}
		if i == 2 {
			step("", two)
		}
		if got := step(tt.write, one); got != tt.want {
			t.Errorf("step %d: %q, want %q", i, got, tt.want)
		}
	}
	// With a cursor, it stays there until Bubble Tea writes.
	step("\x1b[?1049hframe", two)
	cursor = tea.NewCursor(4, 1)
	for _, want := range []string{
		"\x1b7\x1b[?25l\x1b[2;1H\x1b[mb\x1b[2;5H\x1b[?25h", "\x1b[?25l\x1b[2;1H\x1b[mc\x1b[2;5H\x1b[?25h",
		"\x1b8frame\x1b7\x1b[?25l\x1b[2;1H\x1b[mb\x1b[2;5H\x1b[?25h\x1b[?25l\x1b[2;1H\x1b[mb\x1b[2;5H\x1b[?25h",
	} {
		write, lines := "", one
		switch want[:2] {
		case "\x1b[":
			lines = two
		case "\x1b8":
			write = "frame"
		}
		if write != "" {
			q.show(lines, cursor)
		}
		if got := step(write, lines); got != want {
			t.Errorf("with a cursor: %q, want %q", got, want)
		}
	}
	q.setProfile(colorprofile.NoTTY)
	if got := step("\x1b[?1049h", two); got != "\x1b8\x1b[?1049h" {
		t.Errorf("without colours: %q", got)
	}
}

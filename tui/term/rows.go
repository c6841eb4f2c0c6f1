package term

import (
	"strconv"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Rows renders the screen as one string for each row, with colours as ANSI
// sequences, each exactly as wide as the screen by [ansi.StringWidth] and each
// ending without a style. back scrolls that many lines up into the history
// (more than there are: to the top).
func (s *Screen) Rows(back int) []string {
	return s.rows(back, (*rowWriter).styled)
}

// Text is the screen as plain text, without trailing spaces.
func (s *Screen) Text() []string {
	rows := s.rows(0, (*rowWriter).plain)
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return rows
}

func (s *Screen) rows(back int, render func(*rowWriter) string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, h := s.emu.Width(), s.emu.Height()
	history := s.emu.ScrollbackLen()
	if s.emu.IsAltScreen() {
		history = 0
	}
	back = min(max(back, 0), history)
	out := make([]string, h)
	rw := rowWriter{cells: make([]*uv.Cell, w)}
	for y := range h {
		if line := y - back; line >= 0 {
			for x := range w {
				rw.cells[x] = s.emu.CellAt(x, line)
			}
		} else {
			for x := range w {
				rw.cells[x] = s.emu.ScrollbackCellAt(x, history+line)
			}
		}
		out[y] = render(&rw)
	}
	return out
}

// rowWriter turns the cells of one row into a string.
type rowWriter struct {
	cells []*uv.Cell
	buf   strings.Builder
}

// styled renders with colours. Characters whose width in the outer terminal
// could differ from the cells they take are replaced.
func (r *rowWriter) styled() string {
	line, ascii := r.render(true, false)
	if !ascii && ansi.StringWidth(line) != len(r.cells) {
		line, _ = r.render(true, true)
	}
	return line
}

func (r *rowWriter) plain() string {
	line, _ := r.render(false, false)
	return line
}

// render writes the row. With strict, only ASCII and characters that measure
// the same alone and beside others (CJK, box drawing) are let through.
func (r *rowWriter) render(styled, strict bool) (line string, ascii bool) {
	r.buf.Reset()
	ascii = true
	var pen uv.Style
	for x := 0; x < len(r.cells); {
		content, width, style := r.cell(x, strict)
		if styled {
			if !style.Equal(&pen) {
				r.buf.WriteString(uv.StyleDiff(&pen, &style))
				pen = style
			}
		}
		if len(content) > 1 || content[0] >= 0x80 {
			ascii = false
		}
		r.buf.WriteString(content)
		x += width
	}
	if styled && !pen.IsZero() {
		r.buf.WriteString(ansi.ResetStyle)
	}
	return r.buf.String(), ascii
}

// cell is what to print at column x: its text, the columns that it takes (at
// least 1), and its style.
func (r *rowWriter) cell(x int, strict bool) (content string, width int, style uv.Style) {
	c := r.cells[x]
	if c == nil {
		return " ", 1, style
	}
	style = c.Style
	switch {
	case c.Width <= 0 || c.Content == "": // half of a wide character that is gone
		return " ", 1, style
	case len(c.Content) == 1:
		if b := c.Content[0]; b < ' ' || b >= 0x7f {
			return " ", 1, style
		}
		return c.Content, 1, style
	case c.Width > 2 || x+c.Width > len(r.cells),
		c.Width == 2 && !isHalf(r.cells[x+1]),
		hasControl(c.Content):
		return " ", 1, style
	case ansi.StringWidth(c.Content) != c.Width || strict && !single(c.Content):
		return strings.Repeat("?", c.Width), c.Width, style
	}
	return c.Content, c.Width, style
}

// isHalf tells whether c is the second column of a wide character. A line of the
// history ends with the first.
func isHalf(c *uv.Cell) bool { return c == nil || c.Width == 0 && c.Content == "" }

func hasControl(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return true
		}
	}
	return false
}

// single tells whether s is one character that can't join its neighbours.
func single(s string) bool {
	n := 0
	for _, r := range s {
		n++
		switch {
		case r >= 0x2500 && r <= 0x25ff, // box drawing, blocks, shapes
			r >= 0x2e80 && r <= 0x9fff, // CJK
			r >= 0xac00 && r <= 0xd7a3, // Hangul syllables
			r >= 0xf900 && r <= 0xfaff,
			r >= 0xff00 && r <= 0xffef,
			r >= 0xa1 && r <= 0x2ff && r != 0xad: // Latin
		default:
			return false
		}
	}
	return n == 1
}

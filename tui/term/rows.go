package term

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Text is the screen as plain text, without trailing spaces.
func (s *Screen) Text() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, s.emu.h)
	for y, l := range s.emu.scr.lines {
		out[y] = strings.TrimRight(s.emu.columns(l, 0, s.emu.w), " ")
	}
	return out
}

// columns is the plain text of a line's columns from a to b.
func (e *emulator) columns(l *line, a, b int) string {
	var out strings.Builder
	for _, c := range l.cells[min(a, len(l.cells)):min(b, len(l.cells))] {
		switch {
		case c.ch == tail:
		case c.ch > 0 && c.ch < firstCluster:
			out.WriteRune(c.ch)
		default:
			out.WriteString(e.cellText(c.ch))
		}
	}
	return out.String()
}

// rows draws as many lines as the screen is high.
func (e *emulator) rows(top int, look Look) []string {
	out := make([]string, e.h)
	find := newFinder(look.Find)
	d := drawer{e: e, buf: make([]byte, 0, 512)}
	var matches []Span
	until := -1 // the last line that matches knows of
	for y := range out {
		l := e.at(top + y)
		if l == nil {
			out[y] = strings.Repeat(" ", e.w) // a line of the history that is gone
			continue
		}
		d.marks = nil
		if look.Select != nil {
			d.mark(look.Select.in(top+y, e.w), selected)
		}
		if find != nil {
			if top+y > until {
				var first int
				first, until = e.paragraph(top + y)
				matches = find.in(e, first, until)
			}
			for _, m := range matches {
				d.mark(m.in(top+y, e.w), found)
			}
		}
		switch {
		case d.marks != nil:
			out[y] = d.row(l)
		case l.drawn == "" || len(l.cells) != e.w:
			l.drawn = d.row(l)
			fallthrough
		default:
			out[y] = l.drawn
		}
	}
	return out
}

// What is marked in a row.
const (
	found byte = 1 + iota
	selected
)

// drawer turns lines into rows.
type drawer struct {
	e     *emulator
	buf   []byte
	marks []byte // by column; nil for none
}

// mark marks columns.
func (d *drawer) mark(c columns, how byte) {
	if c.a >= c.b {
		return
	}
	if d.marks == nil {
		d.marks = make([]byte, d.e.w)
	}
	for x := c.a; x < min(c.b, len(d.marks)); x++ {
		d.marks[x] = max(d.marks[x], how)
	}
}

// row draws a line. Characters whose width in the outer terminal could differ
// from the columns that they take are replaced.
func (d *drawer) row(l *line) string {
	if d.draw(l, false) || ansi.StringWidth(string(d.buf)) == d.e.w {
		return string(d.buf)
	}
	d.draw(l, true)
	return string(d.buf)
}

// draw writes the row into the buffer and reports whether it is plain ASCII. With
// strict, only ASCII and characters that measure the same alone and beside
// others (CJK, box drawing) are let through.
func (d *drawer) draw(l *line, strict bool) (ascii bool) {
	d.buf = d.buf[:0]
	ascii = true
	pen := style{}
	w := d.e.w
	end := min(w, l.used)
	if d.marks != nil {
		end = w
	}
	for x := 0; x < end; {
		c := cell{}
		if x < len(l.cells) {
			c = l.cells[x]
		}
		st := c.style
		if d.marks != nil {
			switch d.marks[x] {
			case found:
				st.attrs = st.attrs&^underlineMask | bold | 1<<underlineShift
			case selected:
				st.attrs ^= reverse
			}
		}
		if st != pen {
			d.buf = st.appendSGR(d.buf)
			pen = st
		}
		switch {
		case c.ch <= 0:
			d.buf = append(d.buf, ' ')
			x++
		case c.ch < utf8.RuneSelf:
			d.buf = append(d.buf, byte(c.ch))
			x++
		default:
			ascii = false
			x += d.character(l, x, strict)
		}
	}
	if pen != (style{}) {
		d.buf = append(d.buf, ansi.ResetStyle...)
	}
	for x := end; x < w; x++ {
		d.buf = append(d.buf, ' ')
	}
	return ascii
}

// character writes the character at x, which is not ASCII, and returns how many
// columns it takes.
func (d *drawer) character(l *line, x int, strict bool) (width int) {
	ch := l.cells[x].ch
	width = 1
	if x+1 < len(l.cells) && l.cells[x+1].ch == tail {
		width = 2
	}
	if x+width > d.e.w { // a line of the history that was wider
		d.buf = append(d.buf, ' ')
		return 1
	}
	if ch < firstCluster && sure(ch, width) {
		d.buf = utf8.AppendRune(d.buf, ch)
		return width
	}
	text := d.e.cellText(ch)
	if strict || ansi.StringWidth(text) != width {
		text = "??"[:width]
	}
	d.buf = append(d.buf, text...)
	return width
}

// sure reports whether a character is this wide everywhere, and can't join its
// neighbours.
func sure(r rune, width int) bool {
	if width == 2 {
		return plainWide(r) || r >= 0x3001 && r <= 0x3029 || r >= 0xff01 && r <= 0xff5e
	}
	return r >= 0xa1 && r <= 0x2ff && r != 0xad || r >= 0x2500 && r <= 0x259f
}

package term

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pos is a cell. Lines are numbered from the first that the program ever
// printed, so a line keeps its number while it scrolls: the first row of the
// screen is the line after the whole history, also of that part of it which is
// no longer kept. X is a column from 0.
type Pos struct{ Line, X int }

func (p Pos) before(q Pos) bool { return p.Line < q.Line || p.Line == q.Line && p.X < q.X }

// Span is the cells from one to another, both included, in the order of
// reading.
type Span struct{ From, To Pos }

// Between is the span between two cells, whichever comes first.
func Between(a, b Pos) Span {
	if b.before(a) {
		a, b = b, a
	}
	return Span{a, b}
}

// columns is a part of a line: from a to b, not including b.
type columns struct{ a, b int }

// in is the columns of a line that are within the span.
func (s Span) in(line, width int) columns {
	if line < s.From.Line || line > s.To.Line {
		return columns{}
	}
	c := columns{0, width}
	if line == s.From.Line {
		c.a = s.From.X
	}
	if line == s.To.Line {
		c.b = s.To.X + 1
	}
	return c
}

// Copy is the text of a span: lines that the terminal broke because they were
// too long are one, and there are no spaces at the ends of lines.
func (s *Screen) Copy(span Span) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.emu
	var out strings.Builder
	first := max(span.From.Line, e.history.dropped)
	last := min(span.To.Line, e.base()+e.h-1)
	for n := first; n <= last; n++ {
		l := e.at(n)
		c := span.in(n, len(l.cells))
		a := max(c.a, 0)
		if a < len(l.cells) && l.cells[a].ch == tail {
			a--
		}
		if l.wrapped && c.b >= len(l.cells) {
			out.WriteString(e.columns(l, a, max(l.end(), a)))
			continue
		}
		text := e.columns(l, a, max(c.b, a))
		out.WriteString(strings.TrimRight(text, " "))
		if n < last {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// Word is the word at a cell, as double-clicking selects it: a name, path or
// address.
func (s *Screen) Word(p Pos) Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.emu
	l := e.at(p.Line)
	if l == nil || p.X < 0 || p.X >= len(l.cells) {
		return Span{p, p}
	}
	if !inWord(e.cellText(l.cells[p.X].ch)) {
		return Span{p, p}
	}
	span := Span{p, p}
	for span.From.X > 0 && inWord(e.cellText(l.cells[span.From.X-1].ch)) {
		span.From.X--
	}
	for span.To.X+1 < len(l.cells) && inWord(e.cellText(l.cells[span.To.X+1].ch)) {
		span.To.X++
	}
	return span
}

// inWord reports whether a character is part of a word. The second half of a wide
// character, which has no text, is.
func inWord(ch string) bool {
	if ch == "" {
		return true
	}
	r, _ := utf8.DecodeRuneInString(ch)
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./:@~+%=?&#", r)
}

// Lines is the whole line at a cell, with the rows that it was broken into.
func (s *Screen) Lines(p Pos) Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.emu
	from, to := e.paragraph(p.Line)
	return Span{Pos{from, 0}, Pos{to, e.w - 1}}
}

// paragraph is the lines that a line is one of which the terminal broke because
// it was too long, the first and the last.
func (e *emulator) paragraph(number int) (first, last int) {
	first, last = number, number
	for l := e.at(first - 1); l != nil && l.wrapped; l = e.at(first - 1) {
		first--
	}
	for l := e.at(last); l != nil && l.wrapped && e.at(last+1) != nil; l = e.at(last) {
		last++
	}
	return first, last
}

// Find looks for text in the screen and its history: in the lines above from,
// or, with forward, below. Lines that the terminal broke because they were too
// long are one. Letters match in both cases when the text has no
// capital letters. The first cell of what it finds is before, or after, from.
func (s *Screen) Find(text string, from Pos, forward bool) (Span, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.emu
	f := newFinder(text)
	if f == nil {
		return Span{}, false
	}
	first, last := e.history.dropped, e.base()+e.h-1
	for n := min(max(from.Line, first), last); n >= first && n <= last; {
		top, end := e.paragraph(n)
		var best *Span
		for _, span := range f.in(e, top, end) {
			if forward && from.before(span.From) {
				return span, true
			}
			if !forward && span.From.before(from) {
				best = &span
			}
		}
		if best != nil {
			return *best, true
		}
		if n = top - 1; forward {
			n = end + 1
		}
	}
	return Span{}, false
}

// finder looks for text in lines.
type finder struct {
	text string
	fold bool
}

// newFinder is nil for no text.
func newFinder(text string) *finder {
	if text == "" {
		return nil
	}
	lower := strings.ToLower(text)
	return &finder{text: text, fold: lower == text}
}

// in is where the text is in a paragraph.
func (f *finder) in(e *emulator, first, last int) []Span {
	var text []byte
	var at, end []Pos // the first and the last cell of the character of each byte
	for n := first; n <= last; n++ {
		l := e.at(n)
		if l == nil {
			continue
		}
		for x, c := range l.cells[:l.end()] {
			if c.ch == tail {
				continue
			}
			ch := e.cellText(c.ch)
			if f.fold {
				ch = strings.ToLower(ch)
			}
			to := x
			if x+1 < len(l.cells) && l.cells[x+1].ch == tail {
				to++
			}
			text = append(text, ch...)
			for range len(ch) {
				at, end = append(at, Pos{n, x}), append(end, Pos{n, to})
			}
		}
	}
	var out []Span
	for i := 0; i < len(text); {
		k := bytes.Index(text[i:], []byte(f.text))
		if k < 0 {
			break
		}
		out = append(out, Span{at[i+k], end[i+k+len(f.text)-1]})
		i += k + len(f.text)
	}
	return out
}

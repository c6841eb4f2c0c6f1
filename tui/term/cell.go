package term

import (
	"strconv"
	"unicode"
)

// colour is a colour of a cell: the default, one of the 256, or red, green and
// blue.
type colour uint32

const (
	defaultColour colour = 0
	paletteColour colour = 1 << 24 // | number
	rgbColour     colour = 2 << 24 // | red << 16 | green << 8 | blue
)

// attr is a set of attributes, and the kind of underline in three bits of it.
type attr uint16

const (
	bold attr = 1 << iota
	faint
	italic
	blink
	reverse
	conceal
	strike

	underlineShift      = 8
	underlineMask  attr = 7 << underlineShift // 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed
)

// style is how a cell looks.
type style struct {
	fg, bg, ul colour
	attrs      attr
}

// appendSGR appends the sequence that sets the style, whatever was before
// (Select Graphic Rendition, ECMA-48 §8.3.117; colours as in ISO 8613-6).
func (s style) appendSGR(b []byte) []byte {
	if s == (style{}) {
		return append(b, "\x1b[m"...)
	}
	b = append(b, "\x1b[0"...)
	for i, code := range [...]byte{'1', '2', '3', '5', '7', '8', '9'} {
		if s.attrs&(1<<i) != 0 {
			b = append(b, ';', code)
		}
	}
	switch kind := s.attrs & underlineMask >> underlineShift; kind {
	case 0:
	case 1:
		b = append(b, ";4"...)
	default:
		b = append(b, ";4:"...)
		b = append(b, '0'+byte(kind))
	}
	b = appendColour(b, s.fg, 30)
	b = appendColour(b, s.bg, 40)
	b = appendColour(b, s.ul, 50)
	return append(b, 'm')
}

// appendColour appends the parameters for a colour: base is 30 for the
// foreground, 40 for the background, 50 for underlines.
func appendColour(b []byte, c colour, base int) []byte {
	n := int(c & 0xffffff)
	switch {
	case c == defaultColour:
		return b
	case c >= rgbColour:
		b = append(strconv.AppendInt(append(b, ';'), int64(base+8), 10), ";2;"...)
		b = append(strconv.AppendInt(b, int64(n>>16), 10), ';')
		b = append(strconv.AppendInt(b, int64(n>>8&255), 10), ';')
		return strconv.AppendInt(b, int64(n&255), 10)
	case n < 8 && base < 50:
		return strconv.AppendInt(append(b, ';'), int64(base+n), 10)
	case n < 16 && base < 50:
		return strconv.AppendInt(append(b, ';'), int64(base+60+n-8), 10)
	}
	b = append(strconv.AppendInt(append(b, ';'), int64(base+8), 10), ";5;"...)
	return strconv.AppendInt(b, int64(n), 10)
}

// cell is one column of a line. Its character is a rune, 0 where nothing was
// printed, tail in the second column of a wide character, or firstCluster and
// above for characters of several runes, whose text is in the clusters.
type cell struct {
	ch    rune
	style style
}

const (
	tail         rune = -1
	firstCluster rune = unicode.MaxRune + 1
)

// line is a row of the screen or of the history.
type line struct {
	cells   []cell
	used    int    // the cells from here on are as new
	wrapped bool   // the text goes on in the next line
	drawn   string // the line as it was last drawn; empty since it changed
}

func newLine(width int) *line { return &line{cells: make([]cell, width)} }

// end is the column where the text of the line ends. Of a line that goes on, the
// last column is empty when a wide character had no room there.
func (l *line) end() int {
	if n := l.used; l.wrapped && n == len(l.cells) && l.cells[n-1].ch == 0 {
		return n - 1
	}
	return l.used
}

// reset makes the line empty, in this style.
func (l *line) reset(st style) {
	clear(l.cells[:l.used])
	l.used, l.wrapped, l.drawn = 0, false, ""
	if st != (style{}) {
		l.erase(0, len(l.cells), st)
	}
}

// erase empties the cells from a to b, not including b.
func (l *line) erase(a, b int, st style) {
	l.drawn = ""
	if b >= len(l.cells) {
		b = len(l.cells)
		l.wrapped = false
	}
	if a >= b {
		return
	}
	l.boundary(a)
	l.boundary(b)
	if st == (style{}) {
		b = min(b, l.used)
		if a < b {
			clear(l.cells[a:b])
		}
		if b == l.used {
			l.used = min(l.used, a)
		}
		return
	}
	for i := a; i < b; i++ {
		l.cells[i] = cell{style: st}
	}
	l.used = max(l.used, b)
}

// boundary sees to it that no wide character lies across the left edge of
// column x: both of its halves become empty.
func (l *line) boundary(x int) {
	if x > 0 && x < len(l.cells) && l.cells[x].ch == tail {
		l.cells[x-1].ch, l.cells[x].ch = 0, 0
	}
}

// put writes cells at column x; there is room for them.
func (l *line) put(x int, cells ...cell) {
	end := x + len(cells)
	l.boundary(x)
	l.boundary(end)
	copy(l.cells[x:end], cells)
	l.used = max(l.used, end)
	l.drawn = ""
}

// insert moves what is at x and beyond n columns to the right; remove to the
// left. What leaves the line is lost, what comes in is empty.
func (l *line) insert(x, n int, st style) {
	w := len(l.cells)
	n = min(n, w-x)
	l.boundary(x)
	l.boundary(w - n)
	copy(l.cells[x+n:], l.cells[x:w-n])
	l.used = w
	l.blank(x, x+n, st)
}

func (l *line) remove(x, n int, st style) {
	w := len(l.cells)
	n = min(n, w-x)
	l.boundary(x)
	l.boundary(x + n)
	copy(l.cells[x:], l.cells[x+n:])
	l.used = w
	l.blank(w-n, w, st)
}

func (l *line) blank(a, b int, st style) {
	for i := a; i < b; i++ {
		l.cells[i] = cell{style: st}
	}
	l.wrapped, l.drawn = false, ""
}

// resize changes the number of columns.
func (l *line) resize(width int) {
	if width < len(l.cells) {
		l.boundary(width)
		l.cells = l.cells[:width:width]
		l.used = min(l.used, width)
		l.wrapped = false
	} else if width > len(l.cells) {
		cells := make([]cell, width)
		copy(cells, l.cells)
		l.cells = cells
		l.wrapped = false
	}
	l.drawn = ""
}

// maxClusters is how many different characters of several runes are kept at
// once. When there are more, those no longer on the screen or in the history
// are forgotten.
const maxClusters = 1 << 14

// maxCluster is how many bytes one character may have: the longest flags and
// families have 28. Marks beyond that are dropped.
const maxCluster = 64

// clusters gives numbers to characters that are made of several runes.
type clusters struct {
	ids   map[string]rune
	texts []string // by number; empty for a number that is free
	free  []rune
}

// id is the number of a character, ok false when there are too many.
func (c *clusters) id(text string) (id rune, ok bool) {
	if id, ok = c.ids[text]; ok {
		return id, true
	}
	switch {
	case len(c.free) > 0:
		id = c.free[len(c.free)-1]
		c.free = c.free[:len(c.free)-1]
		c.texts[id-firstCluster] = text
	case len(c.texts) < maxClusters:
		id = firstCluster + rune(len(c.texts))
		c.texts = append(c.texts, text)
	default:
		return 0, false
	}
	if c.ids == nil {
		c.ids = map[string]rune{}
	}
	c.ids[text] = id
	return id, true
}

func (c *clusters) text(id rune) string { return c.texts[id-firstCluster] }

// sweep forgets all characters but those that are in use.
func (c *clusters) sweep(used map[rune]bool) {
	for i, text := range c.texts {
		if id := firstCluster + rune(i); text != "" && !used[id] {
			delete(c.ids, text)
			c.texts[i] = ""
			c.free = append(c.free, id)
		}
	}
}

// history is the lines that scrolled off the top, the oldest first: a ring of
// at most limit lines.
type history struct {
	lines   []*line
	head    int // of the ring: where the oldest is
	limit   int
	dropped int // how many lines are gone for good
}

func (h *history) len() int { return len(h.lines) }

func (h *history) at(i int) *line { return h.lines[(h.head+i)%len(h.lines)] }

// push takes a line in. It returns one that is no longer needed, nil while
// there is room.
func (h *history) push(l *line) (free *line) {
	if len(h.lines) < h.limit {
		if h.head != 0 { // lines were taken back, or cleared, from a full ring
			h.lines = append(h.lines[h.head:len(h.lines):len(h.lines)], h.lines[:h.head]...)
			h.head = 0
		}
		h.lines = append(h.lines, l)
		return nil
	}
	free = h.lines[h.head]
	h.lines[h.head] = l
	h.head = (h.head + 1) % len(h.lines)
	h.dropped++
	return free
}

// pop takes the newest line back, nil when there is none.
func (h *history) pop() *line {
	if len(h.lines) == 0 {
		return nil
	}
	if h.head != 0 {
		h.lines = append(h.lines[h.head:len(h.lines):len(h.lines)], h.lines[:h.head]...)
		h.head = 0
	}
	n := len(h.lines) - 1
	l := h.lines[n]
	h.lines[n] = nil
	h.lines = h.lines[:n]
	return l
}

func (h *history) clear() {
	h.dropped += len(h.lines)
	h.lines, h.head = nil, 0
}

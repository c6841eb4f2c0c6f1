package term

import (
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// emulator is the terminal: bytes go in by write, and change the cells. It has
// no lock; the Screen has.
//
// What it understands is what programs use whose TERM is xterm-256color:
// ECMA-48, the DEC VT220's private sequences, and xterm's
// (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
type emulator struct {
	parser
	w, h      int
	main, alt grid
	scr       *grid // one of the two
	history   history
	clusters  clusters
	flags     atomic.Uint32 // modes; read without the Screen's lock when a key is encoded
	cur       cursor
	margin    struct{ top, bottom int } // the rows that scroll, from 0, both inclusive
	tabs      []bool
	last      rune // the character that was printed last, for REP
	join      bool // the next character may belong to the one before the cursor
	title     string
	bells     int
	shape     CursorShape
	steady    bool
	dark      bool // what to answer to a program that asks for the colours
	reply     func([]byte)
}

// grid is one of the two screens.
type grid struct {
	lines []*line
	saved cursor // by DECSC
}

// cursor is where and how to print, which DECSC saves.
type cursor struct {
	x, y     int
	wrap     bool // the last column is filled: the next character goes to the next line
	pen      style
	origin   bool    // rows count from the top margin
	charsets [4]byte // the final bytes of their designations
	gl       int     // which of them is in use
	single   int     // which for one character; 0 none
}

func newCursor() cursor { return cursor{charsets: [4]byte{'B', 'B', 'B', 'B'}} }

func newEmulator(width, height, scrollback int, reply func([]byte)) *emulator {
	e := &emulator{w: width, h: height, reply: reply, dark: true, history: history{limit: scrollback}}
	for _, g := range []*grid{&e.main, &e.alt} {
		for range height {
			g.lines = append(g.lines, newLine(width))
		}
		g.saved = newCursor()
	}
	e.scr = &e.main
	e.reset()
	return e
}

// reset is what RIS does; the history stays.
func (e *emulator) reset() {
	e.flags.Store(uint32(modeAutowrap | modeCursor))
	e.scr = &e.main
	e.cur, e.main.saved, e.alt.saved = newCursor(), newCursor(), newCursor()
	e.margin.top, e.margin.bottom = 0, e.h-1
	e.shape, e.steady, e.last, e.join = CursorBlock, false, 0, false
	for _, g := range []*grid{&e.main, &e.alt} {
		for _, l := range g.lines {
			l.reset(style{})
		}
	}
	e.resetTabs()
}

func (e *emulator) resetTabs() {
	e.tabs = make([]bool, maxSide)
	for x := 8; x < len(e.tabs); x += 8 {
		e.tabs[x] = true
	}
}

func (e *emulator) line() *line { return e.scr.lines[e.cur.y] }

// blank is how erased cells look: with the background in use (xterm's "back
// colour erase").
func (e *emulator) blank() style { return style{bg: e.cur.pen.bg} }

// printASCII prints bytes from 0x20 to 0x7e.
func (e *emulator) printASCII(p []byte) {
	if e.cur.single != 0 || e.cur.charsets[e.cur.gl] != 'B' || e.on(modeInsert) || !e.on(modeAutowrap) {
		for _, b := range p {
			e.printRune(rune(b))
		}
		return
	}
	for len(p) > 0 {
		if e.cur.wrap {
			e.nextLine()
		}
		l, x := e.line(), e.cur.x
		n := min(len(p), e.w-x)
		l.boundary(x)
		l.boundary(x + n)
		cells := l.cells[x : x+n]
		for i, b := range p[:n] {
			cells[i] = cell{rune(b), e.cur.pen}
		}
		l.used = max(l.used, x+n)
		l.drawn = ""
		e.advance(n)
		e.last, e.join = rune(p[n-1]), true
		p = p[n:]
	}
}

// nextLine goes on in the next line, which belongs to this one.
func (e *emulator) nextLine() {
	e.line().wrapped = true
	e.cur.wrap = false
	e.cur.x = 0
	e.lineFeed()
}

// advance moves the cursor over n columns that were just printed.
func (e *emulator) advance(n int) {
	e.cur.x += n
	if e.cur.x >= e.w {
		e.cur.x = e.w - 1
		e.cur.wrap = e.on(modeAutowrap)
	}
}

// printRune prints one character.
func (e *emulator) printRune(r rune) {
	if r < utf8.RuneSelf {
		set := e.cur.charsets[e.cur.gl]
		if e.cur.single != 0 {
			set, e.cur.single = e.cur.charsets[e.cur.single], 0
		}
		r = translate(set, r)
	}
	if dropped(r) {
		return
	}
	width := runeWidth(r)
	if (width == 0 || e.join && mayJoin(r)) && e.joined(r, width == 0) || width == 0 {
		return
	}
	e.printCell(r, width)
	e.last, e.join = r, true
}

// printCell prints a character as wide as this.
func (e *emulator) printCell(ch rune, width int) {
	if width > e.w {
		ch, width = utf8.RuneError, 1
	}
	if e.cur.wrap {
		e.nextLine()
	}
	if width == 2 && e.cur.x == e.w-1 {
		if !e.on(modeAutowrap) {
			e.cur.x--
		} else {
			e.line().erase(e.cur.x, e.w, e.blank())
			e.nextLine()
		}
	}
	l := e.line()
	if e.on(modeInsert) {
		l.insert(e.cur.x, width, e.blank())
	}
	if width == 2 {
		l.put(e.cur.x, cell{ch, e.cur.pen}, cell{tail, e.cur.pen})
	} else {
		l.put(e.cur.x, cell{ch, e.cur.pen})
	}
	e.advance(width)
}

// before is the column of the character before the cursor, -1 for none.
func (e *emulator) before() int {
	x := e.cur.x - 1
	if e.cur.wrap {
		x = e.w - 1
	}
	if x > 0 && e.line().cells[x].ch == tail {
		x--
	}
	return x
}

// joined puts a character that is part of the one before the cursor there, and
// reports whether it is one. A mark without a width is always; all others are
// when they make one cluster with it (Unicode Standard Annex 29).
func (e *emulator) joined(r rune, mark bool) bool {
	x := e.before()
	if x < 0 {
		return false
	}
	l := e.line()
	c := &l.cells[x]
	old := e.cellText(c.ch)
	text := old + string(r)
	if len(text) > maxCluster || c.ch == 0 && !mark {
		return false
	}
	cluster, width := firstOf(text)
	if cluster != text {
		return false
	}
	was := 1
	if x+1 < e.w && l.cells[x+1].ch == tail {
		was = 2
	}
	if width > was && (e.cur.wrap || x+width > e.w) || width < 1 || width > 2 {
		return mark // no room for what it becomes: leave it as it is
	}
	id, ok := e.cluster(text)
	if !ok {
		return mark
	}
	c.ch = id
	l.drawn = ""
	switch {
	case width > was:
		pen := c.style
		l.put(x+1, cell{tail, pen})
		e.cur.x = x + 1
		e.advance(1)
	case width < was:
		l.cells[x+1].ch = 0
	}
	return true
}

// cluster is the number of a character of several runes.
func (e *emulator) cluster(text string) (rune, bool) {
	if id, ok := e.clusters.id(text); ok {
		return id, true
	}
	used := map[rune]bool{}
	mark := func(l *line) {
		for _, c := range l.cells {
			if c.ch >= firstCluster {
				used[c.ch] = true
			}
		}
	}
	for _, g := range []*grid{&e.main, &e.alt} {
		for _, l := range g.lines {
			mark(l)
		}
	}
	for i := range e.history.len() {
		mark(e.history.at(i))
	}
	e.clusters.sweep(used)
	return e.clusters.id(text)
}

// cellText is the text of a cell's character.
func (e *emulator) cellText(ch rune) string {
	switch {
	case ch == tail:
		return ""
	case ch == 0:
		return " "
	case ch >= firstCluster:
		return e.clusters.text(ch)
	}
	return string(ch)
}

// lineFeed moves the cursor down, and scrolls at the bottom margin.
func (e *emulator) lineFeed() {
	switch {
	case e.cur.y == e.margin.bottom:
		e.scrollUp(e.margin.top, 1, true)
	case e.cur.y < e.h-1:
		e.cur.y++
	}
}

// scrollUp moves the rows from top to the bottom margin up. What leaves the top
// of the main screen goes to the history, when keep is set.
func (e *emulator) scrollUp(top, n int, keep bool) {
	lines := e.scr.lines[top : e.margin.bottom+1]
	keep = keep && top == 0 && e.scr == &e.main
	for range min(n, len(lines)) {
		l := lines[0]
		if keep {
			if l = e.history.push(l); l == nil || len(l.cells) != e.w {
				l = newLine(e.w)
			}
		}
		copy(lines, lines[1:])
		lines[len(lines)-1] = l
		l.reset(e.blank())
	}
}

// scrollDown moves the rows from top to the bottom margin down.
func (e *emulator) scrollDown(top, n int) {
	lines := e.scr.lines[top : e.margin.bottom+1]
	for range min(n, len(lines)) {
		l := lines[len(lines)-1]
		copy(lines[1:], lines)
		lines[0] = l
		l.reset(e.blank())
	}
}

// moveTo puts the cursor into a cell, bounded by the screen.
func (e *emulator) moveTo(x, y int) {
	e.cur.x, e.cur.y = min(max(x, 0), e.w-1), min(max(y, 0), e.h-1)
	e.cur.wrap, e.join = false, false
}

// resize changes the size. Lines above the cursor go to the history and come
// back from it, so that what is around the cursor stays in sight.
func (e *emulator) resize(width, height int) {
	for _, g := range []*grid{&e.main, &e.alt} {
		cur := &e.cur
		if g != e.scr {
			cur = &g.saved
		}
		for len(g.lines) > height {
			last := len(g.lines) - 1
			if cur.y < last && (g.lines[last].used == 0 || cur.y < height) || g == &e.alt && cur.y < last {
				g.lines = g.lines[:last]
				continue
			}
			if g == &e.main {
				e.history.push(g.lines[0])
			}
			g.lines = g.lines[1:]
			cur.y--
			if g.saved.y > 0 && cur != &g.saved {
				g.saved.y--
			}
		}
		for len(g.lines) < height {
			var l *line
			if g == &e.main {
				l = e.history.pop()
			}
			if l != nil {
				g.lines = append([]*line{l}, g.lines...)
				cur.y++
				if cur != &g.saved {
					g.saved.y++
				}
			} else {
				g.lines = append(g.lines, newLine(width))
			}
		}
		for _, l := range g.lines {
			l.resize(width)
		}
		for _, c := range []*cursor{cur, &g.saved} {
			c.x, c.y, c.wrap = min(c.x, width-1), min(max(c.y, 0), height-1), false
		}
	}
	e.w, e.h = width, height
	e.margin.top, e.margin.bottom = 0, height-1
	e.join = false
}

// translate is a character of a character set: A is British, 0 DEC's line
// drawing (VT220, table 2-4); all others are taken for ASCII.
func translate(set byte, r rune) rune {
	const lines = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"
	switch {
	case set == '0' && r >= '`' && r <= '~':
		return []rune(lines)[r-'`']
	case set == 'A' && r == '#':
		return '£'
	}
	return r
}

// dropped reports whether a character is not to be printed: controls, and what
// changes the direction of text, which would work outside of the pane, too.
func dropped(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0xad, r == 0x061c, r == 0x200b, r == 0x200e, r == 0x200f,
		r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfff0 && r <= 0xfffb:
		return true
	}
	return false
}

// cleanTitle leaves of a title what can be shown: no control characters, no
// bytes that are not text, not too long.
func cleanTitle(t string) string {
	t = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, t)
	if r := []rune(t); len(r) > maxTitle {
		t = string(r[:maxTitle])
	}
	return strings.TrimSpace(t)
}

package term

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

// control does what a control character says.
func (e *emulator) control(b byte) {
	switch b {
	case 0x07:
		e.bells++
	case '\b':
		e.moveTo(e.cur.x-1, e.cur.y)
	case '\t':
		e.tab(1)
	case '\n', '\v', '\f':
		if e.on(modeNewline) {
			e.cur.x = 0
		}
		e.cur.wrap, e.join = false, false
		e.lineFeed()
	case '\r':
		e.cur.x, e.cur.wrap, e.join = 0, false, false
	case 0x0e:
		e.cur.gl = 1
	case 0x0f:
		e.cur.gl = 0
	}
}

// tab moves over n tab stops, back when n is negative.
func (e *emulator) tab(n int) {
	x := e.cur.x
	step := 1
	if n < 0 {
		n, step = -n, -1
	}
	for ; n > 0 && (step > 0 && x < e.w-1 || step < 0 && x > 0); n-- {
		for x += step; x > 0 && x < e.w-1 && !e.tabs[x]; x += step {
		}
	}
	e.moveTo(x, e.cur.y)
}

// escape does an escape sequence that ends with b.
func (e *emulator) escape(b byte) {
	switch e.inter {
	case 0:
	case '(', ')', '*', '+':
		e.cur.charsets[e.inter-'('] = b
		return
	case '#':
		if b == '8' { // DECALN
			for _, l := range e.scr.lines {
				for x := range l.cells {
					l.cells[x] = cell{ch: 'E'}
				}
				l.used, l.drawn = e.w, ""
			}
			e.moveTo(0, 0)
		}
		return
	default:
		return
	}
	switch b {
	case '7':
		e.scr.saved = e.cur
	case '8':
		e.restore()
	case 'D':
		e.cur.wrap, e.join = false, false
		e.lineFeed()
	case 'E':
		e.moveTo(0, e.cur.y)
		e.lineFeed()
	case 'H':
		e.tabs[e.cur.x] = true
	case 'M':
		e.cur.wrap, e.join = false, false
		if e.cur.y == e.margin.top {
			e.scrollDown(e.margin.top, 1)
		} else if e.cur.y > 0 {
			e.cur.y--
		}
	case 'N':
		e.cur.single = 2
	case 'O':
		e.cur.single = 3
	case 'n':
		e.cur.gl = 2
	case 'o':
		e.cur.gl = 3
	case 'Z':
		e.answer(deviceAttributes)
	case 'c':
		e.reset()
	}
}

func (e *emulator) restore() {
	e.cur = e.scr.saved
	e.moveTo(e.cur.x, e.cur.y)
}

// sequence does a control sequence that ends with final.
func (e *emulator) sequence(final byte) {
	switch {
	case e.prefix == 0 && e.inter == 0:
		if !e.move(final) && !e.edit(final) {
			e.other(final)
		}
	case e.prefix == '?' && e.inter == 0:
		switch final {
		case 'h', 'l':
			for _, p := range e.params {
				e.setPrivate(p.n, final == 'h')
			}
		case 'n':
			e.status(true)
		case 'J', 'K':
			e.edit(final)
		}
	case e.prefix == '>' && e.inter == 0 && final == 'c':
		e.answer(secondaryAttributes)
	case e.prefix == '>' && e.inter == 0 && final == 'q':
		e.answer("\x1bP>|k8stutor\x1b\\")
	case e.inter == '$' && final == 'p':
		e.reportMode()
	case e.inter == ' ' && final == 'q':
		n := e.arg(0, 1)
		if n <= 6 {
			e.shape, e.steady = CursorShape((n-1)/2), n%2 == 0
		}
	case e.inter == '!' && final == 'p':
		e.softReset()
	}
}

func (e *emulator) softReset() {
	e.setFlag(modeInsert|modeNewline|modeCursorKeys|modeKeypad, false)
	e.setFlag(modeAutowrap|modeCursor, true)
	x, y := e.cur.x, e.cur.y
	e.cur = newCursor()
	e.moveTo(x, y)
	e.scr.saved = newCursor()
	e.margin.top, e.margin.bottom = 0, e.h-1
}

// move does the sequences that move the cursor.
func (e *emulator) move(final byte) bool {
	n := e.arg(0, 1)
	x, y := e.cur.x, e.cur.y
	switch final {
	case 'A', 'F':
		top := 0
		if y >= e.margin.top {
			top = e.margin.top
		}
		y = max(y-n, top)
	case 'B', 'e', 'E':
		bottom := e.h - 1
		if y <= e.margin.bottom {
			bottom = e.margin.bottom
		}
		y = min(y+n, bottom)
	case 'C', 'a':
		x += n
	case 'D':
		x -= n
	case 'G', '`':
		x = n - 1
	case 'd':
		y = e.row(n)
	case 'H', 'f':
		x, y = e.arg(1, 1)-1, e.row(n)
	case 'I':
		e.tab(n)
		return true
	case 'Z':
		e.tab(-n)
		return true
	case 's':
		e.scr.saved = e.cur
		return true
	case 'u':
		e.restore()
		return true
	default:
		return false
	}
	if final == 'E' || final == 'F' {
		x = 0
	}
	e.moveTo(x, y)
	return true
}

// row is a row that a program counts from 1, maybe from the top margin.
func (e *emulator) row(n int) int {
	if e.cur.origin {
		return min(e.margin.top+n-1, e.margin.bottom)
	}
	return n - 1
}

// edit does the sequences that change cells.
func (e *emulator) edit(final byte) bool {
	n := e.arg(0, 1)
	l, x, y := e.line(), e.cur.x, e.cur.y
	inside := y >= e.margin.top && y <= e.margin.bottom
	switch final {
	case 'J':
		e.eraseDisplay(e.arg(0, 0))
	case 'K':
		switch e.arg(0, 0) {
		case 0:
			l.erase(x, e.w, e.blank())
		case 1:
			l.erase(0, x+1, e.blank())
		case 2:
			l.erase(0, e.w, e.blank())
		}
	case 'X':
		l.erase(x, min(x+n, e.w), e.blank())
	case '@':
		l.insert(x, n, e.blank())
	case 'P':
		l.remove(x, n, e.blank())
	case 'L':
		if inside {
			e.scrollDown(y, n)
			e.moveTo(0, y)
		}
		return true
	case 'M':
		if inside {
			e.scrollUp(y, n, false)
			e.moveTo(0, y)
		}
		return true
	case 'S':
		e.scrollUp(e.margin.top, n, true)
	case 'T':
		if len(e.params) == 1 { // with more it is for tracking the mouse
			e.scrollDown(e.margin.top, n)
		}
	case 'b':
		if e.last != 0 {
			for range min(n, e.w*e.h) {
				e.printCell(e.last, runeWidth(e.last))
			}
		}
		return true
	default:
		return false
	}
	e.cur.wrap, e.join = false, false
	return true
}

func (e *emulator) eraseDisplay(what int) {
	from, to := 0, e.h
	switch what {
	case 0:
		e.line().erase(e.cur.x, e.w, e.blank())
		from = e.cur.y + 1
	case 1:
		e.line().erase(0, e.cur.x+1, e.blank())
		to = e.cur.y
	case 2:
	case 3:
		if e.scr == &e.main {
			e.history.clear()
		}
		return
	default:
		return
	}
	for y := from; y < to; y++ {
		e.scr.lines[y].reset(e.blank())
	}
}

// other does the rest of the sequences without prefix.
func (e *emulator) other(final byte) {
	switch final {
	case 'm':
		e.graphics()
	case 'r':
		top, bottom := e.arg(0, 1)-1, min(e.arg(1, e.h), e.h)-1
		if top < bottom {
			e.margin.top, e.margin.bottom = top, bottom
			e.moveTo(0, e.row(1))
		}
	case 'h', 'l':
		for _, p := range e.params {
			switch p.n {
			case 4:
				e.setFlag(modeInsert, final == 'h')
			case 20:
				e.setFlag(modeNewline, final == 'h')
			}
		}
	case 'g':
		switch e.arg(0, 0) {
		case 0:
			e.tabs[e.cur.x] = false
		case 3:
			clear(e.tabs)
		}
	case 'n':
		e.status(false)
	case 'c':
		if e.arg(0, 0) == 0 {
			e.answer(deviceAttributes)
		}
	case 't':
		if e.arg(0, 0) == 18 {
			e.answer("\x1b[8;" + itoa(e.h) + ";" + itoa(e.w) + "t")
		}
	}
}

// graphics sets the style of what is printed next (SGR).
func (e *emulator) graphics() {
	pen := &e.cur.pen
	for i := 0; i < len(e.params); i++ {
		n := max(e.params[i].n, 0)
		switch {
		case n == 0:
			*pen = style{}
		case n == 4 && i+1 < len(e.params) && e.params[i+1].sub:
			i++
			if kind := e.params[i].n; kind >= 0 && kind <= 5 {
				pen.attrs = pen.attrs&^underlineMask | attr(kind)<<underlineShift
			}
		case n == 4:
			pen.attrs = pen.attrs&^underlineMask | 1<<underlineShift
		case n == 21:
			pen.attrs = pen.attrs&^underlineMask | 2<<underlineShift
		case n < 10:
			pen.attrs |= [...]attr{1: bold, 2: faint, 3: italic, 5: blink, 6: blink, 7: reverse, 8: conceal, 9: strike}[n]
		case n >= 22 && n <= 29:
			pen.attrs &^= [...]attr{bold | faint, italic, underlineMask, blink, 0, reverse, conceal, strike}[n-22]
		case n == 38:
			i = e.extended(i, &pen.fg)
		case n == 48:
			i = e.extended(i, &pen.bg)
		case n == 58:
			i = e.extended(i, &pen.ul)
		case n == 39:
			pen.fg = defaultColour
		case n == 49:
			pen.bg = defaultColour
		case n == 59:
			pen.ul = defaultColour
		case n >= 30 && n < 38:
			pen.fg = paletteColour | colour(n-30)
		case n >= 40 && n < 48:
			pen.bg = paletteColour | colour(n-40)
		case n >= 90 && n < 98:
			pen.fg = paletteColour | colour(n-90+8)
		case n >= 100 && n < 108:
			pen.bg = paletteColour | colour(n-100+8)
		}
		for i+1 < len(e.params) && e.params[i+1].sub {
			i++ // parameters of a parameter that takes none
		}
	}
}

// extended reads a colour of ISO 8613-6 at parameter i, written with colons or,
// as most programs do, with semicolons. It returns the last parameter read.
func (e *emulator) extended(i int, c *colour) int {
	p := e.params[i+1:]
	n := 0 // how many of p belong to it
	if len(p) > 0 && p[0].sub {
		for n < len(p) && p[n].sub {
			n++
		}
		p = p[:n]
		if n > 5 || n == 5 && p[0].n == 2 { // with a colour space
			p = append([]param{p[0]}, p[2:]...)
		}
	} else if len(p) > 0 {
		n = 2
		if p[0].n == 2 {
			n = 4
		}
		n = min(n, len(p))
	}
	at := func(k int) int { return max(p[k].n, 0) }
	switch {
	case len(p) >= 2 && p[0].n == 5 && at(1) <= 255:
		*c = paletteColour | colour(at(1))
	case len(p) >= 4 && p[0].n == 2 && at(1)|at(2)|at(3) <= 255:
		*c = rgbColour | colour(at(1)<<16|at(2)<<8|at(3))
	}
	return i + n
}

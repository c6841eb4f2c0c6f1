package term

import "strings"

// mode is a switch that programs set, and that is looked at by what encodes
// keys and the mouse.
type mode uint32

const (
	modeCursorKeys mode = 1 << iota
	modeKeypad
	modeInsert
	modeNewline
	modeAutowrap
	modeCursor // it is shown
	modeMouseX10
	modeMouseNormal
	modeMouseButton
	modeMouseAny
	modeMouseSGR
	modeFocus
	modePaste
	modeNoAlternateScroll
	modeUpdate // of the screen, see updates
)

const mouseModes = modeMouseX10 | modeMouseNormal | modeMouseButton | modeMouseAny

// What the terminal says it is: a VT220 with colours; and to vim and others
// that ask which xterm, one that knows the SGR encoding of the mouse.
const (
	deviceAttributes    = "\x1b[?62;22c"
	secondaryAttributes = "\x1b[>41;279;0c"
)

func (e *emulator) on(m mode) bool { return mode(e.flags.Load())&m != 0 }

func (e *emulator) setFlag(m mode, on bool) {
	if on {
		e.flags.Or(uint32(m))
	} else {
		e.flags.And(^uint32(m))
	}
}

// privateMode is the flag of a private mode (DECSET), 0 for those that are none.
func privateMode(n int) mode {
	switch n {
	case 1:
		return modeCursorKeys
	case 7:
		return modeAutowrap
	case 9:
		return modeMouseX10
	case 25:
		return modeCursor
	case 66:
		return modeKeypad
	case 1000:
		return modeMouseNormal
	case 1002:
		return modeMouseButton
	case 1003:
		return modeMouseAny
	case 1004:
		return modeFocus
	case 1006:
		return modeMouseSGR
	case 2004:
		return modePaste
	case 2026:
		return modeUpdate
	}
	return 0
}

// setPrivate does DECSET and DECRST for one mode.
func (e *emulator) setPrivate(n int, on bool) {
	switch n {
	case 6:
		e.cur.origin = on
		e.moveTo(0, e.row(1))
	case 12:
		e.steady = !on
	case 47, 1047:
		e.alternate(on)
	case 1007:
		e.setFlag(modeNoAlternateScroll, !on)
	case 1048:
		if on {
			e.scr.saved = e.cur
		} else {
			e.restore()
		}
	case 1049:
		switch {
		case on && e.scr == &e.main:
			e.main.saved = e.cur
			e.alternate(true)
		case !on && e.scr == &e.alt:
			e.alternate(false)
			e.restore()
		}
	default:
		m := privateMode(n)
		if m&mouseModes != 0 {
			e.setFlag(mouseModes, false) // one at a time
		}
		if m != 0 {
			e.setFlag(m, on)
		}
		if m == modeAutowrap && !on {
			e.cur.wrap = false
		}
	}
}

// alternate shows the alternate screen, which begins empty, or the main one.
func (e *emulator) alternate(on bool) {
	if on == (e.scr == &e.alt) {
		return
	}
	e.join = false
	if !on {
		e.scr = &e.main
		return
	}
	e.scr = &e.alt
	for _, l := range e.alt.lines {
		l.reset(e.blank())
	}
}

// reportMode answers DECRQM: 1 on, 2 off, 3 always on, 0 not known.
func (e *emulator) reportMode() {
	n, state := e.arg(0, 0), 0
	flag := func(on bool) int {
		if on {
			return 1
		}
		return 2
	}
	if e.prefix == '?' {
		switch m := privateMode(n); {
		case m != 0:
			state = flag(e.on(m))
		case n == 6:
			state = flag(e.cur.origin)
		case n == 12:
			state = flag(!e.steady)
		case n == 47, n == 1047, n == 1049:
			state = flag(e.scr == &e.alt)
		case n == 1007:
			state = flag(!e.on(modeNoAlternateScroll))
		case n == 2027: // characters of several runes
			state = 3
		}
		e.answer("\x1b[?" + itoa(n) + ";" + itoa(state) + "$y")
		return
	}
	switch n {
	case 4:
		state = flag(e.on(modeInsert))
	case 20:
		state = flag(e.on(modeNewline))
	}
	e.answer("\x1b[" + itoa(n) + ";" + itoa(state) + "$y")
}

// status answers device status reports: that all is well, and where the cursor
// is.
func (e *emulator) status(private bool) {
	switch n := e.arg(0, 0); {
	case n == 5 && !private:
		e.answer("\x1b[0n")
	case n == 6:
		y := e.cur.y
		if e.cur.origin {
			y -= e.margin.top
		}
		mark := ""
		if private {
			mark = "?"
		}
		e.answer("\x1b[" + mark + itoa(y+1) + ";" + itoa(e.cur.x+1) + "R")
	}
}

// osc does an operating system command. It keeps a title, and answers what the
// default colours are (10 to 12), by the background of the outer terminal. The
// rest is dropped on purpose: clipboard (52), hyperlinks (8), folders (7),
// palettes (4), notifications (9, 777).
func (e *emulator) osc(body string) {
	number, text, _ := strings.Cut(body, ";")
	switch number {
	case "0", "2":
		e.title = cleanTitle(text)
	case "10", "11", "12":
		if text == "?" {
			colour := "rgb:0000/0000/0000"
			if e.dark == (number != "11") {
				colour = "rgb:ffff/ffff/ffff"
			}
			e.answer("\x1b]" + number + ";" + colour + "\x1b\\")
		}
	}
}

// dcs does a device control string: it answers what the style of the cursor and
// the margins are (DECRQSS); to all other such questions, that it does not know.
func (e *emulator) dcs(body string) {
	what, ok := strings.CutPrefix(body, "$q")
	if !ok {
		return
	}
	switch what {
	case " q":
		n := int(e.shape)*2 + 1
		if e.steady {
			n++
		}
		e.answer("\x1bP1$r" + itoa(n) + " q\x1b\\")
	case "r":
		e.answer("\x1bP1$r" + itoa(e.margin.top+1) + ";" + itoa(e.margin.bottom+1) + "r\x1b\\")
	default:
		e.answer("\x1bP0$r\x1b\\")
	}
}

// answer sends what the terminal says to the program, as if it were typed.
func (e *emulator) answer(text string) {
	if e.reply != nil {
		e.reply([]byte(text))
	}
}

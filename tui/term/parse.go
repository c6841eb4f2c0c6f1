package term

import "unicode/utf8"

// maxString is how long a control string may be before it is taken for rubbish
// (a binary file on the screen) and what follows is shown again.
const maxString = 1 << 20

// maxKept is how much of a control string is kept to be read: titles and colour
// queries are short.
const maxKept = 1024

// maxParams is how many parameters of a control sequence are kept.
const maxParams = 32

// maxParam bounds a parameter; whoever uses one bounds it by the screen.
const maxParam = 65535

// state is where the parser is. It follows the state machine of DEC's terminals
// (Paul Williams, https://vt100.net/emu/dec_ansi_parser), with UTF-8 instead of
// 8-bit controls: bytes above 0x7f are only ever parts of characters, because
// 0x9b and 0x9c are also parts of Chinese ones.
type state uint8

const (
	ground    state = iota
	escape          // ESC seen
	escInter        // and an intermediate byte
	csi             // inside a control sequence
	csiIgnore       // inside one that can't be right
	str             // inside a control string
	strEscape       // ESC seen inside a control string
)

// param is a parameter of a control sequence.
type param struct {
	n   int  // -1 when left out
	sub bool // it follows a colon: it belongs to the one before
}

type parser struct {
	state  state
	part   [utf8.UTFMax]byte // the first bytes of a character, the rest of which is to come
	nPart  int
	prefix byte // of a control sequence: < = > ? or 0
	inter  byte // the intermediate byte, 0 for none; several are taken for wrong
	params []param
	kind   byte // of a control string, the byte after ESC: ] P X ^ _
	kept   []byte
	size   int
}

// write takes output of the program.
func (e *emulator) write(p []byte) {
	for len(p) > 0 {
		if e.state == ground {
			p = e.text(p)
			continue
		}
		if e.state == str {
			p = e.inString(p)
			continue
		}
		b := p[0]
		if b >= utf8.RuneSelf { // no part of any sequence
			e.state = ground
			continue
		}
		p = p[1:]
		switch {
		case b == 0x1b: // also inside a control string, which it breaks off
			e.state, e.inter = escape, 0
		case b == 0x18, b == 0x1a: // CAN, SUB
			e.state = ground
		case e.state == strEscape && b == '\\':
			e.endString()
		case b < ' ':
			e.control(b)
		case b == 0x7f:
		case e.state == csi || e.state == csiIgnore:
			e.inSequence(b)
		default:
			e.inEscape(b)
		}
	}
}

// text takes characters and controls outside of any sequence, and returns what
// follows them.
func (e *emulator) text(p []byte) []byte {
	for len(p) > 0 {
		if e.nPart > 0 {
			p = e.continued(p)
			continue
		}
		n := 0
		for n < len(p) && p[n] >= ' ' && p[n] < 0x7f {
			n++
		}
		if n > 0 {
			e.printASCII(p[:n])
			p = p[n:]
			continue
		}
		switch b := p[0]; {
		case b == 0x1b:
			e.state, e.inter = escape, 0
			return p[1:]
		case b < utf8.RuneSelf:
			e.control(b)
			p = p[1:]
		default:
			r, size := utf8.DecodeRune(p)
			if r == utf8.RuneError && size == 1 {
				e.part[0], e.nPart = b, 1
				e.full()
			} else {
				e.printRune(r)
			}
			p = p[size:]
		}
	}
	return nil
}

// continued takes one more byte of a character.
func (e *emulator) continued(p []byte) []byte {
	if p[0]&0xc0 != 0x80 {
		e.nPart = 0
		e.printRune(utf8.RuneError)
		return p
	}
	e.part[e.nPart] = p[0]
	e.nPart++
	e.full()
	return p[1:]
}

// full prints the character when all of its bytes are there.
func (e *emulator) full() {
	if b := e.part[:e.nPart]; utf8.FullRune(b) {
		r, _ := utf8.DecodeRune(b)
		e.nPart = 0
		e.printRune(r)
	}
}

// inEscape takes a byte of an escape sequence.
func (e *emulator) inEscape(b byte) {
	switch {
	case b < '0':
		if e.inter != 0 {
			b = 0x7f // no sequence has two
		}
		e.state, e.inter = escInter, b
	case e.state == escInter:
		e.state = ground
		e.escape(b)
	case b == '[':
		e.state, e.prefix, e.inter = csi, 0, 0
		e.params = append(e.params[:0], param{n: -1})
	case b == ']', b == 'P', b == 'X', b == '^', b == '_':
		e.state, e.kind, e.kept, e.size = str, b, e.kept[:0], 0
	default:
		e.state = ground
		e.escape(b)
	}
}

// inSequence takes a byte of a control sequence.
func (e *emulator) inSequence(b byte) {
	if b >= '@' {
		wrong := e.state == csiIgnore
		e.state = ground
		if !wrong {
			e.sequence(b)
		}
		return
	}
	last := &e.params[len(e.params)-1]
	switch {
	case e.state == csiIgnore:
	case b < '0':
		if e.inter != 0 {
			e.state = csiIgnore
		}
		e.inter = b
	case e.inter != 0: // parameters after intermediates
		e.state = csiIgnore
	case b <= '9':
		last.n = min(max(last.n, 0)*10+int(b-'0'), maxParam)
	case b <= ';':
		if len(e.params) == maxParams {
			e.state = csiIgnore
			return
		}
		e.params = append(e.params, param{n: -1, sub: b == ':'})
	case len(e.params) > 1 || last.n >= 0 || e.prefix != 0:
		e.state = csiIgnore
	default:
		e.prefix = b
	}
}

// inString takes the bytes of a control string and returns what follows it.
func (e *emulator) inString(p []byte) []byte {
	for i, b := range p {
		switch {
		case b == 0x1b:
			e.state = strEscape
			return p[i+1:]
		case b == 0x07 && e.kind == ']':
			e.endString()
			return p[i+1:]
		case b == 0x18 || b == 0x1a || e.size >= maxString, b == '\n' && e.kind == ']':
			e.state = ground
			return p[i+1:]
		}
		e.size++
		if len(e.kept) < maxKept {
			e.kept = append(e.kept, b)
		}
	}
	return nil
}

func (e *emulator) endString() {
	e.state = ground
	if e.size > maxKept {
		return
	}
	switch e.kind {
	case ']':
		e.osc(string(e.kept))
	case 'P':
		e.dcs(string(e.kept))
	}
}

// arg is a parameter of the sequence, def where it is left out or 0.
func (e *emulator) arg(i, def int) int {
	if i < len(e.params) && e.params[i].n > 0 {
		return e.params[i].n
	}
	return def
}

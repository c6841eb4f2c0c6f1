package term

import (
	"bytes"
	"strings"
)

// maxString is how long a control string may be before it is taken for rubbish
// (a binary file on the screen) and what follows is shown again.
const maxString = 1 << 20

// maxKept is how much of a control string is kept to be read: titles and colour
// queries are short.
const maxKept = 1024

type filterState int

const (
	ground    filterState = iota
	escape                // ESC seen
	csi                   // inside a control sequence
	str                   // inside a control string
	strEscape             // ESC seen inside a control string
)

// filter takes the control strings (OSC, DCS, APC, PM, SOS; ECMA-48 §5.6) out
// of a program's output. Of all these, only window titles and queries for the
// three default colours mean something here. It comes before the emulator
// because that ends a string at the byte 0x9c, which is also part of many
// Chinese characters in UTF-8.
type filter struct {
	state filterState
	kind  byte // the byte after ESC: ] P X ^ _
	kept  []byte
	size  int
	osc   func(body string) // a whole OSC, without its ends
}

// pass calls out with the parts of p that are not control strings, in order.
// plain parts are characters and single controls, no part of any sequence.
func (f *filter) pass(p []byte, out func(part []byte, plain bool)) {
	for len(p) > 0 {
		switch f.state {
		case ground:
			i := bytes.IndexByte(p, 0x1b)
			if i < 0 {
				out(p, true)
				return
			}
			if i > 0 {
				out(p[:i], true)
			}
			f.state, p = escape, p[i+1:]
		case escape:
			if strings.IndexByte("]PX^_", p[0]) >= 0 {
				f.state, f.kind, f.kept, f.size = str, p[0], f.kept[:0], 0
			} else {
				out([]byte{0x1b}, false)
				switch b := p[0]; {
				case b == 0x1b:
					p = p[1:]
					continue // still ESC seen
				case b == '[', b >= ' ' && b <= '/':
					f.state = csi // or an escape sequence with intermediate bytes, which ends alike
				default:
					f.state = ground
				}
				out(p[:1], false)
			}
			p = p[1:]
		case csi:
			p = f.inSequence(p, out)
		case str:
			p = f.inString(p)
		case strEscape:
			if p[0] == '\\' {
				f.end()
				p = p[1:]
			} else {
				f.state = escape // the string is broken off by another sequence
			}
		}
	}
}

// inSequence passes the bytes of a control sequence on and returns what follows
// it.
func (f *filter) inSequence(p []byte, out func([]byte, bool)) []byte {
	for i, b := range p {
		if b == 0x1b {
			if i > 0 {
				out(p[:i], false)
			}
			f.state = escape
			return p[i+1:]
		}
		if b >= 0x30 && b <= 0x7e && b != ';' && b != ':' && (b < '0' || b > '9') && (b < '<' || b > '?') ||
			b == 0x18 || b == 0x1a || b >= 0x80 {
			out(p[:i+1], false)
			f.state = ground
			return p[i+1:]
		}
	}
	out(p, false)
	return nil
}

// inString takes the bytes of a control string and returns what follows it.
func (f *filter) inString(p []byte) []byte {
	for i, b := range p {
		switch {
		case b == 0x1b:
			f.state = strEscape
			return p[i+1:]
		case b == 0x07 && f.kind == ']':
			f.end()
			return p[i+1:]
		case b == 0x18 || b == 0x1a || f.size >= maxString, b == '\n' && f.kind == ']':
			f.state = ground
			return p[i+1:]
		}
		f.size++
		if len(f.kept) < maxKept {
			f.kept = append(f.kept, b)
		}
	}
	return nil
}

func (f *filter) end() {
	f.state = ground
	if f.kind == ']' && f.size <= maxKept {
		f.osc(string(f.kept))
	}
}

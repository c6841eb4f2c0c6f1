package term

import (
	"strings"
	"unicode"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// Key is one key press: the text it types, or its code and modifiers.
type Key = uv.Key

// Mouse is a mouse event: a uv.MouseClickEvent, uv.MouseReleaseEvent,
// uv.MouseWheelEvent or uv.MouseMotionEvent, in cells of the screen from 0.
type Mouse = uv.MouseEvent

// EncodeKey is what a terminal sends to the program for the key, as xterm does
// (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "PC-Style Function
// Keys"); nothing for keys that have no meaning there.
func (s *Screen) EncodeKey(k Key) []byte {
	return encodeKey(k, s.emu.on(modeCursorKeys))
}

// EncodePaste is what to send for pasted text: bracketed when the program
// asked for it. An end-of-paste mark inside the text is taken out, so that
// pasted text can't pretend to be typed.
func (s *Screen) EncodePaste(text string) []byte {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\n", "\r")
	if !s.emu.on(modePaste) {
		return []byte(text)
	}
	text = strings.ReplaceAll(text, ansi.BracketedPasteEnd, "")
	return []byte(ansi.BracketedPasteStart + text + ansi.BracketedPasteEnd)
}

// EncodeFocus tells the program that the pane got or lost the focus, when it
// asked to be told.
func (s *Screen) EncodeFocus(focused bool) []byte {
	if !s.emu.on(modeFocus) {
		return nil
	}
	if focused {
		return []byte(ansi.Focus)
	}
	return []byte(ansi.Blur)
}

// EncodeMouse is what to send for a mouse event, nothing when the program did
// not ask for such.
func (s *Screen) EncodeMouse(m Mouse) []byte {
	buttons, motion := s.MouseWanted()
	ev := m.Mouse()
	_, isMotion := m.(uv.MouseMotionEvent)
	_, isRelease := m.(uv.MouseReleaseEvent)
	switch {
	case !buttons:
		return nil
	case isMotion && !motion && (ev.Button == uv.MouseNone || !s.emu.on(modeMouseButton)):
		return nil
	case isRelease && s.emu.on(modeMouseX10):
		return nil
	}
	b := ansi.EncodeMouseButton(ev.Button, isMotion,
		ev.Mod.Contains(uv.ModShift), ev.Mod.Contains(uv.ModAlt), ev.Mod.Contains(uv.ModCtrl))
	if s.emu.on(modeMouseSGR) {
		return []byte(ansi.MouseSgr(b, ev.X, ev.Y, isRelease))
	}
	if ev.X > 222 || ev.Y > 222 {
		return nil // the old encoding has no bytes for these
	}
	if isRelease {
		b = ansi.EncodeMouseButton(uv.MouseNone, false, false, false, false)
	}
	return []byte(ansi.MouseX10(b, ev.X, ev.Y))
}

const modifiers = uv.ModShift | uv.ModAlt | uv.ModCtrl | uv.ModMeta

func encodeKey(k Key, appCursor bool) []byte {
	mod := k.Mod & modifiers
	if seq, ok := encodeSpecial(k.Code, mod, appCursor); ok {
		return []byte(seq)
	}
	esc := ""
	if mod&(uv.ModAlt|uv.ModMeta) != 0 {
		esc = "\x1b"
	}
	if mod&uv.ModCtrl != 0 {
		if b, ok := controlByte(k); ok {
			return []byte(esc + string(rune(b)))
		}
		return nil
	}
	switch {
	case k.Text != "":
		return []byte(esc + k.Text)
	case k.Code == uv.KeyExtended || k.Code < ' ' || k.Code > unicode.MaxRune:
		return nil
	case mod&uv.ModShift != 0 && k.ShiftedCode != 0:
		return []byte(esc + string(k.ShiftedCode))
	case mod&uv.ModShift != 0:
		return []byte(esc + string(unicode.ToUpper(k.Code)))
	}
	return []byte(esc + string(k.Code))
}

// controlByte is the control character of Ctrl with a key.
func controlByte(k Key) (byte, bool) {
	c := k.Code
	if c > unicode.MaxASCII && k.BaseCode != 0 {
		c = k.BaseCode // a keyboard that is not Latin
	}
	switch {
	case c >= 'a' && c <= 'z':
		return byte(c) - 'a' + 1, true
	case c >= '@' && c <= '_':
		return byte(c) - '@', true
	case c == ' ' || c == '2' || c == '`':
		return 0, true
	case c >= '3' && c <= '7':
		return byte(c) - '3' + 0x1b, true
	case c == '/':
		return 0x1f, true
	case c == '8' || c == '?':
		return 0x7f, true
	}
	return 0, false
}

// encodeSpecial encodes the keys that are not characters.
func encodeSpecial(code rune, mod uv.KeyMod, appCursor bool) (string, bool) {
	esc := ""
	if mod&(uv.ModAlt|uv.ModMeta) != 0 {
		esc = "\x1b"
	}
	switch code {
	case uv.KeyEnter, uv.KeyKpEnter:
		return esc + "\r", true
	case uv.KeyTab:
		if mod&uv.ModShift != 0 {
			return esc + "\x1b[Z", true
		}
		return esc + "\t", true
	case uv.KeyEscape:
		return esc + "\x1b", true
	case uv.KeyBackspace:
		if mod&uv.ModCtrl != 0 {
			return esc + "\b", true
		}
		return esc + "\x7f", true
	}
	if final, ok := cursorKey(code); ok {
		switch {
		case mod != 0:
			return "\x1b[1;" + itoa(modParam(mod)) + string(final), true
		case appCursor:
			return "\x1bO" + string(final), true
		}
		return "\x1b[" + string(final), true
	}
	if code >= uv.KeyF1 && code <= uv.KeyF4 {
		final := "PQRS"[code-uv.KeyF1]
		if mod != 0 {
			return "\x1b[1;" + itoa(modParam(mod)) + string(final), true
		}
		return "\x1bO" + string(final), true
	}
	if n, ok := tildeKey(code); ok {
		if mod != 0 {
			return "\x1b[" + itoa(n) + ";" + itoa(modParam(mod)) + "~", true
		}
		return "\x1b[" + itoa(n) + "~", true
	}
	if c, ok := keypadKey(code); ok {
		return esc + string(c), true
	}
	return "", false
}

// modParam is xterm's number of a set of modifiers.
func modParam(mod uv.KeyMod) int {
	n := 1
	for bit, m := range []uv.KeyMod{uv.ModShift, uv.ModAlt, uv.ModCtrl, uv.ModMeta} {
		if mod&m != 0 {
			n += 1 << bit
		}
	}
	return n
}

func cursorKey(code rune) (byte, bool) {
	switch code {
	case uv.KeyUp, uv.KeyKpUp:
		return 'A', true
	case uv.KeyDown, uv.KeyKpDown:
		return 'B', true
	case uv.KeyRight, uv.KeyKpRight:
		return 'C', true
	case uv.KeyLeft, uv.KeyKpLeft:
		return 'D', true
	case uv.KeyBegin, uv.KeyKpBegin:
		return 'E', true
	case uv.KeyEnd, uv.KeyKpEnd:
		return 'F', true
	case uv.KeyHome, uv.KeyKpHome:
		return 'H', true
	}
	return 0, false
}

func tildeKey(code rune) (int, bool) {
	switch code {
	case uv.KeyInsert, uv.KeyKpInsert:
		return 2, true
	case uv.KeyDelete, uv.KeyKpDelete:
		return 3, true
	case uv.KeyPgUp, uv.KeyKpPgUp:
		return 5, true
	case uv.KeyPgDown, uv.KeyKpPgDown:
		return 6, true
	}
	if code >= uv.KeyF5 && code <= uv.KeyF12 {
		return [...]int{15, 17, 18, 19, 20, 21, 23, 24}[code-uv.KeyF5], true
	}
	return 0, false
}

func keypadKey(code rune) (byte, bool) {
	if code >= uv.KeyKp0 && code <= uv.KeyKp9 {
		return byte('0' + code - uv.KeyKp0), true
	}
	switch code {
	case uv.KeyKpEqual:
		return '=', true
	case uv.KeyKpMultiply:
		return '*', true
	case uv.KeyKpPlus:
		return '+', true
	case uv.KeyKpComma, uv.KeyKpSep:
		return ',', true
	case uv.KeyKpMinus:
		return '-', true
	case uv.KeyKpDecimal:
		return '.', true
	case uv.KeyKpDivide:
		return '/', true
	}
	return 0, false
}

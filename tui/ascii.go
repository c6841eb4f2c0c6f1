package tui

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Charset is what the learner's terminal can show.
type Charset int

// The charsets.
const (
	CharsetUTF8         Charset = iota
	CharsetASCIIBorders         // text as it is; borders, glyphs and arrows in ASCII
	CharsetASCII                // nothing but ASCII: the locale is not UTF-8
)

// asciiOf is what stands for a glyph of one column, 0 for a character that is
// none.
func asciiOf(r rune) byte {
	switch {
	case r >= 0x2800 && r <= 0x28ff: // Braille dots of a chart
		if r == 0x2800 {
			return ' '
		}
		return '*'
	case r >= 0x2581 && r <= 0x2588: // blocks from low to high
		return "_.-=+*##"[r-0x2581]
	}
	switch r {
	case '─', '━', '═', '┄', '╌', '–', '—', '‐', '‑', '−':
		return '-'
	case '│', '┃', '║', '▏', '▎', '▍', '▌', '┊', '┆':
		return '|'
	case '╭', '╮', '╰', '╯', '┌', '┐', '└', '┘', '├', '┤', '┬', '┴', '┼', '┏', '┓', '┗', '┛', '╔', '╗', '╚', '╝':
		return '+'
	case '✓', '✔', '↓', '▼', '▾':
		return 'v'
	case '✗', '✘', '×':
		return 'x'
	case '◐', '◑':
		return '~'
	case '◓', '◒', '·', '∙':
		return '-'
	case '○', '◦', '◌':
		return 'o'
	case '●', '•', '★', '■', '▪':
		return '*'
	case '▸', '▶', '❯', '→', '▷', '›', '»':
		return '>'
	case '←', '◀', '‹', '«':
		return '<'
	case '↑', '▲', '▴':
		return '^'
	case '↻', '⟳':
		return 'r'
	case '…':
		return '.'
	case '‘', '’':
		return '\''
	case '“', '”':
		return '"'
	case '░', '▒', '▓':
		return '#'
	case '\u00a0':
		return ' '
	}
	return 0
}

// convert draws a line with what the terminal can show, in as many columns.
func (c Charset) convert(line string) string {
	if c == CharsetUTF8 {
		return line
	}
	at := 0
	for at < len(line) && line[at] < utf8.RuneSelf {
		at++
	}
	if at == len(line) {
		return line
	}
	var b strings.Builder
	b.WriteString(line[:at])
	for _, r := range line[at:] {
		switch plain := asciiOf(r); {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case plain != 0:
			b.WriteByte(plain)
		case c == CharsetASCIIBorders:
			b.WriteRune(r)
		default:
			b.WriteString(strings.Repeat("?", ansi.StringWidth(string(r))))
		}
	}
	out := b.String()
	if w := ansi.StringWidth(line); ansi.StringWidth(out) != w {
		return fit(out, w) // characters that were drawn as one
	}
	return out
}

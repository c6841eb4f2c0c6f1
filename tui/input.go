package tui

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// inputLine is a line of text that is being typed. The cursor moves by
// characters as people count them: an accent belongs to its letter, and a wide
// character is one.
type inputLine struct {
	text string
	at   int // the cursor: bytes of text before it
}

// maxInput is how many bytes a line holds; a paste may be of any size.
const maxInput = 4096

// insert types a text at the cursor.
func (l *inputLine) insert(s string) {
	s = harmless(s)
	if room := maxInput - len(l.text); len(s) > room {
		s = strings.ToValidUTF8(s[:max(room, 0)], "")
	}
	l.text = l.text[:l.at] + s + l.text[l.at:]
	l.at += len(s)
}

// paste takes text from the clipboard, as one line.
func (l *inputLine) paste(s string) { l.insert(strings.TrimSpace(ansi.Strip(s))) }

// harmless is a text with each run of line ends and tabs as one space, and
// without what a terminal would not draw: control characters and those that
// change the direction of the text.
func harmless(s string) string {
	var b strings.Builder
	broken := false
	for _, r := range s {
		switch {
		case r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029':
			if !broken {
				b.WriteByte(' ')
			}
			broken = true
			continue
		case unicode.IsGraphic(r), r == '\u200c', r == '\u200d': // the last two join emoji and Indic letters
			b.WriteRune(r)
		}
		broken = false
	}
	return b.String()
}

// key edits the line, or types.
func (l *inputLine) key(a action, k tea.KeyPressMsg) {
	switch a {
	case "":
		l.insert(k.Text)
	case actErase:
		l.cut(l.before(), l.at)
	case actEraseNext:
		l.cut(l.at, l.after())
	case actEraseWord:
		l.cut(l.wordStart(), l.at)
	case actEraseLine:
		l.cut(0, l.at)
	case actEraseEnd:
		l.cut(l.at, len(l.text))
	case actCurLeft:
		l.at = l.before()
	case actCurRight:
		l.at = l.after()
	case actCurStart:
		l.at = 0
	case actCurEnd:
		l.at = len(l.text)
	case actWordLeft:
		l.at = l.wordStart()
	case actWordRight:
		l.at = l.wordEnd()
	}
}

// cut removes a part and puts the cursor there.
func (l *inputLine) cut(from, to int) { l.text, l.at = l.text[:from]+l.text[to:], from }

// after is the place after the next character.
func (l *inputLine) after() int {
	first, _ := ansi.FirstGraphemeCluster(l.text[l.at:], ansi.GraphemeWidth)
	return l.at + len(first)
}

// before is the place before the last character.
func (l *inputLine) before() int {
	from := 0
	for from < l.at {
		first, _ := ansi.FirstGraphemeCluster(l.text[from:], ansi.GraphemeWidth)
		if from+len(first) >= l.at {
			break
		}
		from += len(first)
	}
	return from
}

// wordStart is where the word before the cursor begins.
func (l *inputLine) wordStart() int {
	return strings.LastIndexByte(strings.TrimRight(l.text[:l.at], " "), ' ') + 1
}

// wordEnd is where the word after the cursor ends.
func (l *inputLine) wordEnd() int {
	rest := strings.TrimLeft(l.text[l.at:], " ")
	from := len(l.text) - len(rest)
	if n := strings.IndexByte(rest, ' '); n >= 0 {
		return from + n
	}
	return len(l.text)
}

// view is the part around the cursor that fits the width, and the column of the
// cursor in it.
func (l *inputLine) view(width int) (text string, cursor int) {
	from, cursor := 0, ansi.StringWidth(l.text[:l.at])
	for cursor >= max(width, 1) && from < l.at {
		first, columns := ansi.FirstGraphemeCluster(l.text[from:], ansi.GraphemeWidth)
		from, cursor = from+len(first), cursor-columns
	}
	return ansi.Truncate(l.text[from:], width, ""), cursor
}

package term

import "github.com/charmbracelet/x/ansi"

// runeWidth is how many columns a character takes: 0 for marks, which join the
// character before, 1 or 2.
func runeWidth(r rune) int {
	switch {
	case r < 0x300, r >= 0x2500 && r <= 0x259f:
		return 1
	case plainWide(r):
		return 2
	}
	return min(max(ansi.StringWidth(string(r)), 0), 2)
}

// plainWide reports whether a character is one of those that are always two
// columns wide and never join another.
func plainWide(r rune) bool {
	return r >= 0x3041 && r <= 0x3096 || r >= 0x30a1 && r <= 0x30fa || // kana
		r >= 0x3400 && r <= 0x4dbf || r >= 0x4e00 && r <= 0x9fff || // CJK
		r >= 0xac00 && r <= 0xd7a3 // Hangul
}

// mayJoin reports whether a character that has a width may be part of the one
// before it: flags, skin tones, people joined by U+200D, Indic vowels.
func mayJoin(r rune) bool {
	return r >= 0x900 && (r < 0x2500 || r > 0x259f) && !plainWide(r)
}

// firstOf is the first character of a text, as users count them, and its
// width.
func firstOf(text string) (string, int) {
	return ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
}

package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestInputLine(t *testing.T) {
	const skin, family, accent = "👍🏽", "👩‍👩‍👧", "e\u0301"
	tests := []struct {
		name string
		keys []string // typed, or as named in the table of keys; PASTE: the rest of the string
		want string   // with | for the cursor
	}{
		{"typing", []string{"叢", "集", "a", "left", "left", "b", "home", "c", "ctrl+e", "d", "space"}, "c叢b集ad|"},
		{"a word", []string{"PASTE叢集 two words", "ctrl+w"}, "叢集 two |"},
		{"a word and the blanks after it", []string{"PASTEone two", "space", "ctrl+w", "ctrl+w"}, "|"},
		{"all before", []string{"PASTEone two", "left", "left", "ctrl+u"}, "|wo"},
		{"all after", []string{"PASTEone two", "left", "left", "ctrl+k"}, "one t|"},
		{"word by word", []string{"PASTEone two three", "alt+b", "alt+b", "x", "alt+f", "y"}, "one xtwoy| three"},
		{"the ends", []string{"alt+b", "alt+f", "left", "right", "backspace", "delete", "ctrl+w", "ctrl+k"}, "|"},
		{"a letter with its accent", []string{"PASTE" + accent + "b", "left", "left", "x"}, "x|" + accent + "b"},
		{"people are one", []string{"PASTEa" + family, "backspace"}, "a|"},
		{"a skin tone", []string{"PASTE" + skin, "left", "delete"}, "|"},
		{"lines become one", []string{"PASTEone\r\ntwo\n\n\tthree\n"}, "one two three|"},
		{"sequences", []string{"PASTE\x1b[31mred\x1b[m \x1b]0;title\x07x"}, "red x|"},
		{"control characters", []string{"PASTEa\x00\x03\x08\x7f\u009bb\u202ec\u2066d\ufeff"}, "abcd|"},
		{"a nested end of paste", []string{"PASTEa\x1b[201~b\rc"}, "ab c|"},
		{"broken UTF-8", []string{"PASTEa\xff\xfeb"}, "ab|"},
	}
	for _, tt := range tests {
		l := &inputLine{}
		for _, k := range tt.keys {
			if text, ok := strings.CutPrefix(k, "PASTE"); ok {
				l.paste(text)
			} else {
				key := keyPress(k)
				l.key(defaultKeymap().in(scopeEdit).at(key.String()), key)
			}
		}
		if got := l.text[:l.at] + "|" + l.text[l.at:]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestInputIsBounded: a paste of any size is cut between two characters.
func TestInputIsBounded(t *testing.T) {
	l := &inputLine{}
	l.paste(strings.Repeat("叢", 1<<20))
	l.paste("more")
	if want := strings.Repeat("叢", maxInput/3); strings.TrimSuffix(l.text, "m") != want || l.at != len(l.text) {
		t.Errorf("%d bytes, the cursor at %d", len(l.text), l.at)
	}
}

// TestInputView: the part in sight has the cursor in it, at the column that is
// said, and is never wider than its place.
func TestInputView(t *testing.T) {
	tests := []struct {
		before, after string
		width         int
		text          string
		cursor        int
	}{
		{"", "", 5, "", 0},
		{"abc", "", 5, "abc", 3},
		{"叢集", "x", 10, "叢集x", 4},
		{"abcde", "", 5, "bcde", 4},
		{"叢集叢集", "", 5, "叢集", 4},
		{"a叢集", "集", 5, "叢集", 4},
		{"abc", "defgh", 5, "abcde", 3},
		{"叢", "", 1, "", 0},
	}
	for _, tt := range tests {
		l := &inputLine{text: tt.before + tt.after, at: len(tt.before)}
		if text, cursor := l.view(tt.width); text != tt.text || cursor != tt.cursor {
			t.Errorf("%q|%q in %d columns: %q, %d; want %q, %d", tt.before, tt.after, tt.width, text, cursor, tt.text, tt.cursor)
		}
	}
}

// FuzzInputLine: whatever is typed and pasted, the cursor stays between two
// characters, and nothing gets in that a terminal would obey.
func FuzzInputLine(f *testing.F) {
	f.Add("one two\x1b[201~\n叢集", "e\u0301\u200d👩", uint64(0x123456789))
	f.Fuzz(func(t *testing.T, one, two string, moves uint64) {
		edits := []action{actErase, actEraseNext, actEraseWord, actEraseLine, actEraseEnd, actCurLeft, actCurRight, actCurStart, actCurEnd, actWordLeft, actWordRight}
		l := &inputLine{}
		l.paste(one)
		for ; moves > 0; moves /= 16 {
			if n := moves % 16; n < uint64(len(edits)) {
				l.key(edits[n], keyPress("x"))
			} else {
				l.paste(two)
			}
			if l.at < 0 || l.at > len(l.text) || len(l.text) > maxInput || harmless(l.text) != l.text {
				t.Fatalf("%q, the cursor at %d", l.text, l.at)
			}
			text, cursor := l.view(9)
			if cursor < 0 || cursor > 8 || ansi.StringWidth(text) > 9 {
				t.Fatalf("%q|%q shows %q, the cursor at %d", l.text[:l.at], l.text[l.at:], text, cursor)
			}
		}
	})
}

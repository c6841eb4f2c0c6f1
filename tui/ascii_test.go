package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// TestASCII: whatever is on the screen, a terminal without UTF-8 gets ASCII in
// as many columns, and one without the glyphs keeps the text.
func TestASCII(t *testing.T) {
	for _, lang := range []string{"en", "zh-TW"} {
		for _, scene := range scenes {
			s := newScreen(t, lang, 120, 40, 3)
			scene.set(s)
			before := s.frame()
			s.opts.Charset = CharsetASCII
			for i, l := range strings.Split(s.View().Content, "\n") {
				if ansi.StringWidth(l) != 120 {
					t.Errorf("%s: line %d is %d wide: %q", scene.name, i, ansi.StringWidth(l), ansi.Strip(l))
				}
				for _, r := range l {
					if r >= 0x80 {
						t.Fatalf("%s: %q in line %d: %q", scene.name, r, i, ansi.Strip(l))
					}
				}
			}
			s.opts.Charset = CharsetASCIIBorders
			for i, l := range strings.Split(s.View().Content, "\n") {
				if ansi.StringWidth(l) != 120 {
					t.Errorf("%s: line %d is %d wide: %q", scene.name, i, ansi.StringWidth(l), ansi.Strip(l))
				}
				if strings.ContainsAny(l, "─│╭╮╰╯├┤┬┴●◐○✓✗▸▏…→↓") {
					t.Errorf("%s: a glyph is left in line %d: %q", scene.name, i, ansi.Strip(l))
				}
				if strings.Contains(before[i], "叢集") && !strings.Contains(l, "叢集") {
					t.Errorf("%s: the text was changed: %q", scene.name, ansi.Strip(l))
				}
			}
		}
	}
}

// TestGlyphsHaveOneColumn: what is replaced by one character was one column.
func TestGlyphsHaveOneColumn(t *testing.T) {
	for r := rune(0x80); r < 0x10000; r++ {
		if asciiOf(r) != 0 && ansi.StringWidth(string(r)) != 1 {
			t.Errorf("%q has %d columns", r, ansi.StringWidth(string(r)))
		}
	}
}

// TestFewColours: with few colours or none, what has the cursor can be told from
// the rest, and no colour of many is sent.
func TestFewColours(t *testing.T) {
	for _, dark := range []bool{true, false} {
		for _, d := range []depth{depthFull, depthSixteen, depthNone} {
			st := newStyles(dark, d)
			for name, i := range map[string]ink{"chosen": st.chosenLine, "glow": st.glow, "brand": st.brand, "cursor": st.cursor} {
				if i == "" {
					t.Errorf("dark %v, depth %d: %s can't be seen", dark, d, name)
				}
			}
			s := newScreen(t, "en", 120, 40, 3)
			if err := s.setLook(dark, d); err != nil {
				t.Fatal(err)
			}
			s.press("ctrl+g", "c")
			frame := strings.Join(s.frame(), "\n")
			if d != depthFull && strings.Contains(strings.ReplaceAll(frame, "\x1b[38;2;", ""), "48;2;") {
				t.Errorf("dark %v, depth %d: a background of many colours", dark, d)
			}
			checkFrame(t, s.model)
		}
	}
	s := newScreen(t, "en", 120, 40, 3)
	s.send(tea.BackgroundColorMsg{})
	checkFrame(t, s.model)
}

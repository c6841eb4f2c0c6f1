package tui

import (
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// palette is the colours of one background. Nothing is told by colour alone:
// wherever one of them has a meaning there is also a glyph or a word.
type palette struct {
	text, strong, dim, line, accent, code color.Color
	good, wait, bad                       color.Color
	onAccent, chosen, glow                color.Color // chosen and glow are backgrounds
}

func paletteFor(dark bool) palette {
	pick := func(light, onDark string) color.Color {
		if dark {
			return lipgloss.Color(onDark)
		}
		return lipgloss.Color(light)
	}
	return palette{
		text:     pick("#24292f", "#d5dae3"),
		strong:   pick("#000000", "#ffffff"),
		dim:      pick("#656d76", "#8b95a7"),
		line:     pick("#c3c9d1", "#3d4657"),
		accent:   pick("#2257d6", "#6ea8fe"),
		code:     pick("#8250df", "#c3a6ff"),
		good:     pick("#1a7f37", "#5fd38d"),
		wait:     pick("#9a6700", "#e9b949"),
		bad:      pick("#cf222e", "#ff7b72"),
		onAccent: pick("#ffffff", "#0b1220"),
		chosen:   pick("#dbe6fb", "#24324d"),
		glow:     pick("#fff3c4", "#3a3420"),
	}
}

// ink colours text. It is the sequence that a lipgloss style begins with, worked
// out once: a frame colours a thousand words, and measuring each would be most
// of its time.
type ink string

// newInk takes the colours and attributes of a style.
func newInk(style lipgloss.Style) ink {
	on, _, _ := strings.Cut(style.Render("x"), "x")
	return ink(on)
}

// Render colours one line of text, which may not be coloured already.
func (i ink) Render(text string) string {
	if i == "" || text == "" {
		return text
	}
	return string(i) + text + ansi.ResetStyle
}

// styles is everything that is drawn with.
type styles struct {
	palette                      palette
	text, strong, dim, border    ink
	accent, code, title, heading ink
	good, wait, bad              ink
	goodBold, waitBold, badBold  ink
	key, brand, cursor, chosen   ink
}

func newStyles(dark bool) *styles {
	p := paletteFor(dark)
	fg := func(c color.Color) ink { return newInk(lipgloss.NewStyle().Foreground(c)) }
	bold := func(c color.Color) ink { return newInk(lipgloss.NewStyle().Foreground(c).Bold(true)) }
	return &styles{
		palette:  p,
		text:     fg(p.text),
		strong:   bold(p.strong),
		dim:      fg(p.dim),
		border:   fg(p.line),
		accent:   fg(p.accent),
		code:     fg(p.code),
		title:    bold(p.accent),
		heading:  bold(p.dim),
		good:     fg(p.good),
		wait:     fg(p.wait),
		bad:      fg(p.bad),
		goodBold: bold(p.good),
		waitBold: bold(p.wait),
		badBold:  bold(p.bad),
		key:      bold(p.accent),
		brand:    newInk(lipgloss.NewStyle().Foreground(p.onAccent).Background(p.accent).Bold(true)),
		chosen:   newInk(lipgloss.NewStyle().Foreground(p.strong).Background(p.chosen).Bold(true)),
		cursor:   newInk(lipgloss.NewStyle().Reverse(true)),
	}
}

// mark is a state with its glyph; the word beside it comes from the messages.
type mark int

const (
	markNone mark = iota
	markGood
	markWait
	markBad
	markOpen // not begun, or over
)

func (m mark) glyph() string {
	switch m {
	case markGood:
		return "✓"
	case markWait:
		return "◐"
	case markBad:
		return "✗"
	case markOpen:
		return "○"
	}
	return " "
}

func (s *styles) of(m mark) ink {
	switch m {
	case markGood:
		return s.good
	case markWait:
		return s.wait
	case markBad:
		return s.bad
	}
	return s.dim
}

// mark draws the glyph of a state in its colour.
func (s *styles) mark(m mark) string { return s.of(m).Render(m.glyph()) }

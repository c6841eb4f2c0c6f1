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
	onAccent                              color.Color
	chosen, glow, glowFaint               color.Color // backgrounds
}

// depth is how many colours the terminal has.
type depth int

const (
	depthFull    depth = iota // 256 or all
	depthSixteen              // the sixteen whose look the learner has chosen
	depthNone                 // none; bold, underlined and reversed are left
)

// depthOf is the depth of a colour profile, by its name.
func depthOf(profile string) depth {
	switch profile {
	case "ANSI":
		return depthSixteen
	case "Ascii", "NoTTY":
		return depthNone
	}
	return depthFull
}

func paletteFor(dark bool, d depth) palette {
	pick := func(light, onDark, sixteenLight, sixteenDark string) color.Color {
		name := onDark
		switch {
		case d == depthNone:
			name = ""
		case d == depthSixteen && dark:
			name = sixteenDark
		case d == depthSixteen:
			name = sixteenLight
		case !dark:
			name = light
		}
		if name == "" {
			return nil // the terminal's own
		}
		return lipgloss.Color(name)
	}
	return palette{
		text:      pick("#24292f", "#d5dae3", "", ""),
		strong:    pick("#000000", "#ffffff", "0", "15"),
		dim:       pick("#656d76", "#8b95a7", "8", "7"),
		line:      pick("#c3c9d1", "#3d4657", "7", "8"),
		accent:    pick("#2257d6", "#6ea8fe", "4", "12"),
		code:      pick("#8250df", "#c3a6ff", "5", "13"),
		good:      pick("#1a7f37", "#5fd38d", "2", "10"),
		wait:      pick("#9a6700", "#e9b949", "3", "11"),
		bad:       pick("#cf222e", "#ff7b72", "1", "9"),
		onAccent:  pick("#ffffff", "#0b1220", "", ""),
		chosen:    pick("#dbe6fb", "#24324d", "", ""),
		glow:      pick("#ffe9a8", "#4a4020", "", ""),
		glowFaint: pick("#fff6dc", "#2a2718", "", ""),
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
	chosenLine, glow, glowFaint  ink  // backgrounds
	reversed                     bool // what is chosen is shown reversed, not by a background
}

func newStyles(dark bool, d depth) *styles {
	p := paletteFor(dark, d)
	style := func(c color.Color) lipgloss.Style {
		if c == nil {
			return lipgloss.NewStyle()
		}
		return lipgloss.NewStyle().Foreground(c)
	}
	fg := func(c color.Color) ink { return newInk(style(c)) }
	bold := func(c color.Color) ink { return newInk(style(c).Bold(true)) }
	out := &styles{
		palette:    p,
		text:       fg(p.text),
		strong:     bold(p.strong),
		dim:        fg(p.dim),
		border:     fg(p.line),
		accent:     fg(p.accent),
		code:       fg(p.code),
		title:      bold(p.accent),
		heading:    bold(p.dim),
		good:       fg(p.good),
		wait:       fg(p.wait),
		bad:        fg(p.bad),
		goodBold:   bold(p.good),
		waitBold:   bold(p.wait),
		badBold:    bold(p.bad),
		key:        bold(p.accent),
		cursor:     newInk(lipgloss.NewStyle().Reverse(true)),
		brand:      newInk(lipgloss.NewStyle().Reverse(true).Bold(true)),
		chosen:     newInk(lipgloss.NewStyle().Reverse(true).Bold(true)),
		chosenLine: newInk(lipgloss.NewStyle().Reverse(true)),
		glow:       newInk(lipgloss.NewStyle().Bold(true)),
		reversed:   d != depthFull,
	}
	if d == depthSixteen {
		// Reversed, the text has the terminal's background: whatever the learner
		// has made of the sixteen, that can be read.
		out.brand = newInk(style(p.accent).Reverse(true).Bold(true))
	}
	if d == depthFull {
		out.brand = newInk(style(p.onAccent).Background(p.accent).Bold(true))
		out.chosen = newInk(style(p.strong).Background(p.chosen).Bold(true))
		out.chosenLine = newInk(lipgloss.NewStyle().Background(p.chosen))
		out.glow = newInk(lipgloss.NewStyle().Background(p.glow))
		out.glowFaint = newInk(lipgloss.NewStyle().Background(p.glowFaint))
	}
	return out
}

// choose shows that a line is chosen. Reversed, each colour of its text would be
// another background, so it has none then.
func (s *styles) choose(line string) string {
	if s.reversed {
		return s.chosenLine.Render(ansi.Strip(line))
	}
	return withBackground(line, s.chosenLine)
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

package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// footer is what the bottom border says: what the mode in front has to say, or
// for the time being what there is to be told.
func (m *model) footer() string {
	text, stays := m.front().footer(m)
	switch {
	case stays:
	case m.praise != "":
		return m.styles.goodBold.Render("✓ " + m.praise)
	case m.notice != "":
		return m.styles.wait.Render("! " + oneLine(m.notice))
	}
	return text
}

// footerAt is where the footer begins: in the border of the text over the panes,
// or in that of the screen.
func (m *model) footerAt() (x, y int) {
	if m.modes.has(m.overlay) {
		r := m.overlayRect()
		return r.x + 3, r.y + r.h - 1
	}
	return 3, m.height - 1
}

// typedInFooter draws a line that is being typed in the footer, in a part of its
// width, and leaves a cell for the cursor.
func (m *model) typedInFooter(l *inputLine, width int) string {
	text, _ := l.view(m.searchRoom(width))
	return m.styles.key.Render("/") + m.styles.strong.Render(text) + " "
}

// searchRoom is how many columns of a footer a search has.
func (m *model) searchRoom(width int) int { return max(width/2, 8) }

// cursorInFooter is the cursor of such a line.
func (m *model) cursorInFooter(l *inputLine, width int) *tea.Cursor {
	x, y := m.footerAt()
	_, at := l.view(m.searchRoom(width))
	return tea.NewCursor(x+1+at, y)
}

// afterPrefix is what stands before the keys that follow the prefix key.
func (m *model) afterPrefix() string {
	return m.styles.dim.Render(m.words.say("then", "Key", m.prefixName()) + " ")
}

// idle reports whether an action has nothing to do in this step.
func (m *model) idle(a action) bool { return a == actDraw && m.lesson.page.Seed == 0 }

// hints draws as many of the actions' keys as fit beside what stands before
// them, and the help's always.
func (m *model) hints(in scope, used int, actions ...action) string {
	t, gap := m.keys.in(in), m.styles.dim.Render("  ")
	hint := func(a action) string {
		return m.styles.key.Render(keyName(t.key(a))) + " " + m.styles.dim.Render(m.words.say("key_"+string(a)))
	}
	help := hint(actHelp)
	room := m.layout.width - 6 - used - ansi.StringWidth(help) - 2
	var out []string
	for i, a := range actions {
		if t.key(a) == "" || m.idle(a) {
			continue // the prefix key has taken its only one, or it is for another step
		}
		h := hint(a)
		room -= ansi.StringWidth(h) + 2
		if room < 0 {
			break
		}
		if i == len(actions)-1 {
			out = append(out, help, h)
			return strings.Join(out, gap)
		}
		out = append(out, h)
	}
	return strings.Join(append(out, help), gap)
}

// keyHints draws keys with what they do: key, message, key, message, …
func (m *model) keyHints(pairs ...string) string {
	said := slices.Clone(pairs)
	for i := 1; i < len(said); i += 2 {
		said[i] = m.words.say("key_" + said[i])
	}
	return hintLine(m.styles, said...)
}

// hintLine draws keys with what they do: key, words, key, words, …
func hintLine(s *styles, pairs ...string) string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, s.key.Render(pairs[i])+" "+s.dim.Render(pairs[i+1]))
	}
	return strings.Join(out, s.dim.Render("  "))
}

// fittingHints is keyHints without the last ones, for which there is no room.
func (m *model) fittingHints(room int, pairs ...string) string {
	for len(pairs) > 2 && ansi.StringWidth(m.keyHints(pairs...)) > room {
		pairs = pairs[:len(pairs)-2]
	}
	return m.keyHints(pairs...)
}

// prefixName is the prefix key as people write it: ^G.
func (m *model) prefixName() string { return keyName(m.keys.prefix) }

// chord is the prefix and an action's key as people write them: ^G l.
func (m *model) chord(a action) string { return m.keys.chord(a) }

// upDown is the keys that go down and up by a line: j/k.
func (m *model) upDown(in scope) string {
	return m.keys.name(in, actLineDown) + "/" + m.keys.name(in, actLineUp)
}

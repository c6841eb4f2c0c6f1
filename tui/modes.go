package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// mode is what may have the keyboard, the mouse and the cursor: a pane, or
// something that lies over the panes. The one in front gets all input. What it
// has no use for goes nowhere; it never reaches what the mode hides.
type mode interface {
	// key takes a key, except for the prefix key when prefix gives way to it.
	key(m *model, k tea.KeyPressMsg) tea.Cmd
	// prefix reports whether the next key may be a command after the prefix
	// key. A mode that can't stay open for it closes first.
	prefix(m *model) (tea.Cmd, bool)
	mouse(m *model, msg tea.MouseMsg) tea.Cmd
	paste(m *model, text string) tea.Cmd
	// draw adds what the mode shows to the frame.
	draw(m *model, frame []string) []string
	// cursor is the insertion point on the screen, nil for none. An input
	// method opens its window there.
	cursor(m *model) *tea.Cursor
	// footer is the text of the bottom border. No notice replaces one that
	// must stay: a question, or a line that is being typed.
	footer(m *model) (text string, stays bool)
	// scopes are the keys that the help explains.
	scopes() []scope
}

// inert is a mode that ignores everything. Modes embed it and override what they
// handle.
type inert struct{}

func (inert) key(*model, tea.KeyPressMsg) tea.Cmd     { return nil }
func (inert) prefix(*model) (tea.Cmd, bool)           { return nil, true }
func (inert) mouse(*model, tea.MouseMsg) tea.Cmd      { return nil }
func (inert) paste(*model, string) tea.Cmd            { return nil }
func (inert) draw(_ *model, frame []string) []string  { return frame }
func (inert) cursor(*model) *tea.Cursor               { return nil }
func (inert) footer(*model) (text string, stays bool) { return "", false }
func (inert) scopes() []scope                         { return nil }

// modeStack is the modes over the panes; the last one is in front. It is drawn
// from the first to the last.
type modeStack []mode

func (s *modeStack) push(x mode) { *s = append(*s, x) }

func (s modeStack) has(x mode) bool { return slices.Contains(s, x) }

// close removes a mode and what lies over it.
func (s *modeStack) close(x mode) {
	if i := slices.Index(*s, x); i >= 0 {
		*s = slices.Delete(*s, i, len(*s))
	}
}

// remove removes a mode and leaves what lies over it.
func (s *modeStack) remove(x mode) {
	if i := slices.Index(*s, x); i >= 0 {
		*s = slices.Delete(*s, i, i+1)
	}
}

// front is the mode that gets all input.
func (m *model) front() mode {
	if n := len(m.modes); n > 0 {
		return m.modes[n-1]
	}
	return m.inFocus()
}

// under is the mode right under one of the stack.
func (m *model) under(x mode) mode {
	if i := slices.Index(m.modes, x); i > 0 {
		return m.modes[i-1]
	}
	return m.inFocus()
}

// inFocus is the bottom of the stack: the pane in focus, or what the learner has
// begun in it. An answer or a search in the history is still there when the
// focus comes back.
func (m *model) inFocus() mode {
	switch b := m.shell.browse; {
	case m.focus == paneLesson && m.lesson.prompt != nil:
		return m.lesson.prompt
	case m.focus == paneLesson:
		return lessonKeys{}
	case m.focus == paneCluster:
		return clusterKeys{}
	case b != nil && b.typing:
		return historySearch{browser: b}
	case b != nil:
		return b
	}
	return shellKeys{}
}

// key gives a key to the mode in front. The key after the prefix key is a
// command wherever the prefix key was pressed, so it is never typed into the
// shell.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	m.notice, m.praise = "", ""
	m.lesson.touch()
	if k.Keystroke() == m.keys.prefix {
		if cmd, ok := m.front().prefix(m); ok {
			m.modes.push(prefixMode{})
			return cmd
		}
	}
	return m.front().key(m, k)
}

func (m *model) mouse(msg tea.MouseMsg) tea.Cmd { return m.front().mouse(m, msg) }

func (m *model) paste(text string) tea.Cmd { return m.front().paste(m, text) }

// prefixMode is the moment after the prefix key.
type prefixMode struct{ inert }

func (prefixMode) prefix(*model) (tea.Cmd, bool) { return nil, false }

// key does a command. The prefix key pressed twice goes to the program in the
// shell, when that has the keyboard.
func (p prefixMode) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	m.modes.close(p)
	if k.Keystroke() != m.keys.prefix {
		return m.do(m.keys.in(scopePrefix).at(k.String()))
	}
	if m.front() == mode(shellKeys{}) {
		return m.toShell(k)
	}
	return nil
}

// mouse gives the command up at the end of a click.
func (p prefixMode) mouse(m *model, msg tea.MouseMsg) tea.Cmd {
	if _, released := msg.(tea.MouseReleaseMsg); released {
		m.modes.close(p)
	}
	return nil
}

func (p prefixMode) paste(m *model, _ string) tea.Cmd {
	m.modes.close(p)
	return nil
}

func (p prefixMode) cursor(m *model) *tea.Cursor { return m.under(p).cursor(m) }

func (prefixMode) footer(m *model) (string, bool) {
	return m.styles.brand.Render(" "+m.prefixName()+" ") + " " + m.hints(scopePrefix, len(m.prefixName())+3,
		actHint, actNext, actBack, actDraw, actAnswer, actInsert, actCopy, actReset, actLesson, actCluster, actShell, actZoom, actMap, actQuit), false
}

// confirm is a question before something that can't be undone. Keys other than
// yes and no do nothing: they may be typed by somebody who has not seen it.
type confirm struct {
	inert
	question string
	yes      func() tea.Cmd
}

// ask asks before it does something.
func (m *model) ask(question string, yes func() tea.Cmd) {
	m.modes.push(&confirm{question: question, yes: yes})
}

func (c *confirm) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch m.keys.in(scopeConfirm).at(k.String()) {
	case actYes:
		m.modes.close(c)
		return c.yes()
	case actNo:
		m.modes.close(c)
	}
	return nil
}

func (c *confirm) prefix(m *model) (tea.Cmd, bool) {
	m.modes.close(c) // no
	return nil, true
}

func (c *confirm) footer(m *model) (string, bool) {
	// Where there is no room for both, it is better to know the keys.
	keys := m.keyHints(m.keys.name(scopeConfirm, actYes), "yes", m.keys.name(scopeConfirm, actNo), "no")
	room := max(m.layout.width-ansi.StringWidth(keys)-10, 0)
	return m.styles.waitBold.Render(ansi.Truncate("? "+c.question, room, "…")) + "  " + keys, true
}

func (*confirm) scopes() []scope { return []scope{scopeConfirm} }

// tooSmall hides everything while the terminal is too small for it. Commands
// work, since one of them leaves.
type tooSmall struct{ inert }

func (tooSmall) draw(m *model, _ []string) []string {
	lines := pad(wrap(m.words.say("too_small", "Width", minWidth, "Height", minHeight), m.width, ""), rect{w: m.width, h: m.height})
	if text, stays := m.front().footer(m); stays && len(lines) > 1 { // the question of a command
		lines[len(lines)-1] = fit(text, m.width)
	}
	return lines
}

package tui

import (
	"sync"

	tea "charm.land/bubbletea/v2"
)

// How far one press of a key moves a border.
const (
	dividerStep   = 4
	separatorStep = 2
)

// keeper writes the learner's choice down. Of several writes at once each writes
// the newest choice, so the last one wins whatever their order.
type keeper struct {
	save func(Layout) error
	mu   sync.Mutex // held while it is written

	wantMu sync.Mutex
	want   Layout
}

func (k *keeper) set(l Layout) {
	k.wantMu.Lock()
	defer k.wantMu.Unlock()
	k.want = l
}

func (k *keeper) write() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wantMu.Lock()
	want := k.want
	k.wantMu.Unlock()
	return k.save(want)
}

// notKeptMsg says that the choice could not be written down.
type notKeptMsg struct{ err error }

// remember writes the choice down.
func (m *model) remember() tea.Cmd {
	if m.keeper.save == nil {
		return nil
	}
	m.keeper.set(m.want)
	return func() tea.Msg {
		if err := m.keeper.write(); err != nil {
			return notKeptMsg{err}
		}
		return nil
	}
}

// choose divides the screen as the learner wants it.
func (m *model) choose(want Layout) tea.Cmd {
	if want == m.want {
		return nil
	}
	m.want = want
	return m.relayout()
}

// resizeMode is after a key that moves a border: the same keys move it on,
// without the prefix key. Another key ends it, and means what it means without
// it.
type resizeMode struct{ inert }

func (r resizeMode) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	done := m.keys.in(scopeResize).at(k.String()) == actDone
	if a := m.keys.in(scopePrefix).at(k.String()); !done && resizes(a) {
		return m.resize(a)
	}
	m.modes.close(r)
	if done {
		return nil
	}
	return m.front().key(m, k)
}

func (r resizeMode) prefix(m *model) (tea.Cmd, bool) {
	m.modes.close(r)
	return m.front().prefix(m)
}

func (r resizeMode) mouse(m *model, msg tea.MouseMsg) tea.Cmd { return m.under(r).mouse(m, msg) }

func (r resizeMode) paste(m *model, text string) tea.Cmd {
	m.modes.close(r)
	return m.front().paste(m, text)
}

func (r resizeMode) cursor(m *model) *tea.Cursor { return m.under(r).cursor(m) }

func (resizeMode) footer(m *model) (string, bool) {
	key := func(a action) string { return m.keys.name(scopePrefix, a) }
	return m.keyHints(key(actLeft)+" "+key(actRight)+" "+key(actUp)+" "+key(actDown), "resize", m.keys.name(scopeResize, actDone), "done"), false
}

func (resizeMode) scopes() []scope { return []scope{scopeResize} }

// resizes reports whether an action moves a border, and may be pressed again and
// again.
func resizes(a action) bool {
	return a == actLeft || a == actRight || a == actUp || a == actDown
}

// resize changes how the screen is divided.
func (m *model) resize(a action) tea.Cmd {
	want, l := m.want, m.layout
	switch a {
	case actZoom:
		want.Zoomed = !want.Zoomed
	case actEven:
		want.Lesson, want.Shell = 0, 0
	case actArrange:
		want.Zoomed, want.Arrange = false, m.nextArrangement()
	case actLeft, actRight, actUp, actDown:
		if l.divider == 0 && l.separator == 0 {
			m.notice = m.words.say("nothing_to_resize")
			return nil
		}
		if !m.modes.has(resizeMode{}) {
			m.modes.push(resizeMode{})
		}
		want = m.moved(a)
	}
	before := m.layout
	cmd := m.choose(want)
	if a == actArrange && m.layout != before {
		m.notice = m.words.say("arranged_" + m.layout.arrange.String())
	}
	return tea.Batch(cmd, m.remember())
}

// moved is the choice after one step of a border.
func (m *model) moved(a action) Layout {
	l, want := m.layout, m.want
	switch {
	case a == actLeft && l.divider > 0:
		return l.moveDivider(want, l.divider-dividerStep)
	case a == actRight && l.divider > 0:
		return l.moveDivider(want, l.divider+dividerStep)
	case a == actUp && l.separator > 0:
		return l.moveSeparator(want, l.separator-separatorStep)
	case a == actDown && l.separator > 0:
		return l.moveSeparator(want, l.separator+separatorStep)
	}
	return want
}

// nextArrangement is the next one that fits, by the size after the last.
func (m *model) nextArrangement() string {
	for a := arrangementNamed(m.want.Arrange) + 1; a <= arrangeTabs; a++ {
		if a.fits(m.width, m.height) {
			return a.String()
		}
	}
	return ""
}

package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/tui/term"
)

// browser is the reading of the shell's history: keys move a cursor in it, look
// for text, select and copy, and nothing goes to the program.
type browser struct {
	inPane
	at     term.Pos  // the cursor
	from   *term.Pos // where the selection begins; nil for none
	lines  bool      // whole lines are selected
	find   string    // what was looked for last
	typing bool      // what to look for is being typed, into input
	input  inputLine
}

// selection is what is selected, nil for nothing.
func (b *browser) selection(width int) *term.Span {
	if b.from == nil {
		return nil
	}
	s := term.Between(*b.from, b.at)
	if b.lines {
		s.From.X, s.To.X = 0, width-1
	}
	return &s
}

// shellNews is what commands of the shell pane come back with.
type shellNews interface{ apply(m *model) tea.Cmd }

// shellCopiedMsg is text that was selected.
type shellCopiedMsg string

// shellFoundMsg is where the text was found that was looked for.
type shellFoundMsg struct {
	term *term.Term
	at   term.Span
	ok   bool
}

// apply puts the text on the clipboard of the learner's terminal, by OSC 52.
func (msg shellCopiedMsg) apply(m *model) tea.Cmd {
	if msg == "" {
		return nil
	}
	m.praise = m.words.say("copied_text", "Count", len([]rune(string(msg))))
	return tea.SetClipboard(string(msg))
}

func (msg shellFoundMsg) apply(m *model) tea.Cmd {
	b := m.shell.browse
	switch {
	case msg.term != m.shell.term || b == nil:
		return nil
	case !msg.ok:
		m.notice = m.words.say("shell_not_found", "Text", b.find)
		return nil
	}
	b.at = msg.at.From
	return m.browseMoved()
}

// browseHistory begins to read the shell's history.
func (m *model) browseHistory() tea.Cmd {
	p := m.shell
	if p.term == nil {
		return nil
	}
	focus := m.goTo(paneShell)
	if p.browse == nil {
		y := p.frame.cursor.Y
		if p.frame.back > 0 {
			y = p.frame.height - 1
		}
		p.browse = &browser{at: term.Pos{Line: p.frame.top + y, X: p.frame.cursor.X}}
	}
	return tea.Batch(focus, m.browseMoved())
}

// scrollShell reads the history, half a pane up when direction is 1, down when
// it is -1.
func (m *model) scrollShell(direction int) tea.Cmd {
	if m.shell.term == nil || direction < 0 && m.shell.browse == nil && m.shell.frame.back == 0 {
		return nil
	}
	begin := m.browseHistory()
	_, h := m.layout.shellSize()
	m.browseTo(-direction*max(h/2, 1), true)
	return tea.Batch(begin, m.browseMoved())
}

// browseTo moves the cursor by lines; with page, what is shown moves as much.
func (m *model) browseTo(by int, page bool) {
	p := m.shell
	f := &p.frame
	p.browse.at.Line = min(max(p.browse.at.Line+by, f.oldest()), f.base()+f.height-1)
	if page {
		p.scrollTo(p.top() + by)
	}
}

// top is the line that is drawn first from now on.
func (p *shellPane) top() int {
	if top := p.scrolled().Top; top >= 0 {
		return min(max(top, p.frame.oldest()), p.frame.base())
	}
	return p.frame.base()
}

// scrollTo shows the lines from this one on; at the end it follows the program.
func (p *shellPane) scrollTo(top int) {
	top = max(top, p.frame.oldest())
	if top >= p.frame.base() {
		top = -1
	}
	p.see(func(l *term.Look) { l.Top = top })
}

// browseMoved shows the line of the cursor, and what is selected.
func (m *model) browseMoved() tea.Cmd {
	p := m.shell
	b := p.browse
	if top := p.top(); b.at.Line < top {
		p.scrollTo(b.at.Line)
	} else if h := p.frame.height; b.at.Line >= top+h {
		p.scrollTo(b.at.Line - h + 1)
	}
	p.see(func(l *term.Look) { l.Select, l.Find = b.selection(p.frame.width), b.find })
	return m.redrawShell()
}

func (b *browser) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	f := &m.shell.frame
	half := max(f.height/2, 1)
	switch m.keys.in(scopeHistory).at(k.String()) {
	case actLineUp:
		m.browseTo(-1, false)
	case actLineDown:
		m.browseTo(1, false)
	case actPageUp:
		m.browseTo(-half, true)
	case actPageDown:
		m.browseTo(half, true)
	case actTop:
		b.at = term.Pos{Line: f.oldest()}
	case actBottom:
		b.at = term.Pos{Line: f.base() + f.height - 1}
	case actCharLeft:
		b.at.X = max(b.at.X-1, 0)
	case actCharRight:
		b.at.X = min(b.at.X+1, f.width-1)
	case actLineStart:
		b.at.X = 0
	case actLineEnd:
		b.at.X = f.width - 1
	case actSearch:
		b.typing, b.input = true, inputLine{}
		return nil
	case actMatch:
		return m.findInShell(false)
	case actMatchBack:
		return m.findInShell(true)
	case actMark:
		b.mark(false)
	case actMarkLines:
		b.mark(true)
	case actCopy:
		if s := b.selection(f.width); s != nil {
			return tea.Batch(m.copyShell(*s), m.leaveHistory())
		}
		m.notice = m.words.say("nothing_selected", "Key", m.keys.name(scopeHistory, actMark))
	case actClose:
		return m.leaveHistory()
	case actHelp:
		m.openHelp()
	}
	return m.browseMoved()
}

// mark begins a selection at the cursor, or forgets it.
func (b *browser) mark(lines bool) {
	if b.from != nil && b.lines == lines {
		b.from = nil
		return
	}
	if b.from == nil {
		at := b.at
		b.from = &at
	}
	b.lines = lines
}

// paste says where text would go; the program in the shell is not what has the
// keyboard.
func (b *browser) paste(m *model, _ string) tea.Cmd {
	m.notice = m.words.say("not_typing", "Key", m.keys.name(scopeHistory, actClose))
	return nil
}

func (b *browser) cursor(m *model) *tea.Cursor { return m.shellCursor() }

func (b *browser) footer(m *model) (string, bool) {
	return m.hints(scopeHistory, 0, actLineUp, actPageUp, actSearch, actMatch, actMark, actCopy, actClose), false
}

func (*browser) scopes() []scope { return []scope{scopeHistory} }

// historySearch is while the text to look for in the history is typed.
type historySearch struct {
	inPane
	*browser
}

func (h historySearch) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch a := m.keys.in(scopeEdit).at(k.String()); a {
	case actAccept:
		h.typing = false
		if h.input.text != "" {
			h.find = h.input.text
		}
		return tea.Batch(m.findInShell(false), m.browseMoved())
	case actCancel:
		h.typing = false
	default:
		h.typing = a != actErase || h.input.text != "" // erased to the end
		h.input.key(a, k)
	}
	return nil
}

func (h historySearch) paste(_ *model, text string) tea.Cmd {
	h.input.paste(text)
	return nil
}

func (h historySearch) cursor(m *model) *tea.Cursor {
	return m.cursorInFooter(&h.input, m.layout.width)
}

func (h historySearch) footer(m *model) (string, bool) {
	keys := m.keyHints(m.keys.name(scopeEdit, actAccept), "search", m.keys.name(scopeEdit, actCancel), "close")
	return m.typedInFooter(&h.input, m.layout.width) + "  " + keys, true
}

func (historySearch) scopes() []scope { return []scope{scopeEdit} }

// findInShell looks for the text from the cursor up, or down.
func (m *model) findInShell(down bool) tea.Cmd {
	t, b := m.shell.term, m.shell.browse
	if b.find == "" {
		return nil
	}
	text, at := b.find, b.at
	return func() tea.Msg {
		span, ok := t.Find(text, at, down)
		return shellFoundMsg{t, span, ok}
	}
}

// copyShell copies what is selected.
func (m *model) copyShell(span term.Span) tea.Cmd {
	t := m.shell.term
	return func() tea.Msg { return shellCopiedMsg(t.Copy(span)) }
}

// leaveHistory goes back to the program.
func (m *model) leaveHistory() tea.Cmd {
	m.shell.follow()
	return m.redrawShell()
}

package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// footer is what the bottom border says: a question, what there is to be told,
// or the keys.
func (m *model) footer() string {
	s, w := m.styles, m.words
	switch {
	case m.confirm != nil:
		// Where there is no room for both, it is better to know the keys.
		keys := m.keyHints(m.keys.name(scopeConfirm, actYes), "yes", m.keys.name(scopeConfirm, actNo), "no")
		room := max(m.layout.width-ansi.StringWidth(keys)-10, 0)
		return s.waitBold.Render(ansi.Truncate("? "+m.confirm.question, room, "…")) + "  " + keys
	case m.praise != "":
		return s.goodBold.Render("✓ " + m.praise)
	case m.notice != "":
		return s.wait.Render("! " + oneLine(m.notice))
	case m.overlay.open:
		return m.overlayFoot()
	case m.prefixed:
		return s.brand.Render(" "+m.prefixName()+" ") + " " + m.hints(scopePrefix, len(m.prefixName())+3,
			actHint, actNext, actBack, actDraw, actAnswer, actInsert, actCopy, actReset, actLesson, actCluster, actShell, actZoom, actMap, actQuit)
	case m.resizing:
		key := func(a action) string { return m.keys.name(scopePrefix, a) }
		return m.keyHints(key(actLeft)+" "+key(actRight)+" "+key(actUp)+" "+key(actDown), "resize", m.keys.name(scopeResize, actDone), "done")
	case m.prompting():
		return m.promptHints()
	case m.focus == paneShell && m.shell.browse != nil:
		return m.historyFooter()
	}
	after := s.dim.Render(w.say("then", "Key", m.prefixName()) + " ")
	switch m.focus {
	case paneLesson:
		key := func(a action) string { return m.keys.name(scopeLesson, a) }
		first := m.keyHints(m.upDown(scopeLesson), "scroll", key(actShell), "shell")
		if len(m.lesson.commands) > 0 {
			first = m.keyHints(key(actPrevCmd)+" "+key(actNextCmd), "command", key(actInsert), "insert", key(actCopy), "copy", key(actShell), "shell")
		}
		rest := s.dim.Render(" · ") + after
		if ansi.StringWidth(first+rest+m.keyHints(m.keys.name(scopePrefix, actHelp), "help")) > m.layout.width-6 {
			return first
		}
		first += rest
		return first + m.hints(scopePrefix, ansi.StringWidth(first), actHint, actNext, actQuit)
	case paneCluster:
		first := m.keyHints(m.upDown(scopeCluster), "select") + s.dim.Render("  ")
		return first + m.hints(scopeCluster, ansi.StringWidth(first), actDescribe, actYAML, actLogs, actPrevious, actEvents, actShell)
	}
	return after + m.hints(scopePrefix, ansi.StringWidth(after), actHint, actNext, actLesson, actCluster, actZoom, actQuit)
}

// idle tells whether an action has nothing to do in this step.
func (m *model) idle(a action) bool { return a == actDraw && m.lesson.page.Seed == 0 }

func (m *model) promptHints() string {
	key := func(a action) string { return m.keys.name(scopeAnswer, a) }
	if m.lesson.prompt.over != promptOpen {
		return m.keyHints(key(actSend), "go_on")
	}
	if _, _, open := m.lesson.prompt.place(m.lesson.outcome()); open > 1 {
		return m.keyHints(key(actSend), "send", key(actQuestion), "question", key(actCancel), "shell")
	}
	return m.keyHints(key(actSend), "send", key(actCancel), "shell")
}

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
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, m.styles.key.Render(pairs[i])+" "+m.styles.dim.Render(m.words.say("key_"+pairs[i+1])))
	}
	return strings.Join(out, m.styles.dim.Render("  "))
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

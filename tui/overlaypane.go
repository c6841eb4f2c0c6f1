package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Inspection is what the learner wants to read about an object.
type Inspection struct {
	What       string // "describe", "yaml", "logs" or "previous-logs"
	Resource   schema.GroupVersionResource
	Kind       string
	Namespace  string // empty for cluster-scoped resources
	Name       string
	Containers []string // of a Pod, whose logs are asked for
}

// objectRef names an object of the cluster pane.
type objectRef struct {
	resource        schema.GroupVersionResource
	kind            string
	namespace, name string
}

// How much of a text is kept to be read, from its end: lines, and bytes.
const (
	maxOverlayLines = 20000
	maxOverlayBytes = 4 << 20
)

// overlayPane is a text over the panes: an object, a log, the Events.
type overlayPane struct {
	inert
	number  int // of the request; an answer to an older one is dropped
	asked   Inspection
	title   string
	waiting bool
	err     error
	cancel  context.CancelFunc
	follow  *follower // the log that is followed, nil for none
	fresh   bool      // of it nothing has come yet
	text    []string  // lines as they came
	bytes   int       // in them
	lines   []string  // wrapped to width
	width   int
	scroll  int
	room    int
	search  search
}

// search is the search in a text.
type search struct {
	line  inputLine // what to look for
	found []int     // lines
	at    int       // of found
}

// inspectedMsg is the answer to an Inspection.
type inspectedMsg struct {
	number int
	text   string
	err    error
}

// reset forgets the text, and cancels what is being read.
func (p *overlayPane) reset() {
	if p.cancel != nil {
		p.cancel()
	}
	*p = overlayPane{number: p.number + 1}
}

// openOverlay puts the overlay over the panes.
func (m *model) openOverlay() {
	if !m.modes.has(m.overlay) {
		m.modes.push(m.overlay)
	}
}

// uncover closes the overlay when it is open, and with it what lies over it.
func (m *model) uncover() {
	if m.modes.has(m.overlay) {
		m.overlay.reset()
		m.modes.close(m.overlay)
	}
}

// showText opens a text that is there already.
func (m *model) showText(title, text string) {
	m.overlay.reset()
	m.overlay.title = title
	m.overlay.set(text)
	m.openOverlay()
}

// set takes a text, without what could move the cursor or colour the rest.
func (p *overlayPane) set(text string) {
	p.waiting, p.width = false, 0
	p.text, p.bytes = nil, 0
	p.append(strings.Split(strings.TrimRight(text, "\n"), "\n"))
}

// printable is a line without control characters.
func printable(s string) string {
	clean := true
	for i := range len(s) {
		clean = clean && s[i] >= ' ' && s[i] < 0x7f
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, ansi.Strip(s))
}

// wrapTo breaks the lines for a width; nothing is lost of a long one.
func (p *overlayPane) wrapTo(width int) {
	if p.width == width {
		return
	}
	p.width, p.lines = width, p.lines[:0]
	for _, l := range p.text {
		p.lines = append(p.lines, broken(l, width)...)
	}
	p.find()
}

// broken is a line in pieces that fit the width.
func broken(line string, width int) []string {
	if ansi.StringWidth(line) <= width {
		return []string{line}
	}
	return strings.Split(ansi.Hardwrap(line, max(width, 1), true), "\n")
}

// find looks the search up, without regard to case.
func (p *overlayPane) find() {
	p.search.found, p.search.at = nil, 0
	p.findFrom(0)
	for _, line := range p.search.found {
		if line < p.scroll {
			p.search.at++
		}
	}
	if len(p.search.found) > 0 {
		p.search.at %= len(p.search.found)
	}
}

// findFrom looks the search up in the lines from one on.
func (p *overlayPane) findFrom(first int) {
	want := strings.ToLower(p.search.line.text)
	if want == "" {
		return
	}
	for i := first; i < len(p.lines); i++ {
		if strings.Contains(strings.ToLower(p.lines[i]), want) {
			p.search.found = append(p.search.found, i)
		}
	}
}

// goTo shows the match that is by further.
func (p *overlayPane) goTo(by int) {
	n := len(p.search.found)
	if n == 0 {
		return
	}
	p.search.at = (p.search.at + by + n) % n
	p.scroll = p.search.found[p.search.at] - p.room/2
}

// inspect asks for an object.
func (m *model) inspect(what Inspection) tea.Cmd {
	o := m.overlay
	again := m.modes.has(o) && o.asked.What == what.What && o.asked.Resource == what.Resource && o.asked.Namespace == what.Namespace && o.asked.Name == what.Name
	scroll, search := o.scroll, o.search
	o.reset()
	o.waiting, o.asked = true, what
	m.openOverlay()
	o.title = what.What + " " + shortResource(what.Resource) + "/" + what.Name
	if again {
		o.scroll, o.search = scroll, search
	} else if what.What == "logs" || what.What == "previous-logs" {
		o.scroll = 1 << 20 // a log is read from its end
	}
	ctx, cancel := context.WithCancel(m.ctx)
	o.cancel = cancel
	number, r := o.number, m.running
	return func() tea.Msg {
		defer cancel()
		if r.Inspect == nil {
			return inspectedMsg{number: number}
		}
		if what.Resource == gvrPods {
			what.Containers = containersOf(r.View, what)
		}
		text, err := r.Inspect(ctx, what)
		return inspectedMsg{number, text, err}
	}
}

// containersOf is the names of a Pod's containers, as the screen knows it.
func containersOf(view ClusterView, what Inspection) []string {
	for _, o := range view.Objects(gvrPods) {
		if o.GetNamespace() != what.Namespace || o.GetName() != what.Name {
			continue
		}
		var out []string
		for _, field := range []string{"initContainers", "containers"} {
			list, _, _ := unstructured.NestedSlice(o.Object, "spec", field)
			for _, c := range list {
				if spec, ok := c.(map[string]any); ok {
					out = append(out, asString(spec["name"]))
				}
			}
		}
		return out
	}
	return nil
}

// read opens what the cursor of the cluster pane is on.
func (m *model) read(a action) tea.Cmd {
	ref, ok := m.cluster.object()
	if a == actLogs || a == actPrevious {
		ref, ok = m.cluster.pod()
	}
	if !ok {
		m.notice = m.words.say("nothing_to_read")
		return nil
	}
	return m.inspect(Inspection{What: string(a), Resource: ref.resource, Kind: ref.kind, Namespace: ref.namespace, Name: ref.name})
}

// inspected takes the answer.
func (m *model) inspected(msg inspectedMsg) {
	if msg.number != m.overlay.number || !m.modes.has(m.overlay) {
		return
	}
	m.overlay.err = msg.err
	m.overlay.set(msg.text)
}

func (o *overlayPane) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	a := m.keys.in(scopeOverlay).at(k.String())
	switch a {
	case actClose:
		m.uncover()
	case actSearch:
		o.search = search{}
		m.modes.push(overlaySearch{})
	case actMatch:
		o.goTo(1)
	case actMatchBack:
		o.goTo(-1)
	case actFollow:
		return m.toggleFollow()
	case actReload:
		if o.asked.What != "" {
			return m.inspect(o.asked)
		}
		m.showEvents()
	case actCopy:
		m.praise = m.words.say("copied")
		return tea.SetClipboard(strings.Join(o.text, "\n"))
	case actHelp:
		m.openHelp()
	default:
		o.scroll = max(o.scroll+linesBy(a, o.room/2), 0)
	}
	return nil
}

// mouse scrolls the text.
func (o *overlayPane) mouse(_ *model, msg tea.MouseMsg) tea.Cmd {
	if wheel, ok := msg.(tea.MouseWheelMsg); ok {
		o.scroll = max(o.scroll+notch(wheel), 0)
	}
	return nil
}

func (o *overlayPane) draw(m *model, frame []string) []string {
	return overlayAt(frame, m.overlayBox(), m.overlayRect(), m.width)
}

func (*overlayPane) scopes() []scope { return []scope{scopeOverlay} }

// overlaySearch is while the text to look for in the overlay is typed.
type overlaySearch struct{ inert }

func (o overlaySearch) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	p := m.overlay
	switch a := m.keys.in(scopeEdit).at(k.String()); a {
	case actAccept:
		m.modes.close(o)
		p.goTo(0)
		return nil
	case actCancel:
		m.modes.close(o)
		p.search = search{}
		return nil
	default:
		p.search.line.key(a, k)
	}
	p.find()
	p.goTo(0)
	return nil
}

func (overlaySearch) paste(m *model, text string) tea.Cmd {
	m.overlay.search.line.paste(text)
	m.overlay.find()
	m.overlay.goTo(0)
	return nil
}

func (overlaySearch) mouse(m *model, msg tea.MouseMsg) tea.Cmd { return m.overlay.mouse(m, msg) }

func (overlaySearch) cursor(m *model) *tea.Cursor {
	return m.cursorInFooter(&m.overlay.search.line, m.overlayRect().w)
}

func (overlaySearch) footer(m *model) (string, bool) {
	l := &m.overlay.search.line
	return m.typedInFooter(l, m.overlayRect().w) + m.overlay.count(m.styles), true
}

func (overlaySearch) scopes() []scope { return []scope{scopeEdit} }

// count is which of the matches is shown, and how many there are.
func (o *overlayPane) count(s *styles) string {
	if o.search.line.text == "" {
		return ""
	}
	at := min(o.search.at+1, len(o.search.found))
	return " " + s.dim.Render(itoa(at)+"/"+itoa(len(o.search.found)))
}

// maxOverlayWidth is the widest that a text over the panes gets.
const maxOverlayWidth = 140

// overlayRect is where the text lies, its frame included: over all the panes,
// below the status line, and no wider than reads well.
func (m *model) overlayRect() rect {
	w := m.width
	if d := m.layout.divider; m.layout.arrange == arrangeSide && w-d > minWidth*2 {
		return rect{d, 1, w - d, m.height - 1} // the lesson stays in sight
	}
	if w > maxOverlayWidth+8 {
		w = maxOverlayWidth
	}
	return rect{(m.width - w) / 2, 1, w, m.height - 1}
}

// overlayBox draws the text in its frame.
func (m *model) overlayBox() []string {
	o, s, w := m.overlay, m.styles, m.words
	r := m.overlayRect()
	o.room = max(r.h-2, 1)
	o.wrapTo(r.w - 4)
	if !o.waiting {
		o.scroll = max(min(o.scroll, len(o.lines)-o.room), 0)
	}
	label := s.title.Render(" "+o.title) + " "
	if o.follow != nil {
		label += s.good.Render("● "+w.say("following")) + " "
	}
	out := []string{rule(s.accent, "╭", label, "╮", r.w)}
	edge := s.accent.Render("│")
	for i := range o.room {
		line := ""
		switch n := o.scroll + i; {
		case o.waiting:
			if i == 0 {
				line = s.wait.Render("◐ " + w.say("reading"))
			}
		case o.err != nil:
			if parts := wrap(s.bad.Render("✗ "+oneLine(o.err.Error())), r.w-4, "  "); i < len(parts) {
				line = parts[i]
			}
		case n < len(o.lines):
			line = o.paint(n, s)
		}
		out = append(out, edge+" "+fit(line, r.w-4)+" "+edge)
	}
	return append(out, rule(s.accent, "╰", " "+m.footer()+" ", "╯", r.w))
}

// footer is the search, where in the text one is, and the keys.
func (o *overlayPane) footer(m *model) (string, bool) {
	s, width := m.styles, m.overlayRect().w
	count := o.count(s)
	if count != "" {
		count = s.key.Render("/") + s.text.Render(ansi.Truncate(o.search.line.text, width/4, "…")) + count + "  "
	}
	before := s.dim.Render(itoa(min(o.scroll+o.room, len(o.lines)))+"/"+itoa(len(o.lines))) + "  "
	key := func(a action) string { return m.keys.name(scopeOverlay, a) }
	if o.asked.What == "logs" && count == "" {
		before += m.keyHints(key(actFollow), "follow") + "  "
	}
	before += count
	return before + m.fittingHints(width-6-ansi.StringWidth(before), key(actClose), "close", key(actSearch), "search", key(actMatch), "match", key(actReload), "reload", key(actCopy), "copy"), false
}

// paint colours a line: the key of a YAML or describe line, and what was
// searched for.
func (p *overlayPane) paint(n int, s *styles) string {
	line := p.lines[n]
	if want := p.search.line.text; want != "" {
		if at := strings.Index(strings.ToLower(line), strings.ToLower(want)); at >= 0 && at+len(want) <= len(line) {
			return s.text.Render(line[:at]) + s.cursor.Render(line[at:at+len(want)]) + s.text.Render(line[at+len(want):])
		}
	}
	if p.asked.What != "yaml" && p.asked.What != "describe" {
		return s.text.Render(line)
	}
	key, rest, ok := strings.Cut(line, ":")
	if !ok || strings.Contains(strings.TrimSpace(key), "  ") || strings.Contains(strings.Trim(key, " -"), " ") && p.asked.What == "yaml" || rest != "" && rest[0] != ' ' {
		return s.text.Render(line)
	}
	return s.accent.Render(key) + s.dim.Render(":") + s.text.Render(rest)
}

// showEvents opens all Events with their whole messages.
func (m *model) showEvents() {
	if m.cluster.snap == nil {
		return
	}
	var b strings.Builder
	for _, e := range m.cluster.snap.events {
		mark := "  "
		if e.warning {
			mark = "! "
		}
		b.WriteString(fit(e.at.Local().Format("15:04:05"), 8) + " " + mark + fit(e.reason, 18) + " " + e.object)
		if e.count > 1 {
			b.WriteString(" ×" + itoa(e.count))
		}
		b.WriteString("\n           " + oneLine(e.message) + "\n")
	}
	if b.Len() == 0 {
		b.WriteString(m.words.say("no_events"))
	}
	m.showText(m.words.say("events"), b.String())
}

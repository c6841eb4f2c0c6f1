package tui

import (
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// clusterPane shows the tree of objects, which scrolls, over the newest Events.
type clusterPane struct {
	namespace string
	snap      *snapshot
	changes   changes
	chart     hpaChart
	scroll    int
	room      int    // lines of the tree
	cursor    int    // the chosen line
	chosen    string // its key, by which it is found again
	focused   bool
	ready     int // Pods of the namespace
	pods      int
	cache     []string
	cacheFor  clusterKey
}

type clusterKey struct {
	snap    *snapshot
	scroll  int
	cursor  int
	focused bool
	rect    rect
	styles  *styles
}

// set takes the newest state. The chosen line stays with its object.
func (p *clusterPane) set(s snapshot, now time.Time) {
	p.snap = &s
	p.chart.take(s.hpa, now)
	p.changes.take(s.lines, s.events, now)
	p.ready, p.pods = 0, 0
	at := -1
	for i := range s.lines {
		l := &s.lines[i]
		if at < 0 && l.key == p.chosen {
			at = i
		}
		if l.ref.resource == gvrPods && l.ref.namespace == p.namespace && !strings.HasPrefix(l.key, "endpoint/") {
			p.pods++
			if l.mark == markGood {
				p.ready++
			}
		}
	}
	if at >= 0 && (p.focused || p.cursor > 0) { // else nobody has chosen: the top stays in sight
		p.scroll = max(p.scroll+at-p.cursor, 0) // it stays where it is on the screen
		p.cursor = at
	}
	p.choose(p.cursor)
}

// choose moves the cursor to a line.
func (p *clusterPane) choose(line int) {
	if p.snap == nil || len(p.snap.lines) == 0 {
		p.cursor, p.chosen = 0, ""
		return
	}
	p.cursor = min(max(line, 0), len(p.snap.lines)-1)
	p.chosen = p.snap.lines[p.cursor].key
}

// dirty says that what was drawn is no longer right, such as the ages.
func (p *clusterPane) dirty() { p.cache = nil }

// scrollBy scrolls without the cursor, as far as the cursor stays in sight.
func (p *clusterPane) scrollBy(n int) {
	p.scroll = max(p.scroll+n, 0)
	if p.snap != nil {
		p.scroll = max(min(p.scroll, len(p.snap.lines)-p.room), 0)
	}
	p.choose(min(max(p.cursor, p.scroll), p.scroll+max(p.room-1, 0)))
}

// moveBy moves the cursor, and scrolls where that leads out of sight.
func (p *clusterPane) moveBy(n int) {
	p.choose(p.cursor + n)
	if p.cursor < p.scroll {
		p.scroll = p.cursor
	}
	if last := p.scroll + p.room - 2; p.room > 1 && p.cursor > last {
		p.scroll += p.cursor - last // the last line may say how many are below
	}
}

// object is what the cursor is on; false for nothing that could be read.
func (p *clusterPane) object() (objectRef, bool) {
	if p.snap == nil || p.cursor >= len(p.snap.lines) {
		return objectRef{}, false
	}
	ref := p.snap.lines[p.cursor].ref
	return ref, ref.name != ""
}

// pod is the Pod whose logs are meant by the cursor: the one it is on, or the
// first below what it is on.
func (p *clusterPane) pod() (objectRef, bool) {
	if p.snap == nil {
		return objectRef{}, false
	}
	for i := p.cursor; i < len(p.snap.lines); i++ {
		l := p.snap.lines[i]
		if i > p.cursor && l.branch == "" {
			break
		}
		if l.ref.resource == gvrPods && l.ref.name != "" {
			return l.ref, true
		}
	}
	return objectRef{}, false
}

// glowChange is how long what is in sight glows as it does, 0 when nothing does.
func (p *clusterPane) glowChange(height int, now time.Time) time.Duration {
	if p.snap == nil {
		return 0
	}
	least := time.Duration(0)
	consider := func(changed time.Time) {
		if d := glowChange(changed, now); d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	lines := p.snap.lines[min(p.scroll, len(p.snap.lines)):]
	for _, l := range lines[:min(height, len(lines))] {
		consider(l.changed)
	}
	for _, e := range p.snap.events[:min(height, len(p.snap.events))] {
		consider(e.changed)
	}
	return least
}

// times gives the times whose age is on the screen.
func (p *clusterPane) times(height int, consider func(time.Time)) {
	if p.snap == nil {
		return
	}
	if !p.snap.conn.OK {
		consider(p.snap.conn.Since)
	}
	for i, e := range p.snap.events {
		if i >= height {
			break
		}
		consider(e.at)
	}
}

// lines draws the pane. Only what is in sight is coloured and fitted, so a
// thousand Pods cost no more than a screenful.
func (p *clusterPane) lines(r rect, now time.Time, w *words, s *styles) []string {
	if p.snap == nil {
		return pad([]string{s.dim.Render(w.say("cluster_waiting"))}, r)
	}
	chart := p.chart.lines(r, s)
	treeRoom, eventRoom := p.divide(r.h - len(chart))
	p.room = treeRoom
	p.scroll = max(min(p.scroll, len(p.snap.lines)-treeRoom), 0)
	key := clusterKey{p.snap, p.scroll, p.cursor, p.focused, r, s}
	if p.cache != nil && key == p.cacheFor {
		return p.cache
	}
	var out []string
	shown := p.snap.lines[p.scroll:min(p.scroll+treeRoom, len(p.snap.lines))]
	for i, l := range shown {
		line := l.draw(r.w, s)
		switch {
		case p.focused && p.scroll+i == p.cursor:
			line = s.choose(fit(line, r.w))
		default:
			line = withBackground(line, glowInk(l.changed, now, s))
		}
		out = append(out, line)
	}
	if len(p.snap.lines) == 0 {
		out = append(out, s.dim.Render(w.say("cluster_empty")))
	}
	out = pad(out, rect{w: r.w, h: treeRoom})
	if more := len(p.snap.lines) - p.scroll - treeRoom; more > 0 && treeRoom > 0 {
		label := s.dim.Render(w.say("more_below", "Count", more+1))
		out[treeRoom-1] = fit(strings.Repeat(" ", max(r.w-ansi.StringWidth(label), 0))+label, r.w)
	}
	out = append(out, chart...)
	if eventRoom > 0 {
		head := s.heading.Render(w.say("events"))
		out = append(out, fit(head+" "+s.border.Render(strings.Repeat("─", max(r.w-ansi.StringWidth(head)-1, 0))), r.w))
		out = append(out, p.events(rect{w: r.w, h: eventRoom - 1}, now, w, s)...)
	}
	p.cache, p.cacheFor = out, key
	return out
}

// divide gives the Events a third of the pane, more when the tree is short.
func (p *clusterPane) divide(height int) (tree, events int) {
	if height < 6 {
		return height, 0
	}
	want := max(len(p.snap.lines), 1)
	events = max(height/3, height-want-1)
	events = min(events, max(len(p.snap.events), 1)+1)
	return height - events, events
}

func (p *clusterPane) events(r rect, now time.Time, w *words, s *styles) []string {
	if len(p.snap.events) == 0 {
		return pad([]string{s.dim.Render(w.say("no_events"))}, r)
	}
	list := p.snap.events[:min(r.h, len(p.snap.events))]
	reasonWidth := 0
	for _, e := range list {
		reasonWidth = max(reasonWidth, ansi.StringWidth(e.reason))
	}
	reasonWidth = min(reasonWidth, 17)
	var out []string
	for _, e := range list {
		a := age(now.Sub(e.at))
		line := s.dim.Render(strings.Repeat(" ", max(3-len(a), 0))+a) + " "
		if e.warning {
			line += s.bad.Render("! " + fit(e.reason, reasonWidth))
		} else {
			line += s.text.Render("  " + fit(e.reason, reasonWidth))
		}
		line += " " + s.text.Render(shortenMiddle(e.object, max(r.w/4, 14)))
		if e.count > 1 {
			line += s.dim.Render(" ×" + itoa(e.count))
		}
		line += "  " + s.dim.Render(oneLine(e.message))
		if g := glowInk(e.changed, now, s); g != "" {
			line = withBackground(ansi.Truncate(line, r.w, "…"), g)
		}
		out = append(out, line)
	}
	return pad(out, r)
}

// draw colours one line of the tree. The note keeps its room; a long name is
// shortened in its middle.
func (l treeLine) draw(width int, s *styles) string {
	lead := s.border.Render(l.branch)
	used := ansi.StringWidth(l.branch)
	if l.mark != markNone {
		glyph := l.mark.glyph()
		if l.mark == markGood {
			glyph = "●"
		}
		lead += s.of(l.mark).Render(glyph) + " "
		used += 2
	}
	room := width - used
	note := oneLine(l.note)
	extra := oneLine(l.extra)
	if ansi.StringWidth(l.name)+ansi.StringWidth(note)+ansi.StringWidth(extra)+4 > room {
		extra = ""
	}
	name := shortenMiddle(l.name, max(room-ansi.StringWidth(note)-2, min(room, 20)))
	style := s.text
	if l.branch == "" {
		style = s.strong
	}
	if l.faint {
		style = s.dim
	}
	line := lead + style.Render(name)
	if note != "" {
		noteStyle := s.dim
		if l.mark == markBad || l.mark == markWait {
			noteStyle = s.of(l.mark)
		}
		line += "  " + noteStyle.Render(note)
	}
	if extra != "" {
		line += "  " + s.dim.Render(extra)
	}
	return line
}

// withBackground puts a background behind a line, whatever colours it has.
func withBackground(line string, background ink) string {
	if background == "" {
		return line
	}
	return string(background) + strings.ReplaceAll(line, ansi.ResetStyle, ansi.ResetStyle+string(background)) + ansi.ResetStyle
}

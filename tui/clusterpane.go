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
	scroll    int
	cache     []string
	cacheFor  clusterKey
}

type clusterKey struct {
	snap   *snapshot
	scroll int
	rect   rect
	styles *styles
}

func (p *clusterPane) set(s snapshot) { p.snap = &s }

// dirty says that what was drawn is no longer right, such as the ages.
func (p *clusterPane) dirty() { p.cache = nil }

func (p *clusterPane) scrollBy(n int) { p.scroll = max(p.scroll+n, 0) }

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
	treeRoom, eventRoom := p.divide(r.h)
	p.scroll = max(min(p.scroll, len(p.snap.lines)-treeRoom), 0)
	key := clusterKey{p.snap, p.scroll, r, s}
	if p.cache != nil && key == p.cacheFor {
		return p.cache
	}
	var out []string
	shown := p.snap.lines[p.scroll:min(p.scroll+treeRoom, len(p.snap.lines))]
	for _, l := range shown {
		out = append(out, l.draw(r.w, s))
	}
	if len(p.snap.lines) == 0 {
		out = append(out, s.dim.Render(w.say("cluster_empty")))
	}
	out = pad(out, rect{w: r.w, h: treeRoom})
	if more := len(p.snap.lines) - p.scroll - treeRoom; more > 0 && treeRoom > 0 {
		label := s.dim.Render(w.say("more_below", "Count", more+1))
		out[treeRoom-1] = fit(strings.Repeat(" ", max(r.w-ansi.StringWidth(label), 0))+label, r.w)
	}
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
		line += " " + s.text.Render(middle(e.object, max(r.w/4, 14)))
		if e.count > 1 {
			line += s.dim.Render(" ×" + itoa(e.count))
		}
		line += "  " + s.dim.Render(oneLine(e.message))
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
	name := middle(l.name, max(room-ansi.StringWidth(note)-2, min(room, 20)))
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

package tui

import (
	"context"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/k8stutor/k8stutor/cluster/space"
)

// followPace is how often a log that is followed may be redrawn.
const followPace = 50 * time.Millisecond

// follower takes the lines of a log as they come, from any goroutine, and keeps
// the last of them until the screen has drawn what came before.
type follower struct {
	news chan struct{} // has a value when there is something to take
	pace pacer

	mu    sync.Mutex
	lines []logEntry
	bytes int
	ended bool
	err   error
}

// logEntry is an entry of the log of one of a Pod's containers, which has a name
// when there are several.
type logEntry struct {
	container string
	space.LogEntry
}

func (e logEntry) size() int { return len(e.Text) }

func newFollower() *follower {
	return &follower{news: make(chan struct{}, 1), pace: pacer{interval: followPace}}
}

func (f *follower) add(container string, e space.LogEntry) {
	f.mu.Lock()
	f.lines, f.bytes = append(f.lines, logEntry{container, e}), f.bytes+len(e.Text)
	f.lines, f.bytes = lastLines(f.lines, f.bytes, logEntry.size)
	f.mu.Unlock()
	f.tell()
}

func (f *follower) end(err error) {
	f.mu.Lock()
	f.ended, f.err = true, err
	f.mu.Unlock()
	f.tell()
}

func (f *follower) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// lastLines cuts off the first lines of what is more than an overlay keeps, and
// some more, so that it is not done again for each line.
func lastLines[T any](lines []T, size int, of func(T) int) ([]T, int) {
	if len(lines) <= maxOverlayLines && size <= maxOverlayBytes {
		return lines, size
	}
	cut := 0
	for len(lines)-cut > maxOverlayLines*9/10 || size > maxOverlayBytes*9/10 {
		size -= of(lines[cut])
		cut++
	}
	return append([]T(nil), lines[cut:]...), size
}

// followedMsg is what a log that is followed has brought.
type followedMsg struct {
	follower *follower
	lines    []logEntry
	ended    bool
	err      error
	again    tea.Cmd // waits for more
}

// wait waits for lines, at most once in followPace.
func (f *follower) wait(ctx context.Context) tea.Cmd {
	return func() tea.Msg {
		select {
		case <-f.news:
		case <-ctx.Done():
			return nil
		}
		if !f.pace.wait(ctx) {
			return nil
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		msg := followedMsg{f, f.lines, f.ended, f.err, f.wait(ctx)}
		f.lines, f.bytes = nil, 0
		return msg
	}
}

// toggleFollow follows the log that is read, or stops.
func (m *model) toggleFollow() tea.Cmd {
	o, r := m.overlay, m.running
	if o.asked.What != string(actLogs) || r.Follow == nil {
		m.notice = m.words.say("nothing_to_follow")
		return nil
	}
	if o.follow != nil {
		o.stopFollowing()
		return nil
	}
	if o.cancel != nil {
		o.cancel() // an answer under way would come too late
	}
	o.number++
	ctx, cancel := context.WithCancel(m.ctx)
	f := newFollower()
	o.follow, o.cancel, o.fresh, o.waiting, o.err = f, cancel, true, false, nil
	o.scroll = 1 << 20 // new lines come at the end
	what := o.asked
	return tea.Batch(f.wait(ctx), func() tea.Msg {
		what.Containers = containersOf(r.View, what)
		f.end(r.Follow(ctx, what, f.add))
		return nil
	})
}

// line is what is shown of an entry: the line of the log, or between the lines
// what has happened to the container.
func (e logEntry) line(w *words) string {
	text := e.Text
	switch e.Kind {
	case space.LogEnded:
		text = "── " + w.say("container_ended", "Reason", e.Text, "Code", e.Number) + " ──"
	case space.LogRestarted:
		text = "── " + w.say("container_restarted", "Count", e.Number) + " ──"
	}
	if e.container != "" {
		text = e.container + " │ " + text
	}
	return text
}

func (p *overlayPane) stopFollowing() {
	p.cancel()
	p.follow = nil
}

// followed takes new lines. Who looks at the end goes on looking at the end.
func (m *model) followed(msg followedMsg) tea.Cmd {
	o := m.overlay
	if msg.follower != o.follow {
		return nil // of an older one
	}
	if len(msg.lines) > 0 {
		atEnd := o.scroll+o.room >= len(o.lines)
		if o.fresh { // they begin with what was there already
			o.text, o.bytes, o.width, o.fresh = nil, 0, 0, false
		}
		lines := make([]string, len(msg.lines))
		for i, e := range msg.lines {
			lines[i] = e.line(m.words)
		}
		o.append(lines)
		if atEnd {
			o.scroll = 1 << 20
		}
	}
	if !msg.ended {
		return msg.again
	}
	o.stopFollowing()
	m.notice = m.words.say("log_ended")
	if msg.err != nil {
		m.notice = msg.err.Error()
	}
	return nil
}

// append takes lines, without what could move the cursor or colour the rest. The
// first lines go where they are too many.
func (p *overlayPane) append(lines []string) {
	first := len(p.lines)
	for _, l := range lines {
		l = printable(strings.ReplaceAll(l, "\t", "    "))
		p.text, p.bytes = append(p.text, l), p.bytes+len(l)
		if p.width > 0 {
			p.lines = append(p.lines, broken(l, p.width)...)
		}
	}
	before := p.text
	p.text, p.bytes = lastLines(p.text, p.bytes, func(l string) int { return len(l) })
	if gone := len(before) - len(p.text); gone > 0 && p.width > 0 {
		for _, l := range before[:gone] {
			p.scroll -= len(broken(l, p.width))
		}
		p.width = 0 // wrapped again when it is drawn
		return
	}
	if p.width > 0 {
		p.findFrom(first)
	}
}

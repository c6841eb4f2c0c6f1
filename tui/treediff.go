package tui

import "time"

// A line that has changed glows: brightly at first, then faintly.
const (
	glowBright = 700 * time.Millisecond
	glowFor    = 1800 * time.Millisecond
)

// seenLine is what a line showed, and since when.
type seenLine struct {
	mark        mark
	note, extra string
	at          time.Time // when it became so; zero: it was there from the start
}

// changes finds out which lines are new or different, by their keys.
type changes struct {
	seen  map[string]seenLine
	spare map[string]seenLine // what was seen before that, to be filled again
	began bool
}

// take notes the lines, and writes into each since when it is as it is.
func (c *changes) take(lines []treeLine, events []eventLine, now time.Time) {
	next := c.spare
	if next == nil {
		next = make(map[string]seenLine, len(lines)+len(events))
	}
	clear(next)
	note := func(key string, line seenLine) time.Time {
		old, known := c.seen[key]
		switch {
		case known && old.mark == line.mark && old.note == line.note && old.extra == line.extra:
			line.at = old.at
		case c.began:
			line.at = now
		}
		next[key] = line
		return line.at
	}
	for i := range lines {
		l := &lines[i]
		l.changed = note(l.key, seenLine{mark: l.mark, note: l.note, extra: l.extra})
	}
	for i := range events {
		e := &events[i]
		e.changed = note("event "+e.reason+" "+e.object+" "+e.message, seenLine{extra: itoa(e.count)})
	}
	c.seen, c.spare, c.began = next, c.seen, true
}

// glowInk is how a line glows that changed at a time.
func glowInk(changed, now time.Time, s *styles) ink {
	switch d := now.Sub(changed); {
	case changed.IsZero() || d >= glowFor:
		return ""
	case d < glowBright:
		return s.glow
	}
	return s.glowFaint
}

// glowChange is how long a line that changed at a time stays as it is, 0 for
// ever.
func glowChange(changed, now time.Time) time.Duration {
	switch d := now.Sub(changed); {
	case changed.IsZero() || d >= glowFor:
		return 0
	case d < glowBright:
		return glowBright - d
	default:
		return glowFor - d
	}
}

package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/k8stutor/k8stutor/lessons"
)

const (
	mapTop    = 2  // lines above the list
	mapWide   = 96 // from here on there is room for the details beside the list
	mapDetail = 9  // lines of the details below it, where the screen has them
)

// mapLayout is how the map is divided.
type mapLayout struct {
	list         int // columns of the list
	rows         int // lines of a lesson
	first, shown int // lessons in the list
	detail       rect
}

func (m *mapModel) layout() mapLayout {
	room := m.height - mapTop - 2
	v := mapLayout{list: m.width, rows: 3}
	if m.width >= mapWide {
		v.list = max(m.width*2/5, 46)
		v.detail = rect{x: v.list + 2, y: mapTop, w: m.width - v.list - 3, h: room}
	} else if h := min(mapDetail, room/2); h >= 4 {
		room -= h
		v.detail = rect{x: 1, y: mapTop + room, w: m.width - 2, h: h}
	}
	if len(m.lessons)*v.rows > room {
		v.rows = 2
	}
	if len(m.lessons)*v.rows > room && room < 8 {
		v.rows = 1
	}
	v.shown = min(max(room/v.rows, 1), len(m.lessons))
	v.first = min(max(m.at-v.shown/2, 0), len(m.lessons)-v.shown)
	return v
}

// View is the tea.Model's.
func (m *mapModel) View() tea.View {
	v, _ := m.opts.Charset.screen(m.frame())
	v.MouseMode = tea.MouseModeCellMotion
	return v
}

// frame draws the map: as many lines as the screen is high, each as wide.
func (m *mapModel) frame() []string {
	if m.width <= 0 || m.height <= 0 {
		return nil
	}
	s, w := m.styles, m.words
	frame := []string{
		spread(s.brand.Render(" k8stutor ")+"  "+s.strong.Render(w.say("map_title")), m.settings(), m.width),
		s.border.Render(strings.Repeat("─", m.width)),
	}
	v := m.layout()
	frame = append(frame, pad(m.list(v), rect{w: m.width, h: max(m.height-mapTop-2, 0)})...)
	if v.detail.h > 0 {
		frame = overlayAt(frame, m.details(v), v.detail, m.width)
	}
	frame = append(frame, s.border.Render(strings.Repeat("─", m.width)), fit(" "+m.keyHints(), m.width))
	return pad(frame, rect{w: m.width, h: m.height})
}

// settings are the language and the cluster.
func (m *mapModel) settings() string {
	c := m.opts.Clusters[m.opts.Cluster]
	name := c.Provider
	if c.Name != "" {
		name += "/" + c.Name
	}
	if c.New {
		name += m.words.say("map_new")
	}
	return m.styles.dim.Render(languageName(m.opts.Lang)+" · "+m.words.say("map_cluster", "Cluster", name)) + " "
}

// languageName is a language by its own name.
func languageName(lang string) string {
	switch lang {
	case "zh-TW":
		return "繁體中文"
	case "zh-CN":
		return "简体中文"
	}
	return "English"
}

func (m *mapModel) keyHints() string {
	w := m.words
	key := func(a action) string { return m.opts.Keys.name(scopeMap, a) }
	pairs := []string{key(actLineUp) + key(actLineDown), w.say("map_key_choose"), key(actOpen), w.say("map_key_start"), key(actLanguage), w.say("map_key_lang")}
	if len(m.opts.Clusters) > 1 {
		pairs = append(pairs, key(actProvider), w.say("map_key_cluster"))
	}
	return hintLine(m.styles, append(pairs, key(actQuit), w.say("key_quit"))...)
}

// list draws the way from lesson to lesson.
func (m *mapModel) list(v mapLayout) []string {
	var out []string
	for i := v.first; i < v.first+v.shown; i++ {
		out = append(out, m.lesson(m.lessons[i], i == m.at, i+1 == len(m.lessons), v)...)
	}
	return out
}

// lesson is one stop of the way.
func (m *mapModel) lesson(l MapLesson, at, last bool, v mapLayout) []string {
	s, w := m.styles, m.words
	glyph := s.mark(markOpen)
	switch {
	case l.done():
		glyph = s.mark(markGood)
	case l.met() > 0 || l.Here:
		glyph = s.mark(markWait)
	}
	cursor, title := "  ", s.text.Render(l.Title)
	if at {
		cursor, title = s.key.Render("❯ "), s.strong.Render(l.Title)
	}
	here := ""
	if l.Here {
		here = s.accent.Render(w.say("map_here")) + " "
	}
	line := s.border.Render("│")
	if last {
		line = " "
	}
	count := fmt.Sprintf("%d/%d", l.met(), len(l.Steps))
	if v.rows == 1 {
		return []string{spread(cursor+glyph+" "+title, s.dim.Render(count)+" "+here, v.list)}
	}
	facts := m.bar(l) + " " + s.dim.Render(count+" · "+w.say("map_minutes", "Count", l.Minutes))
	out := []string{
		fit(cursor+glyph+" "+title, v.list),
		spread("  "+line+" "+facts, here, v.list),
	}
	if v.rows > 2 {
		out = append(out, fit("  "+line, v.list))
	}
	return out
}

// bar draws how much of a lesson is done, a cell a step.
func (m *mapModel) bar(l MapLesson) string {
	done := l.met()
	return m.styles.good.Render(strings.Repeat("■", done)) + m.styles.border.Render(strings.Repeat("□", len(l.Steps)-done))
}

// details tell of the lesson that is chosen.
func (m *mapModel) details(v mapLayout) []string {
	s, w, l := m.styles, m.words, m.lessons[m.at]
	r := v.detail
	var out []string
	if r.x > 1 { // beside the list
		out = append(out, wrap(s.title.Render(l.Title), r.w, "")...)
		out = append(out, "")
	}
	out = append(out, wrap(s.text.Render(oneLine(l.Summary)), r.w, "")...)
	for i, name := range l.After {
		if i == 0 {
			out = append(out, "")
		}
		out = append(out, fit(m.prerequisite(name), r.w))
	}
	steps := m.stepLines(l, r.w)
	if room := r.h - len(out) - 1; r.x > 1 && room >= 3 {
		out = append(out, "")
		if len(steps) > room {
			steps = append(steps[:room-1], s.dim.Render(strings.TrimSpace(w.say("more_below", "Count", len(l.Steps)-room+1))))
		}
		out = append(out, steps...)
	}
	return pad(out, r)
}

// prerequisite says of a lesson that should come before whether it is done.
func (m *mapModel) prerequisite(name string) string {
	title, glyph := name, m.styles.mark(markOpen)
	for _, l := range m.lessons {
		if l.Name == name {
			title = l.Title
			if l.done() {
				glyph = m.styles.mark(markGood)
			}
		}
	}
	return m.styles.dim.Render(m.words.say("map_after")+" ") + glyph + " " + m.styles.text.Render(title)
}

func (m *mapModel) stepLines(l MapLesson, width int) []string {
	var out []string
	for i, step := range l.Steps {
		glyph, ink := m.styles.mark(markOpen), m.styles.text
		if step.Met {
			glyph, ink = m.styles.mark(markGood), m.styles.dim
		}
		number := m.styles.dim.Render(fmt.Sprintf("%2d ", i+1))
		out = append(out, ansi.Truncate(glyph+" "+number+ink.Render(step.Title), width, "…"))
	}
	return out
}

// MapLessons is the map's view of lessons and of how far the learner is. met
// reports whether a step is done; here is the name of the lesson that was entered
// last.
func MapLessons(all []*lessons.Lesson, lang, here string, met func(lesson, step string) bool) []MapLesson {
	var out []MapLesson
	for _, l := range all {
		text := l.Text(lang)
		h := MapLesson{
			Name: l.Name(), Title: text.Title, Summary: text.Summary, Minutes: l.Minutes,
			After: l.Prerequisites, Here: l.Name() == here,
		}
		for _, step := range l.Steps {
			h.Steps = append(h.Steps, MapStep{step.Text(lang, nil).Title, met(l.Name(), step.ID)})
		}
		out = append(out, h)
	}
	return out
}

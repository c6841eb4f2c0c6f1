package tui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"
)

// mapOfThree is a learner who has done one lesson and begun another.
func mapOfThree(lang string, on MapCluster) []MapLesson {
	titles := map[string][]string{
		"en":    {"Service: one address for many Pods", "Rolling update: new version, nobody notices", "Debug: from symptom to cause"},
		"zh-TW": {"Service：很多 Pod，一個位址", "滾動更新：換了版本，沒人發現", "除錯：從症狀找到原因"},
		"zh-CN": {"Service：很多 Pod，一个地址", "滚动更新：换了版本，没人发现", "排错：从症状找到原因"},
	}[lang]
	steps := func(count, met int) []MapStep {
		var out []MapStep
		for i := range count {
			out = append(out, MapStep{fmt.Sprintf("%s %d", titles[0], i+1), i < met})
		}
		return out
	}
	met := 3
	if on.Name == "class" {
		met = 5
	}
	return []MapLesson{
		{Name: "service", Title: titles[0], Summary: titles[1] + ". " + titles[2] + ".", Minutes: 35, Steps: steps(10, 10)},
		{Name: "rolling-update", Title: titles[1], Summary: titles[2] + ".", Minutes: 25, After: []string{"service"}, Steps: steps(8, met), Here: true},
		{Name: "debug", Title: titles[2], Summary: titles[0] + ".", Minutes: 40, After: []string{"service", "rolling-update"}, Steps: steps(9, 0)},
	}
}

func newMap(t *testing.T, lang string, width, height int) *mapModel {
	t.Helper()
	m, err := newMapModel(Map{
		Lessons: mapOfThree, Lang: lang, Langs: []string{"en", "zh-TW", "zh-CN"},
		Clusters: []MapCluster{{Provider: "auto"}, {Provider: "embedded"}, {Provider: "kind", Name: "class"}, {Provider: "kind", Name: "kind", New: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return m
}

// text is the map without colours; every line must be as wide as the screen.
func mapText(t *testing.T, m *mapModel) string {
	t.Helper()
	lines := m.frame()
	if len(lines) != m.height {
		t.Fatalf("%d lines on a screen of %d", len(lines), m.height)
	}
	var b strings.Builder
	for i, l := range lines {
		if w := ansi.StringWidth(l); w != m.width {
			t.Errorf("%d × %d: line %d is %d columns wide: %q", m.width, m.height, i, w, ansi.Strip(l))
		}
		b.WriteString(strings.TrimRight(ansi.Strip(l), " ") + "\n")
	}
	return b.String()
}

func TestMapGoldens(t *testing.T) {
	for _, lang := range []string{"en", "zh-TW"} {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
			name := fmt.Sprintf("map-%dx%d-%s", size[0], size[1], lang)
			t.Run(name, func(t *testing.T) {
				compare(t, name, mapText(t, newMap(t, lang, size[0], size[1])))
			})
		}
	}
}

func TestMapFillsEverySize(t *testing.T) {
	m := newMap(t, "zh-CN", 80, 24)
	for w := 1; w < 210; w += 13 {
		for h := 1; h < 62; h += 4 {
			m.Update(tea.WindowSizeMsg{Width: w, Height: h})
			mapText(t, m)
		}
	}
}

func TestMapKeys(t *testing.T) {
	press := func(m *mapModel, keys ...string) {
		for _, k := range keys {
			m.key(k)
		}
	}
	auto := MapCluster{Provider: "auto"}
	tests := []struct {
		name string
		keys []string
		want Choice
	}{
		{"goes on where the learner was", []string{"enter"}, Choice{"rolling-update", "en", auto}},
		{"another lesson", []string{"down", "enter"}, Choice{"debug", "en", auto}},
		{"not beyond the ends", []string{"k", "k", "k", "enter"}, Choice{"service", "en", auto}},
		{"language and cluster go round", []string{"l", "l", "c", "c", "c", "c", "c", "enter"}, Choice{"rolling-update", "zh-CN", MapCluster{Provider: "embedded"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMap(t, "en", 80, 24)
			press(m, tt.keys...)
			got := m.choice()
			if got != tt.want || !m.chosen {
				t.Errorf("chose %v (%v), want %v", got, m.chosen, tt.want)
			}
		})
	}
	m := newMap(t, "en", 80, 24)
	press(m, "l")
	if !strings.Contains(mapText(t, m), "想去哪裡？") {
		t.Error("the language did not change")
	}
	press(m, "l", "l", "c", "c")
	if text := mapText(t, m); !strings.Contains(text, "cluster: kind/class") || !strings.Contains(text, "5/8") {
		t.Errorf("another cluster with its own progress:\n%s", text)
	}
	press(m, "c")
	if text := mapText(t, m); !strings.Contains(text, "cluster: kind/kind (new)") || !strings.Contains(text, "3/8") {
		t.Errorf("one that is yet to be made:\n%s", text)
	}
}

// A lesson that is done leads on to the next.
func TestMapLeadsOn(t *testing.T) {
	m, err := newMapModel(Map{Lang: "en", Clusters: []MapCluster{{Provider: "kind"}}, Lessons: func(string, MapCluster) []MapLesson {
		all := mapOfThree("en", MapCluster{})
		all[0].Here, all[1].Here = true, false
		return all
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.lessons[m.at].Name; got != "rolling-update" {
		t.Errorf("stands at %s", got)
	}
}

func TestMapClick(t *testing.T) {
	m := newMap(t, "en", 120, 40)
	third := mapTop + 2*m.layout().rows
	m.Update(tea.MouseClickMsg{X: 5, Y: third})
	if m.lessons[m.at].Name != "debug" || m.chosen {
		t.Fatalf("at %s, chosen %v", m.lessons[m.at].Name, m.chosen)
	}
	m.Update(tea.MouseClickMsg{X: 5, Y: mapTop + 2*m.layout().rows})
	if !m.chosen {
		t.Error("a second click does not begin the lesson")
	}
}

// RunMap leaves nothing behind, and says when nothing was chosen.
func TestRunMap(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, tt := range []struct {
		typed string
		want  error
	}{{"q", ErrLeft}, {"\r", nil}} {
		in, typing := io.Pipe()
		go func() { _, _ = io.WriteString(typing, tt.typed) }() // ends when the program reads it
		var out bytes.Buffer
		choice, err := RunMap(t.Context(), Map{
			Lessons: mapOfThree, Lang: "en", Clusters: []MapCluster{{Provider: "kind"}}, Input: in, Output: &out, Environ: []string{"TERM=xterm-256color"},
		})
		_ = in.Close()
		if !errors.Is(err, tt.want) || tt.want == nil && choice.Lesson != "rolling-update" {
			t.Errorf("typed %q: %v, %v", tt.typed, choice, err)
		}
	}
}

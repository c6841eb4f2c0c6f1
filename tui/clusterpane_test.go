package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// chosenLine is the line under the cursor of the cluster pane.
func (s *screen) chosenLine() string { return s.cluster.snap.lines[s.cluster.cursor].name }

// change gives the pane the view as it is now.
func (s *screen) change() { s.send(clusterMsg(takeSnapshot(s.running))) }

func TestChooseAnObject(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.shell.term = nil
	var asked []Inspection
	s.running.Inspect = func(_ context.Context, what Inspection) (string, error) {
		asked = append(asked, what)
		if what.What == "previous-logs" {
			return "", errors.New("previous terminated container \"app\" not found")
		}
		return "Name: " + what.Name + "\nStatus:\tRunning\x1b]0;title\x07\n" + strings.Repeat("line\n", 50) + "the end", nil
	}
	tests := []struct {
		keys  []string
		what  string
		name  string
		shown string
	}{
		{[]string{"enter"}, "describe", "go-api", "Status:    Running"},
		{[]string{"j", "y"}, "yaml", "go-api-65577fc4f9-aaajk", "Name: go-api-65577fc4f9-aaajk"},
		{[]string{"G", "k", "l"}, "logs", "go-api-65577fc4f9-x2x1q", "the end"},
		{[]string{"g", "p"}, "previous-logs", "go-api-65577fc4f9-aaajk", "✗ previous terminated container"},
	}
	s.press("ctrl+g", "c")
	s.frame()
	for _, tt := range tests {
		asked = nil
		cmds := s.press(tt.keys...)
		if !strings.Contains(s.text(), "reading …") {
			t.Errorf("%q: the screen does not say that it reads:\n%s", tt.keys, s.text())
		}
		for _, msg := range runAll(cmds[len(cmds)-1]) {
			s.send(msg)
		}
		if len(asked) != 1 || asked[0].What != tt.what || asked[0].Name != tt.name || asked[0].Namespace != "tutor-service" {
			t.Fatalf("%q asked %+v, want %s of %s", tt.keys, asked, tt.what, tt.name)
		}
		if asked[0].Resource == gvrPods && fmt.Sprint(asked[0].Containers) != "[app]" {
			t.Errorf("containers %q", asked[0].Containers)
		}
		checkFrame(t, s.model)
		if !strings.Contains(s.text(), tt.shown) {
			t.Errorf("%q: %q is not on the screen:\n%s", tt.keys, tt.shown, s.text())
		}
		s.press("esc")
		if s.modes.has(s.overlay) || s.focus != paneCluster {
			t.Errorf("%q: Esc did not just close the text", tt.keys)
		}
	}
}

func TestOverlaySearch(t *testing.T) {
	s := newScreen(t, "en", 80, 24, 3)
	s.shell.term = nil
	s.press("ctrl+g", "c", "e")
	if !strings.Contains(s.text(), `Container image "go-api:0.0.1" already present on machine`) {
		t.Errorf("the whole message is not there:\n%s", s.text())
	}
	s.press("/", "P", "O", "D", "enter")
	if !strings.Contains(s.text(), "/POD 1/5") {
		t.Errorf("the screen:\n%s", s.text())
	}
	s.press("n", "n")
	if !strings.Contains(s.text(), "/POD 3/5") {
		t.Errorf("after n n:\n%s", s.text())
	}
	s.press("N")
	checkFrame(t, s.model)
	if !strings.Contains(s.text(), "/POD 2/5") {
		t.Errorf("after N:\n%s", s.text())
	}
	s.press("q")
	if s.modes.has(s.overlay) {
		t.Error("q did not close it")
	}
}

// TestLateAnswer: what was closed does not open again.
func TestLateAnswer(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.shell.term = nil
	var ended error
	s.running.Inspect = func(ctx context.Context, _ Inspection) (string, error) {
		ended = ctx.Err()
		return "late", nil
	}
	s.press("ctrl+g", "c")
	cmds := s.press("d", "esc")
	for _, msg := range runAll(cmds[0]) {
		s.send(msg)
	}
	if s.modes.has(s.overlay) || ended == nil {
		t.Errorf("the text is open: %v; its context was cancelled: %v", s.modes.has(s.overlay), ended)
	}
}

// TestTheCursorStaysWithItsObject: objects come and go above it.
func TestTheCursorStaysWithItsObject(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	s.press("ctrl+g", "c", "G", "k")
	want := s.chosenLine()
	s.view.objects[gvrPods] = append([]*unstructured.Unstructured{pod("aaa", "ReplicaSet/go-api-65577fc4f9", "10.244.0.99", "")}, s.view.objects[gvrPods]...)
	s.change()
	if got := s.chosenLine(); got != want {
		t.Errorf("the cursor went from %s to %s", want, got)
	}
	s.view.objects[gvrPods] = nil
	s.change()
	checkFrame(t, s.model)
	for _, k := range []string{"j", "k", "G", "g"} {
		s.press(k)
		checkFrame(t, s.model)
	}
}

// TestGlow: what is new or different glows and stops by itself; nothing ticks
// after that, and what was there from the start never glowed.
func TestGlow(t *testing.T) {
	s := newScreen(t, "en", 120, 40, 3)
	now := began
	s.now = func() time.Time { return now }
	glowing := func() (names []string) {
		for _, l := range s.cluster.snap.lines {
			if glowInk(l.changed, now, s.styles) != "" {
				names = append(names, l.name)
			}
		}
		return names
	}
	if got := glowing(); len(got) != 0 {
		t.Fatalf("from the start %q glow", got)
	}
	now = now.Add(10 * time.Second)
	s.view.objects[gvrPods][2] = pod("go-api-65577fc4f9-x2x1q", "ReplicaSet/go-api-65577fc4f9", "10.244.0.7", "CrashLoopBackOff")
	s.change()
	if got := strings.Join(glowing(), " "); got != "go-api-65577fc4f9-x2x1q" {
		t.Errorf("%q glow", got)
	}
	if !strings.Contains(strings.Join(s.frame(), "\n"), string(s.styles.glow)) {
		t.Error("nothing glows on the screen")
	}
	if d := s.tick.at.Sub(now); d > glowBright {
		t.Errorf("the next tick comes after %s", d)
	}
	for now.Before(began.Add(10*time.Second + glowFor)) {
		now = now.Add(leastTick)
		s.send(tickMsg{id: s.tick.id})
		s.frame()
	}
	if strings.Contains(strings.Join(s.frame(), "\n"), string(s.styles.glow)) || strings.Contains(strings.Join(s.frame(), "\n"), string(s.styles.glowFaint)) {
		t.Error("it still glows")
	}
	if d := s.cluster.glowChange(100, now); d != 0 {
		t.Errorf("it would tick for a glow in %s", d)
	}
}

// TestManyObjects: five thousand of them are a list like any other.
func TestManyObjects(t *testing.T) {
	s := newScreen(t, "en", 200, 60, 5000)
	s.press("ctrl+g", "c", "G")
	checkFrame(t, s.model)
	if got := s.chosenLine(); !strings.HasPrefix(got, "rs/") {
		t.Errorf("the last line is %s", got)
	}
	s.press("k", "pgup", "g", "pgdown")
	checkFrame(t, s.model)
	r := s.layout.panes[paneCluster]
	s.send(tea.MouseClickMsg{X: r.x, Y: r.y + 3, Button: tea.MouseLeft})
	checkFrame(t, s.model)
}

// TestChosenLine: where what is chosen is reversed, the colours of its text do
// not become a patchwork of backgrounds.
func TestChosenLine(t *testing.T) {
	line := "x " + newStyles(false, depthSixteen).good.Render("●") + " rest"
	for _, d := range []depth{depthSixteen, depthNone} {
		for _, dark := range []bool{false, true} {
			if got, want := newStyles(dark, d).choose(line), "\x1b[7mx ● rest\x1b[m"; got != want {
				t.Errorf("depth %v, dark %v: %q, want %q", d, dark, got, want)
			}
		}
	}
	if got := newStyles(false, depthFull).choose(line); !strings.Contains(got, "●") || strings.Count(got, "\x1b[48;2;") != 2 {
		t.Errorf("with all colours: %q", got)
	}
}

// TestTopStaysInSight: until somebody has chosen a line, what comes above the
// first one is seen; after that the chosen one stays where it is.
func TestTopStaysInSight(t *testing.T) {
	lines := func(names ...string) (out snapshot) {
		for _, n := range names {
			out.lines = append(out.lines, treeLine{key: n})
		}
		return out
	}
	p := &clusterPane{room: 2}
	p.set(lines("x", "y", "z"), began)
	p.set(lines("a", "b", "x", "y", "z"), began)
	if p.scroll != 0 || p.cursor != 0 || p.chosen != "a" {
		t.Errorf("scrolled to %d, the cursor is at %d on %q", p.scroll, p.cursor, p.chosen)
	}
	p.focused = true
	p.set(lines("0", "a", "b", "x"), began)
	if p.scroll != 1 || p.chosen != "a" {
		t.Errorf("in focus: scrolled to %d, the cursor is on %q", p.scroll, p.chosen)
	}
	p.focused = false
	p.set(lines("00", "0", "a", "b", "x"), began)
	if p.scroll != 2 || p.chosen != "a" {
		t.Errorf("chosen before: scrolled to %d, the cursor is on %q", p.scroll, p.chosen)
	}
}

// The keys of a text that lies over the panes are whole words, however little
// room a search leaves them.
func TestOverlayFootFits(t *testing.T) {
	for _, lang := range []string{"en", "zh-TW", "zh-CN"} {
		for _, width := range []int{60, 80, 100, 120, 160, 200} {
			for _, words := range []string{"", "port", strings.Repeat("映像檔", 40)} {
				s := newScreen(t, lang, width, 40, 3)
				s.showText("text", strings.Repeat("port: 映像檔\n", 120))
				if words != "" {
					s.frame()
					s.overlay.search.line.text = words
					s.overlay.find()
				}
				foot, _ := s.overlay.footer(s.model)
				if room := s.overlayRect().w - 6; ansi.StringWidth(foot) > room {
					t.Errorf("%s, %d columns, search %.12q: the foot takes %d columns of %d: %s", lang, width, words, ansi.StringWidth(foot), room, ansi.Strip(foot))
				}
				if hint := " " + s.words.say("key_close"); !strings.Contains(ansi.Strip(foot), hint) {
					t.Errorf("%s, %d columns, search %.12q: %q is missing: %s", lang, width, words, hint, ansi.Strip(foot))
				}
				checkFrame(t, s.model)
			}
		}
	}
}

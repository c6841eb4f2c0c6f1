package tui

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var updateGoldens = flag.Bool("update", false, "rewrite the golden files")

func newOwner(ref string) metav1.OwnerReference {
	kind, name, _ := strings.Cut(ref, "/")
	return metav1.OwnerReference{Kind: kind, Name: name, UID: types.UID(ref)}
}

func plain(lines []string) string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimRight(ansi.Strip(l), " ")
	}
	return strings.Join(out, "\n") + "\n"
}

// checkFrame fails unless the frame fills the screen exactly.
func checkFrame(t testing.TB, m *model) {
	t.Helper()
	frame := m.frame()
	if len(frame) != m.height {
		t.Fatalf("%d lines on a screen of %d×%d:\n%s", len(frame), m.width, m.height, plain(frame))
	}
	for i, l := range frame {
		if w := ansi.StringWidth(l); w != m.width {
			t.Fatalf("line %d is %d wide on a screen of %d×%d: %q", i, w, m.width, m.height, l)
		}
	}
}

// scenes are the screens that the goldens show.
var scenes = []struct {
	name string
	set  func(s *screen)
}{
	{"step", func(*screen) {}},
	{"met", func(s *screen) {
		s.frame()
		s.send(lessonMsg(met(langOf(s))))
		s.press("ctrl+g", "l")
	}},
	{"cluster", func(s *screen) { s.press("ctrl+g", "c") }},
	{"events", func(s *screen) { s.press("ctrl+g", "c", "e") }},
	{"describe", func(s *screen) {
		s.running.Inspect = func(context.Context, Inspection) (string, error) {
			return "Name:\tgo-api\nLabels:\tapp=go-api\n\t用途=示範\nEvents:\n" + strings.Repeat("  Normal  ScalingReplicaSet  deployment-controller  Scaled up replica set go-api-65577fc4f9 from 0 to 3\n", 30), nil
		}
		s.press("ctrl+g", "c")
		s.frame()
		cmds := s.press("enter")
		for _, msg := range runAll(cmds[len(cmds)-1]) {
			s.send(msg)
		}
		s.press("/", "u", "p", "enter")
	}},
	{"prefix", func(s *screen) { s.press("ctrl+g") }},
	{"help", func(s *screen) { s.press("ctrl+g", "?") }},
	{"tour", func(s *screen) { s.modes.push(tourMode{}) }},
	{"confirm", func(s *screen) { s.press("ctrl+g", "q") }},
	{"question", func(s *screen) {
		u := update(langOf(s))
		u.Outcome.Checks[2].Question = "Which address did the clients use all the time?"
		u.Outcome.Checks[2].Options = []string{"10.244.0.5", "10.96.252.198"}
		s.send(lessonMsg(u))
		s.press("ctrl+g", "a", "2")
	}},
	{"long", func(s *screen) { s.send(lessonMsg(questions(langOf(s), 0))) }},
	{"long-lesson", func(s *screen) {
		s.send(lessonMsg(questions(langOf(s), 0)))
		s.press("ctrl+g", "l")
	}},
	{"long-met", func(s *screen) {
		s.send(lessonMsg(questions(langOf(s), 2)))
		s.frame()
		s.send(lessonMsg(questions(langOf(s), 3)))
	}},
	{"answer", func(s *screen) {
		s.send(lessonMsg(questions(langOf(s), 0)))
		s.press("ctrl+g", "a", "g", "o", "enter")
		s.send(lessonMsg(questions(langOf(s), 1)))
		s.press("k")
	}},
}

func langOf(s *screen) string { return s.opts.Lang }

func TestGoldens(t *testing.T) {
	for _, lang := range []string{"en", "zh-TW"} {
		for _, size := range [][2]int{{60, 20}, {80, 24}, {120, 40}, {200, 60}} {
			for _, scene := range scenes {
				name := fmt.Sprintf("%s-%dx%d-%s", scene.name, size[0], size[1], lang)
				t.Run(name, func(t *testing.T) {
					s := newScreen(t, lang, size[0], size[1], 3)
					scene.set(s)
					checkFrame(t, s.model)
					compare(t, name, s.text())
				})
			}
		}
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *updateGoldens {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./tui -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("the screen differs from %s:\n%s", file, got)
	}
}

// TestEverySize: no size of the terminal makes a frame that does not fill it.
func TestEverySize(t *testing.T) {
	for _, lang := range []string{"en", "zh-CN"} {
		for _, scene := range scenes {
			s := newScreen(t, lang, 120, 40, 3)
			scene.set(s)
			for w := 1; w < 210; w += 19 {
				for h := 1; h < 64; h += 7 {
					s.send(tea.WindowSizeMsg{Width: w, Height: h})
					checkFrame(t, s.model)
				}
			}
		}
	}
}

func TestTooSmall(t *testing.T) {
	s := newScreen(t, "en", 39, 11, 3)
	if !strings.Contains(s.text(), "The terminal is too small") {
		t.Errorf("the screen:\n%s", s.text())
	}
	s.send(tea.WindowSizeMsg{Width: 120, Height: 40})
	if !strings.Contains(s.text(), "LESSON") {
		t.Errorf("after growing:\n%s", s.text())
	}
}

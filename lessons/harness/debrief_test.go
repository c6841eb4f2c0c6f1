package harness

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/k8stutor/k8stutor/lessons"
)

// TestDebriefsKnowTheirValues: after every recorded right way, solution or
// alternative, each live value of the step's text and debrief can be worked out
// and none is empty. What reads "…" there would be missing on the learner's
// screen.
func TestDebriefsKnowTheirValues(t *testing.T) {
	eachRecorded(t, func(t *testing.T, l *lessons.Lesson, held []lessons.Recording) {
		shown := 0
		for _, r := range held {
			if r.Proof == string(Mutant) {
				continue
			}
			for _, name := range unknownValues(t, l, r) {
				t.Errorf("%s: the text shows no %q", r.Key(), name)
			}
			shown++
		}
		if shown == 0 {
			t.Error("no recording of a right way")
		}
	})
}

// unknownValues replays a right way and returns the values of the text that
// can't be worked out when the step is met.
func unknownValues(t *testing.T, l *lessons.Lesson, r lessons.Recording) []string {
	t.Helper()
	engine, err := lessons.Replay(l, lessons.EngineOptions{Namespace: r.Namespace}, r.Trace, nil)
	if err != nil {
		t.Fatalf("%s: %v", r.Key(), err)
	}
	if !engine.Outcome().Met {
		t.Fatalf("%s is not met", r.Key())
	}
	step := l.Step(r.Step)
	for _, v := range step.Variants() {
		if v.CaseName() == r.Case {
			step = v
		}
	}
	text := step.Text("en", func(name string) (string, bool) { return "<live:" + name + ">", true })
	var unknown []string
	for _, m := range regexp.MustCompile(`<live:([^>]*)>`).FindAllStringSubmatch(text.Body+text.Debrief, -1) {
		value, ok := engine.Live(m[1])
		if (!ok || strings.TrimSpace(value) == "") && !slices.Contains(unknown, m[1]) {
			unknown = append(unknown, m[1])
		}
	}
	return unknown
}

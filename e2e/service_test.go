//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/content"
)

// TestServiceLesson walks through the Service lesson as a learner: the robot
// types each step's solution into the shell pane, answers the questions, sees
// every tick, and goes on.
func TestServiceLesson(t *testing.T) {
	l := newLearner(t)
	lesson, err := lessons.Load(content.FS(), "service")
	if err != nil {
		t.Fatal(err)
	}
	files := filepath.Join(l.home, "lesson")
	if err := os.CopyFS(files, lesson.Files()); err != nil {
		t.Fatal(err)
	}
	answers := filepath.Join(l.home, "answers")

	r := l.sit(t, 150, 45, "start", "service")
	r.see(fmt.Sprintf("step 1 of %d", len(lesson.Steps)))
	r.see("$ ")
	// Solutions say what is to be answered with `answer CHECK VALUE`. The
	// robot keeps it in mind and types it into the screen.
	r.shell(fmt.Sprintf(`cd %s; answer() { printf '%%s\t%%s\n' "$1" "$2" >>%s; }; PS2=; clear`, files, answers))

	for i, step := range lesson.Steps {
		title := step.Text("en", nil).Title
		r.see(fmt.Sprintf("step %d of %d", i+1, len(lesson.Steps)))
		r.await("the title of step "+step.ID, func(s string) bool { return seen(s, title) })
		// The checks come when the step's beginning has been made.
		if s := r.see("CHECKS"); strings.Contains(s, "What happened") {
			t.Fatalf("step %s is done before anything was done:\n%s", step.ID, s)
		}
		for line := range strings.Lines(step.Solution) {
			r.shell(strings.TrimRight(line, "\n"))
		}
		r.shell(fmt.Sprintf("clear; echo typed $((%d + 1000))", i))
		r.see(fmt.Sprintf("typed %d", i+1000))
		r.answer(step, answers)
		// The debrief comes with the tick.
		r.await("the tick of step "+step.ID, func(s string) bool {
			return strings.Contains(s, "What happened") && met(s) == len(step.Checks)
		})
		t.Logf("step %s is done", step.ID)
		if i+1 < len(lesson.Steps) {
			r.command("n")
			r.seeNot("What happened")
		}
	}
	r.command("q")
	if code := r.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if r.AltScreen() {
		t.Error("the terminal was left on the alternate screen")
	}
	r.see("keeps running")

	out := l.must(t, "list")
	if want := fmt.Sprintf("%d/%d", len(lesson.Steps), len(lesson.Steps)); !strings.Contains(out, want) {
		t.Errorf("list does not show %s:\n%s", want, out)
	}
}

// answer types the answers of a step's solution into the screen.
func (r *robot) answer(step *lessons.Step, file string) {
	r.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		check, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		values[check] = value
	}
	var questions []*lessons.Check
	for _, c := range step.Checks {
		if c.IsQuestion() {
			questions = append(questions, c)
		}
	}
	for i, c := range questions {
		value, ok := values[c.ID]
		if !ok {
			r.t.Fatalf("the solution of step %s gives no answer for %s: %v", step.ID, c.ID, values)
		}
		// A right answer leads on to the next question by itself.
		if i == 0 {
			r.see("to answer")
			r.command("a")
		}
		if len(questions) > 1 {
			r.see(fmt.Sprintf("Question %d of %d", i+1, len(questions)))
		}
		before := met(r.see("Enter sends the answer"))
		r.keys(value + "\r")
		r.await("the answer to "+c.ID+" accepted", func(s string) bool {
			return strings.Contains(s, "What happened") || met(s) > before
		})
	}
	_ = os.Remove(file)
}

// met is how many checks the screen shows as met, -1 when it shows none.
func met(screen string) int {
	m := regexp.MustCompile(`CHECKS (\d+) of`).FindStringSubmatch(screen)
	if m == nil {
		return -1
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// seen reports whether words are on the screen, which may break them over lines.
func seen(screen, words string) bool {
	for _, w := range strings.Fields(words) {
		if !strings.Contains(screen, w) {
			return false
		}
	}
	return true
}

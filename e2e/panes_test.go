//go:build linux

package e2e

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryPane goes through every pane of the screen as a learner does, in a
// step whose Pod has crashed once: hints, commands of the text, the object in
// the cluster with all that can be read about it, zoom, arrangements, help, and
// the map and back.
func TestEveryPane(t *testing.T) {
	l := newLearner(t)
	// What the learner's terminal gets is kept: the robot's emulator drops the
	// clipboard on purpose.
	taped := has(t, "script", "bsdutils")
	tape := filepath.Join(l.home, "tape")
	r := &robot{t: t}
	if taped {
		r.Term = l.at(t, 120, 44, "script", "-qfec", l.bin+" start crashloop/previous", tape)
	} else {
		r = l.sit(t, 120, 44, "start", "crashloop/previous")
	}
	r.see("CHECKS 0 of 2")
	r.see("│ $ ")
	r.see("pod/night")

	t.Run("lesson", func(t *testing.T) {
		r := &robot{t, r.Term}
		for _, n := range []string{"1", "2", "3"} {
			r.command("h")
			r.see("Hint " + n + " of 3")
		}
		r.command("l")
		r.see("▸ LESSON")
		r.keys("G") // the end of the text: the command of the last hint
		r.see("/crash?order=")
		r.keys(".")
		r.see("▶ kubectl logs night --previous")
		r.keys("y")
		r.see("Copied to the clipboard")
		if taped {
			want := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("kubectl logs night --previous"))
			r.await("the command on the clipboard", func(string) bool {
				data, err := os.ReadFile(tape)
				return err == nil && strings.Contains(string(data), want)
			})
		}
		r.keys("i") // into the shell, and not run
		r.see("▸ SHELL")
		if s := r.see("│ $ kubectl logs night --previous"); !strings.Contains(s, "CHECKS 0 of 2") {
			t.Errorf("the command has run before Enter:\n%s", s)
		}
		r.keys("\r")
		order := regexp.MustCompile(`/crash\?order=([0-9a-f]{4})`)
		m := order.FindStringSubmatch(r.await("the order in the log", order.MatchString))
		r.see("CHECKS 1 of 2")
		r.command("a")
		r.see("Enter sends the answer")
		r.keys(m[1] + "\r")
		r.see("What happened")
		r.see("CHECKS 2 of 2")
	})
	if t.Failed() {
		return
	}
	t.Run("cluster", func(t *testing.T) { everyObject(&robot{t, r.Term}) })
	if t.Failed() {
		return
	}
	t.Run("shell", func(t *testing.T) {
		r := &robot{t, r.Term}
		// What a program says to the terminal itself stays in the pane.
		r.shell(`clear; printf '\033]52;c;c2VjcmV0\007\033]0;a title\007'; echo said-$((40+2))`)
		r.see("said-42")
		if data, err := os.ReadFile(tape); taped && (err != nil || strings.Contains(string(data), "c2VjcmV0\x07")) {
			t.Errorf("the clipboard of the outer terminal was written by a program in the pane (%v)", err)
		}
	})
	t.Run("arrangements", func(t *testing.T) { everyArrangement(&robot{t, r.Term}) })
	t.Run("help", func(t *testing.T) {
		r := &robot{t, r.Term}
		r.command("?")
		r.see("insert the command into the shell")
		r.keys("\x1b")
		r.seeNot("insert the command into the shell")
	})
	t.Run("map", func(t *testing.T) {
		r := &robot{t, r.Term}
		r.command("o")
		r.keys("y")
		r.see("Where to?")
		r.see("you are here")
		r.keys("\r")
		r.see("step 4 of 6")
		r.see("CHECKS")
		r.see("│ $ ")
		r.command("q")
		r.await("the question or the end", func(s string) bool { return strings.Contains(s, "Quit?") || !r.AltScreen() })
		r.keys("y")
		if code := r.ended(); code != 0 {
			t.Errorf("exit code %d:\n%s", code, r.screen())
		}
	})
}

// everyObject reads all that can be read about a Pod.
func everyObject(r *robot) {
	r.t.Helper()
	r.command("c")
	r.see("▸ CLUSTER")
	r.keys("g")
	// Escape and the next key at once would be Alt and that key, so the robot
	// waits for each text to have gone.
	read := func(key, title string, texts ...string) {
		r.t.Helper()
		r.keys(key)
		r.see(title)
		for _, text := range texts {
			r.see(text)
		}
		r.keys("\x1b")
		r.seeNot(title)
		r.see("▸ CLUSTER")
	}
	read("d", "describe pod/night", "Namespace:")
	r.keys("d")
	r.see("describe pod/night")
	r.keys("/Restart Count\r")
	r.see("Restart Count:  1")
	r.keys("\x1b")
	r.seeNot("describe pod/night")
	read("y", "yaml pod/night", "apiVersion: v1")
	read("l", "logs pod/night", "listening on")
	read("p", "previous-logs pod/night", "FATAL crash was asked for")
	read("e", "Esc close", "Scheduled", "Successfully assigned tutor-crashloop/night")
	r.keys("\x1b")
	r.see("▸ SHELL")
}

var arranged = regexp.MustCompile(`the lesson beside cluster and shell|lesson and cluster above the shell|lesson or cluster above the shell|one pane at a time`)

// everyArrangement zooms, and goes through the arrangements until the first
// comes again. The shell's text is there in all of them.
func everyArrangement(r *robot) {
	r.t.Helper()
	r.shell("clear; echo here-$((40+2))")
	r.see("here-42")
	r.command("z")
	r.await("the shell alone", func(s string) bool {
		return strings.Contains(s, "here-42") && !strings.Contains(s, "CHECKS") && !strings.Contains(s, "EVENTS")
	})
	r.command("z")
	r.see("CHECKS")
	r.see("EVENTS")
	// Each change says how the panes lie now.
	said := map[string]bool{}
	for range 4 {
		r.command(" ")
		s := r.await("another arrangement", func(s string) bool {
			name := arranged.FindString(s)
			return name != "" && !said[name] && strings.Contains(s, "here-42")
		})
		said[arranged.FindString(s)] = true
	}
	r.command(" ") // after the last one the size decides again
	r.await("the panes as they were", func(s string) bool {
		return strings.Contains(s, "CHECKS") && strings.Contains(s, "EVENTS") && strings.Contains(s, "here-42")
	})
}

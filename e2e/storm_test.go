//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// TestStorms does to the terminal what window managers, closed lids and old
// locales do.
func TestStorms(t *testing.T) {
	l := newLearner(t)
	r := l.sit(t, 120, 40, "start", "service")
	r.see("CHECKS 0 of 3")
	r.see("│ $ ")
	r.shell(first)
	r.see("What happened")
	r.shell("clear; echo here-$((40+2))")
	r.see("here-42")

	t.Run("resizes", func(t *testing.T) {
		r := &robot{t, r.Term}
		rng := rand.New(rand.NewPCG(5, 2026))
		for i := range 600 {
			w, h := 20+rng.IntN(181), 6+rng.IntN(55)
			switch i % 20 {
			case 7:
				w, h = 39, 11
			case 13:
				w, h = 200, 60
			}
			r.resize(w, h)
			if i%3 == 0 {
				r.whole(w, h) // the others follow each other as fast as they can
			}
		}
		r.resize(100, 30)
		after := r.whole(100, 30)
		// A calm change, there and back, redraws all of it.
		r.resize(104, 32)
		r.whole(104, 32)
		r.resize(100, 30)
		r.await("the frame from before", func(s string) bool { return isWhole(s, 100, 30) && timeless(s) == timeless(after) })
		r.see("here-42")
		r.shell("echo there-$((40+3))")
		r.see("there-43")
	})
	if t.Failed() {
		return
	}
	t.Run("hangup", func(t *testing.T) {
		r := &robot{t, r.Term}
		r.shell("clear; export SH=$$; sh -c 'echo child=$$=shell=$SH=; sleep 1000'")
		children := r.pids()
		if err := syscall.Kill(r.PID(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		r.ended()
		for _, pid := range children {
			gone(t, pid)
		}
		if out := l.must(t, "list"); !strings.Contains(out, "1/10") {
			t.Errorf("the progress is lost:\n%s", out)
		}
	})
	for _, locale := range []string{"LANG=C", "LC_ALL=POSIX"} {
		t.Run(locale, func(t *testing.T) {
			old := *l
			old.env = append(append([]string(nil), l.env...), locale)
			r := old.sit(t, 100, 30, "start")
			s := r.see("CHECKS")
			r.see("| $ ")
			r.shell("printf 'pi\\303\\251ce-%s\\n' $((40+2))") // UTF-8 from a program
			s += r.see("ce-42")
			r.command("?")
			s += r.see("insert the command into the shell")
			for _, c := range s {
				if c > '~' {
					t.Fatalf("%q is on a screen that is not UTF-8:\n%s", c, s)
				}
			}
			r.keys("\x1b")
			r.seeNot("insert the command into the shell")
			r.command("q")
			r.await("the question or the end", func(s string) bool { return strings.Contains(s, "Quit?") || !r.AltScreen() })
			r.keys("y")
			if code := r.ended(); code != 0 {
				t.Errorf("exit code %d:\n%s", code, r.screen())
			}
		})
	}
}

// pids are those that a line in the shell prints, as child=PID=shell=PID=.
func (r *robot) pids() (out []int) {
	r.t.Helper()
	line := regexp.MustCompile(`child=(\d+)=shell=(\d+)=`)
	for _, s := range line.FindStringSubmatch(r.await("the PIDs", line.MatchString))[1:] {
		n, err := strconv.Atoi(s)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func (r *robot) resize(width, height int) {
	r.t.Helper()
	if err := r.Resize(width, height); err != nil {
		r.t.Fatal(err)
	}
}

// whole waits until the screen is drawn for a size.
func (r *robot) whole(width, height int) string {
	r.t.Helper()
	return r.await(fmt.Sprintf("a whole screen of %d×%d", width, height), func(s string) bool { return isWhole(s, width, height) })
}

// isWhole reports whether a screen is drawn for a size: the frame's corners are
// where they belong and its sides have no gap. A terminal that is too small says
// so instead.
func isWhole(screen string, width, height int) bool {
	if width < 40 || height < 12 {
		return seen(screen, "The terminal is too small")
	}
	lines := strings.Split(strings.TrimRight(screen, "\n "), "\n")
	if len(lines) != height || !strings.Contains(lines[0], "k8stutor") {
		return false
	}
	for y, l := range lines[1:] {
		l = strings.TrimRight(l, " ")
		if ansi.StringWidth(l) != width || !strings.ContainsAny(l[:3], "╭├│╰┌└") {
			return false
		}
		if y == 0 != strings.HasPrefix(l, "╭") || y == height-2 != strings.HasPrefix(l, "╰") {
			return false
		}
	}
	return strings.HasSuffix(lines[1], "╮") && strings.HasSuffix(lines[height-1], "╯")
}

var times = regexp.MustCompile(` *\b[0-9]+[smh]\b *`)

// timeless is a screen without what changes by itself: ages and the clock.
func timeless(screen string) string { return times.ReplaceAllString(screen, " ") }

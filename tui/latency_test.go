//go:build !windows

package tui

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/tui/term"
)

// typist types keys into a program that echoes them, as fast as people do, and
// measures how long each takes to show.
func typist(b *testing.B, tm *term.Term, n int) []time.Duration {
	b.Helper()
	out := make([]time.Duration, 0, n)
	limit := time.NewTimer(patience)
	defer limit.Stop()
	moved := func(from term.Cursor) {
		for tm.Cursor() == from {
			select {
			case <-tm.Dirty():
			case <-limit.C:
				b.Fatalf("no echo:\n%v", tm.Text())
			}
		}
	}
	for i := range n {
		limit.Reset(patience)
		before, began := tm.Cursor(), time.Now()
		if err := tm.Type("x"); err != nil {
			b.Fatal(err)
		}
		moved(before)
		out = append(out, time.Since(began))
		if i%50 == 49 {
			before := tm.Cursor()
			if err := tm.Type("\x15"); err != nil { // kills the line
				b.Fatal(err)
			}
			moved(before)
		}
		<-time.After(time.Duration(15+i*7%26) * time.Millisecond) // between two keys, never in step with anything
	}
	slices.Sort(out)
	return out
}

// BenchmarkKeyToEcho is the time from a key at the learner's terminal to its
// echo there, through the whole screen and its shell pane, and on a bare pty in
// the same run. The metrics are milliseconds; added-p99 is the difference of
// the two p99.
func BenchmarkKeyToEcho(b *testing.B) {
	const keysTyped = 300
	dir := b.TempDir()
	env := []string{"PATH=" + os.Getenv("PATH"), "PS1=$ ", "LANG=C.UTF-8", "HOME=" + dir}
	begin := func(argv []string, env ...string) *term.Term {
		tm, err := term.Start(term.Spec{Argv: argv, Dir: dir, Width: 120, Height: 40, Env: env})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(tm.Close)
		return tm
	}
	for b.Loop() {
		bare := begin([]string{"cat"}, env...)
		direct := typist(b, bare, keysTyped)
		bare.Close()
		tm := begin([]string{os.Args[0]}, append(env, "TUI_DEMO=lesson", "TUI_SHELL=cat")...)
		see(b, tm, "Three endpoints are ready")
		keys(b, tm, "go\r")
		see(b, tm, "go")
		<-time.After(500 * time.Millisecond) // the start is over
		through := typist(b, tm, keysTyped)
		keys(b, tm, "\x07qy")
		end(b, tm)
		p := func(d []time.Duration, q int) time.Duration { return d[len(d)*q/100] }
		b.ReportMetric(ms(p(direct, 50)), "bare-p50")
		b.ReportMetric(ms(p(direct, 99)), "bare-p99")
		b.ReportMetric(ms(p(through, 50)), "screen-p50")
		b.ReportMetric(ms(p(through, 99)), "screen-p99")
		b.ReportMetric(ms(p(through, 99)-p(direct, 99)), "added-p99")
	}
}

// BenchmarkFlood is what the rest of the screen does while a program floods the
// shell pane with `yes | head -n 5000000`: pane-* is the time from a key that
// goes to another pane to its sight, interrupt-* from Ctrl-C to the next prompt,
// in milliseconds.
func BenchmarkFlood(b *testing.B) {
	var panes, interrupts []time.Duration
	prompt := regexp.MustCompile(`\^C\s+│\n│ \$ +│\n`)
	for b.Loop() {
		tm, _ := play(b, "lesson", 120, 40)
		see(b, tm, "Three endpoints are ready")
		see(b, tm, "$ ")
		for range 10 {
			keys(b, tm, "clear; yes | head -n 5000000\r")
			until(b, tm, func(s string) bool { return strings.Contains(s, "│ y ") && !strings.Contains(s, "$ ") })
			for range 5 {
				for _, step := range [][3]string{{"\x07l", "▸ LESSON", "▸ SHELL"}, {"\x07s", "▸ SHELL", "▸ LESSON"}} {
					panes = append(panes, until(b, tm, func(s string) bool {
						return strings.Contains(s, step[1]) && !strings.Contains(s, step[2])
					}, step[0]))
				}
			}
			interrupts = append(interrupts, until(b, tm, prompt.MatchString, "\x03"))
		}
		keys(b, tm, "\x07qy")
		end(b, tm)
	}
	slices.Sort(panes)
	slices.Sort(interrupts)
	b.ReportMetric(ms(panes[len(panes)/2]), "pane-p50")
	b.ReportMetric(ms(panes[len(panes)-1]), "pane-worst")
	b.ReportMetric(ms(interrupts[len(interrupts)/2]), "interrupt-p50")
	b.ReportMetric(ms(interrupts[len(interrupts)-1]), "interrupt-worst")
}

// until types keys and waits until the screen is as wanted; it returns how long
// that took.
func until(b *testing.B, tm *term.Term, wanted func(screen string) bool, typed ...string) time.Duration {
	b.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	began := time.Now()
	for _, k := range typed {
		keys(b, tm, k)
	}
	for !wanted(strings.Join(tm.Text(), "\n")) {
		select {
		case <-tm.Dirty():
		case <-limit.C:
			b.Fatalf("the screen is not as wanted:\n%s", strings.Join(tm.Text(), "\n"))
		}
	}
	return time.Since(began)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

//go:build !windows

package tui

import (
	"os"
	"slices"
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
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
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

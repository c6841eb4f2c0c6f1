package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	tests := []struct {
		name     string
		terminal bool
		steps    func(p *progress, pass func(time.Duration))
		want     string
	}{
		{"nothing to compile", true, func(p *progress, _ func(time.Duration)) {
			p.print()
			p.expect(map[string]int64{})
			p.print()
			p.end(true)
		}, ""},
		{"not counted yet", false, func(p *progress, _ func(time.Duration)) {
			p.read("fmt")
			p.print()
		}, "Compiling: 1 package so far\n"},
		{"a log", false, func(p *progress, pass func(time.Duration)) {
			p.read("internal/early") // compiled before it was counted
			p.read("fmt")
			p.expect(map[string]int64{"fmt": 0, "big": 3 * overhead, "os": 0})
			p.print()
			pass(20 * time.Second)
			p.print() // 1 of 6 parts
			p.read("os")
			p.read("big")
			p.print()
			p.end(true)
		}, "Compiling: 2 of 4 packages\nCompiling: 2 of 4 packages, about 2 min left\nCompiled 4 packages; linking\nCompiled 4 packages in 20 s.\n"},
		{"a terminal", true, func(p *progress, _ func(time.Duration)) {
			p.read("fmt")
			p.print()
			p.print()
			p.end(true)
		}, "Compiling: 1 package so far\r\x1b[KCompiling: 1 package so far\r\x1b[KCompiled 1 package in 1 s.\n"},
		{"a compile error", true, func(p *progress, _ func(time.Duration)) {
			p.read("example.com/a")
			p.print()
			p.read("# example.com/a")
			p.read("a/a.go:3:2: undefined: x")
			p.end(false)
		}, "Compiling: 1 package so far\r\x1b[K# example.com/a\n\r\x1b[Ka/a.go:3:2: undefined: x\n\r\x1b[K"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
			p := newProgress(&out, tt.terminal, func() time.Time { return now })
			tt.steps(p, func(d time.Duration) { now = now.Add(d) })
			if got := out.String(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "1 s",
		8500 * time.Millisecond: "9 s",
		44 * time.Second:        "40 s",
		94 * time.Second:        "90 s",
		100 * time.Second:       "2 min",
		510 * time.Second:       "9 min",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

func TestListArgs(t *testing.T) {
	got := listArgs([]string{"-o", "bin/", "-ldflags", "-s -w", "-o=x", "./a", "./b"})
	if want := []string{"-ldflags", "-s -w", "./a", "./b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

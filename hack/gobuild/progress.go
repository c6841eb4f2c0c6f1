package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// overhead is what compiling a package takes besides its sources, as bytes of
// them.
const overhead = 20_000

// progress is how far a build is. Its methods may be called concurrently.
type progress struct {
	out      io.Writer
	terminal bool // the line is written over
	now      func() time.Time

	mu      sync.Mutex
	began   time.Time           // of the first package
	started map[string]struct{} // packages that go build has named
	todo    map[string]int64    // packages to compile, with their bytes; nil: not counted
	shown   bool
}

func newProgress(out io.Writer, terminal bool, now func() time.Time) *progress {
	return &progress{out: out, terminal: terminal, now: now, started: map[string]struct{}{}}
}

// read takes a line of what `go build -v` writes: the path of a package that it
// begins to compile, or a message, which is passed on.
func (p *progress) read(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == "" || strings.ContainsAny(text, " \t:") || strings.HasPrefix(text, "#") {
		p.clear()
		fmt.Fprintln(p.out, text)
		return
	}
	if p.began.IsZero() {
		p.began = p.now()
	}
	p.started[text] = struct{}{}
}

// expect says what is to compile. What has been begun before it was counted
// may be missing from it.
func (p *progress) expect(todo map[string]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.todo = todo
}

// print shows how far it is, unless nothing is compiled.
func (p *progress) print() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.started) == 0 {
		return
	}
	p.clear()
	fmt.Fprint(p.out, p.text())
	p.shown = true
	if !p.terminal {
		fmt.Fprintln(p.out)
	}
}

// end takes the line away and leaves a last one in its place.
func (p *progress) end(ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if ok && p.shown {
		fmt.Fprintf(p.out, "Compiled %s in %s.\n", packages(len(p.started)), roughly(p.now().Sub(p.began)))
	}
}

func (p *progress) clear() {
	if p.terminal && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) text() string {
	if p.todo == nil {
		return fmt.Sprintf("Compiling: %s so far", packages(len(p.started)))
	}
	total, all, done := len(p.started), int64(0), int64(0)
	for name, size := range p.todo {
		all += size + overhead
		if _, ok := p.started[name]; ok {
			done += size + overhead
		} else {
			total++
		}
	}
	if total == len(p.started) {
		return fmt.Sprintf("Compiled %s; linking", packages(total))
	}
	left := ""
	if elapsed := p.now().Sub(p.began); done > 0 && elapsed >= 10*time.Second {
		left = ", about " + roughly(time.Duration(float64(elapsed)*float64(all-done)/float64(done))) + " left"
	}
	return fmt.Sprintf("Compiling: %d of %s%s", len(p.started), packages(total), left)
}

func packages(n int) string {
	if n == 1 {
		return "1 package"
	}
	return fmt.Sprintf("%d packages", n)
}

// roughly writes a duration as people say it: "20 s", "4 min".
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds())+1)
	case d < 95*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(10*time.Second).Seconds()))
	default:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
}

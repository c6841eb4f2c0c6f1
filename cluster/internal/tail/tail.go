// Package tail keeps the end of what a program has written.
package tail

import "strings"

// Tail keeps the end of what is written to it. One goroutine writes, and it
// has ended before it is read.
type Tail struct{ buf []byte }

// tailSize is how much is kept, in bytes.
const tailSize = 8 << 10

// Write implements io.Writer.
func (t *Tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

// Last is the last line, without the mark that cobra puts before an error.
func (t *Tail) Last() string {
	s := strings.TrimSpace(string(t.buf))
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return strings.TrimPrefix(strings.TrimSpace(s), "Error: ")
}

// Lines is what was written last, in one line.
func (t *Tail) Lines() string { return Lines(t.buf) }

// Lines is the last three lines of output, in one: the reason of a program may
// come before its summary.
func Lines(output []byte) string {
	return strings.ReplaceAll(LastLines(strings.TrimSpace(string(output)), 3), "\n", "; ")
}

// LastLines is the last n lines of s.
func LastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

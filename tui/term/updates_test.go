package term

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUpdates(t *testing.T) {
	const begin, end = "\x1b[?2026h", "\x1b[?2026l"
	for _, tt := range []struct {
		name   string
		writes []string
		want   []string // what is shown at once
	}{
		{"nothing special", []string{"a", "b"}, []string{"a", "b"}},
		{"an update in pieces", []string{"a" + begin + "b", "c", "d" + end + "e"}, []string{"a" + begin, "bcd" + end, "e"}},
		{"two in one piece", []string{begin + "b" + end + begin + "c" + end}, []string{begin, "b" + end, begin, "c" + end}},
		{"a mark in pieces", []string{"a\x1b", "[?20", "26hb", "\x1b[?2026", "l"}, []string{"a", begin, "b" + end}},
		{"no mark after all", []string{"a\x1b[?20", "04hb"}, []string{"a", "\x1b[?2004hb"}},
		{"an escape before the mark", []string{"\x1b\x1b", "[?2026hx" + end}, []string{"\x1b", begin, "x" + end}},
		{"an end without a beginning", []string{"a" + end + "b"}, []string{"a" + end + "b"}},
		{"a beginning inside", []string{begin + "a" + begin + "b" + end + "c"}, []string{begin, "a" + begin + "b" + end, "c"}},
		{"too long", []string{begin + strings.Repeat("x", maxUpdate+1), "y"}, []string{begin, strings.Repeat("x", maxUpdate+1), "y"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			u := newUpdates(func(b []byte) { got = append(got, string(b)) })
			for _, w := range tt.writes {
				u.write([]byte(w))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("shown:\n%.200q\nwant:\n%.200q", got, tt.want)
			}
			u.flush()
			if got, want := strings.Join(got, ""), strings.Join(tt.writes, ""); got != want {
				t.Errorf("shown in the end:\n%.200q\nwant:\n%.200q", got, want)
			}
		})
	}
}

// A program that is killed in an update leaves what it wrote.
func TestUpdateThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		u := newUpdates(func(b []byte) { got = append(got, string(b)) })
		shown := func() []string {
			u.mu.Lock()
			defer u.mu.Unlock()
			return slices.Clone(got)
		}
		u.write([]byte("\x1b[?2026ha"))
		<-time.After(updatePatience - time.Nanosecond)
		u.write([]byte("b"))
		if got, want := shown(), []string{"\x1b[?2026h"}; !slices.Equal(got, want) {
			t.Fatalf("shown before its time: %q, want %q", got, want)
		}
		<-time.After(time.Nanosecond)
		synctest.Wait()
		u.write([]byte("$ "))
		if got, want := shown(), []string{"\x1b[?2026h", "ab", "$ "}; !slices.Equal(got, want) {
			t.Errorf("shown: %q, want %q", got, want)
		}
	})
}

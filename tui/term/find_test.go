package term

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// TestFindWrapped: what is looked for is found, marked and copied across the end
// of a line that the terminal broke, and not across one that the program ended.
func TestFindWrapped(t *testing.T) {
	s := NewScreen(10, 4, 0, nil)
	// A line of 25 columns, a Chinese one whose characters do not fit evenly, and
	// two lines that only look alike.
	_, _ = s.Write([]byte("01234567needle-pod-abcdef\r\na叢集叢集叢集叢集\r\nxxneed\r\nle.\r\nend"))
	tests := []struct {
		text    string
		from    Pos
		forward bool
		want    Span
		ok      bool
	}{
		{"needle-pod-a", Pos{9, 0}, false, Span{Pos{0, 8}, Pos{1, 9}}, true},
		{"needle", Pos{0, 0}, true, Span{Pos{0, 8}, Pos{1, 3}}, true},
		{"needle", Pos{0, 8}, true, Span{}, false},
		{"NEEDLE", Pos{9, 0}, false, Span{}, false},
		{"d-abcdef", Pos{9, 0}, false, Span{Pos{1, 7}, Pos{2, 4}}, true},
		{"叢集叢集叢集叢", Pos{9, 0}, false, Span{Pos{3, 1}, Pos{4, 5}}, true},
		{"needle.", Pos{9, 0}, false, Span{}, false},
		{"end", Pos{0, 0}, true, Span{Pos{7, 0}, Pos{7, 2}}, true},
	}
	for _, tt := range tests {
		got, ok := s.Find(tt.text, tt.from, tt.forward)
		if got != tt.want || ok != tt.ok {
			t.Errorf("find %q from %v, forward %v: %v, %v; want %v, %v", tt.text, tt.from, tt.forward, got, ok, tt.want, tt.ok)
		}
		if ok && s.Copy(got) != tt.text {
			t.Errorf("copied %q, want %q", s.Copy(got), tt.text)
		}
	}
	marked := func(top int, text string) string {
		out := ""
		for _, row := range s.Frame(Look{Top: top, Find: text}).Rows {
			for {
				_, after, ok := strings.Cut(row, "\x1b[0;1;4m")
				if !ok {
					break
				}
				on, rest, _ := strings.Cut(after, ansi.ResetStyle)
				out, row = out+on+"|", rest
			}
		}
		return out
	}
	// Also when the first half is above what is shown.
	if got := marked(0, "needle"); got != "ne|edle|" {
		t.Errorf("marked %q", got)
	}
	if got := marked(1, "needle"); got != "edle|" {
		t.Errorf("marked below the first half: %q", got)
	}
}

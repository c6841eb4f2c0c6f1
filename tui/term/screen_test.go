package term

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newScreen is a screen whose replies are collected.
func newScreen(t testing.TB, w, h int) (*Screen, func() string) {
	t.Helper()
	var mu sync.Mutex
	var got []byte
	s := NewScreen(w, h, 50, func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, b...)
	})
	return s, func() string {
		mu.Lock()
		defer mu.Unlock()
		return string(got)
	}
}

func feed(s *Screen, text string) { _, _ = s.Write([]byte(text)) }

// checkWidths fails when a row is not exactly as wide as the screen, or holds
// a control sequence that is not a colour.
func checkWidths(t testing.TB, s *Screen, back int) {
	t.Helper()
	w, h := s.Size()
	rows := s.Rows(back)
	if len(rows) != h {
		t.Fatalf("%d rows on a screen of %d", len(rows), h)
	}
	for y, row := range rows {
		if got := ansi.StringWidth(row); got != w {
			t.Fatalf("row %d is %d wide, want %d: %q", y, got, w, row)
		}
		rest := row
		for {
			i := strings.IndexByte(rest, 0x1b)
			if i < 0 {
				break
			}
			end := strings.IndexFunc(rest[i+2:], func(r rune) bool { return r >= '@' && r <= '~' })
			if rest[i+1] != '[' || end < 0 || rest[i+2+end] != 'm' {
				t.Fatalf("row %d holds more than colours: %q", y, row)
			}
			rest = rest[i+2+end+1:]
		}
		if strings.ContainsFunc(ansi.Strip(row), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
			t.Fatalf("row %d holds control characters: %q", y, row)
		}
	}
}

func TestScreenText(t *testing.T) {
	tests := []struct {
		name string
		w, h int
		in   string
		want []string
	}{
		{"plain", 10, 3, "one\r\ntwo", []string{"one", "two", ""}},
		{"wraps", 4, 3, "abcdefgh", []string{"abcd", "efgh", ""}},
		{"scrolls", 4, 2, "a\r\nb\r\nc", []string{"b", "c"}},
		{"wide, even width", 6, 3, "一二三四五", []string{"一二三", "四五", ""}},
		{"wide, odd width", 5, 3, "一二三四五", []string{"一二", "三四", "五"}},
		{"wide after ascii", 5, 3, "abcd一e", []string{"abcd", "一e", ""}},
		{"wide then ascii at the edge", 4, 3, "一二ab", []string{"一二", "ab", ""}},
		{"wide then colour then ascii at the edge", 4, 3, "一二\x1b[31mab", []string{"一二", "ab", ""}},
		{"wide then newline at the edge", 4, 3, "一二\r\nab", []string{"一二", "ab", ""}},
		{"ascii fills the line, then wide", 4, 3, "abcd一", []string{"abcd", "一", ""}},
		{"half of a wide character overwritten", 6, 2, "一二\x1b[1;2Hx", []string{" x二", ""}},
		{"combining", 6, 2, "e\u0301a", []string{"e\u0301a", ""}},
		{"line drawing", 6, 2, "\x1b(0lqk\x1b(B", []string{"┌─┐", ""}},
		{"absurd margins", 4, 3, "\x1b[1;900ra\r\nb\r\nc\r\nd", []string{"b", "c", "d"}},
		{"absurd repeat", 4, 2, "x\x1b[99999999b", []string{"xxxx", "x"}},
		{"absurd erase", 4, 2, "abcd\x1b[1;2H\x1b[99999999X", []string{"a", ""}},
		{"clear", 4, 2, "abcd\x1b[2J\x1b[Hz", []string{"z", ""}},
		{"alternate screen", 4, 2, "a\x1b[?1049hful\x1b[?1049lb", []string{"ab", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := newScreen(t, tt.w, tt.h)
			feed(s, tt.in)
			if got := s.Text(); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("screen %q, want %q", got, tt.want)
			}
			checkWidths(t, s, 0)
			// The same bytes one by one must make the same picture.
			one, _ := newScreen(t, tt.w, tt.h)
			if strings.Contains(tt.in, "\u0301") {
				return // a mark that comes later can't join: terminals differ here
			}
			for i := range len(tt.in) {
				feed(one, tt.in[i:i+1])
			}
			if got := one.Text(); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("byte by byte: screen %q, want %q", got, tt.want)
			}
		})
	}
}

func TestScreenAnswersGoToTheProgram(t *testing.T) {
	s, replies := newScreen(t, 20, 5)
	feed(s, "ab\x1b[6n\x1b[c\x1b[5n")
	for _, want := range []string{"\x1b[1;3R", "\x1b[?62;", "\x1b[?0n"} {
		if !strings.Contains(replies(), want) && !strings.Contains(replies(), strings.ReplaceAll(want, "?0n", "0n")) {
			t.Errorf("replies %q lack %q", replies(), want)
		}
	}
	checkWidths(t, s, 0)
}

// TestScreenFilters shows that nothing of what a program asks of its terminal
// gets into the rows.
func TestScreenFilters(t *testing.T) {
	s, replies := newScreen(t, 30, 4)
	feed(s, "\x1b]0;my \x07title\x1b\\")                       // BEL ends the title early
	feed(s, "\x1b]2;日本\u202e\x01 shell\x07")                   // control and bidi characters in a title
	feed(s, "\x1b]52;c;c2VjcmV0\x07\x1b]52;c;?\x07")           // clipboard write and read
	feed(s, "\x1b]8;;https://example.com\x07link\x1b]8;;\x07") // hyperlink
	feed(s, "\x1bP+q544e\x1b\\\x1b_apc\x1b\\\x1b^pm\x1b\\")    // DCS, APC, PM
	if got := s.Title(); got != "日本 shell" {
		t.Errorf("title %q", got)
	}
	if replies() != "" {
		t.Errorf("the clipboard was answered: %q", replies())
	}
	checkWidths(t, s, 0)
	if got := strings.Join(s.Text(), "|"); !strings.Contains(got, "link") || strings.Contains(got, "example") {
		t.Errorf("screen %q", got)
	}
}

func TestScreenHistory(t *testing.T) {
	s, _ := newScreen(t, 10, 3)
	for i := range 20 {
		feed(s, fmt.Sprintf("line %d\r\n", i))
	}
	if n := s.HistoryLen(); n != 18 {
		t.Errorf("history of %d lines, want 18", n)
	}
	checkWidths(t, s, 7)
	if got := ansi.Strip(s.Rows(2)[0]); !strings.HasPrefix(got, "line 16") {
		t.Errorf("two lines back the top is %q", got)
	}
	if got := ansi.Strip(s.Rows(1000)[0]); !strings.HasPrefix(got, "line 0") {
		t.Errorf("at the top of the history: %q", got)
	}
}

// TestScreenResizeKeepsTheCursorLine: a screen that gets lower keeps what is
// around the cursor.
func TestScreenResizeKeepsTheCursorLine(t *testing.T) {
	s, _ := newScreen(t, 10, 6)
	feed(s, "1\r\n2\r\n3\r\n4\r\n5\r\n$ ")
	s.Resize(10, 3)
	if got := strings.Join(s.Text(), "|"); got != "4|5|$" {
		t.Errorf("screen %q", got)
	}
	if c := s.Cursor(); c.X != 2 || c.Y != 2 {
		t.Errorf("cursor at %d,%d", c.X, c.Y)
	}
	feed(s, "x")
	if got := strings.Join(s.Text(), "|"); got != "4|5|$ x" {
		t.Errorf("screen %q", got)
	}
}

func TestScreenResizeStorm(t *testing.T) {
	s, _ := newScreen(t, 80, 24)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		feed(s, fmt.Sprintf("\x1b[%d;%dH一二three\x1b[31m%d\r\n", r.IntN(40), r.IntN(200), i))
		s.Resize(r.IntN(210)-5, r.IntN(70)-5)
		checkWidths(t, s, r.IntN(3))
		c := s.Cursor()
		if w, h := s.Size(); c.X >= w || c.Y >= h || c.X < 0 || c.Y < 0 {
			t.Fatalf("cursor %d,%d outside of %d×%d", c.X, c.Y, w, h)
		}
	}
}

func TestScreenConcurrent(t *testing.T) {
	s, _ := newScreen(t, 40, 10)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 200 {
				switch i {
				case 0:
					feed(s, "\x1b[31m一\x1b[6n\r\n")
				case 1:
					s.Resize(20+j%30, 5+j%10)
				case 2:
					_ = s.Rows(j % 5)
					_ = s.Cursor()
				case 3:
					_ = s.EncodePaste("x")
					_ = s.Title()
				}
			}
		})
	}
	wg.Wait()
}

func TestEncodeKey(t *testing.T) {
	tests := []struct {
		name string
		key  Key
		app  bool
		want string
	}{
		{"letter", Key{Code: 'a', Text: "a"}, false, "a"},
		{"shifted", Key{Code: 'a', ShiftedCode: 'A', Text: "A", Mod: uv.ModShift}, false, "A"},
		{"chinese", Key{Code: uv.KeyExtended, Text: "叢集"}, false, "叢集"},
		{"ctrl-c", Key{Code: 'c', Mod: uv.ModCtrl}, false, "\x03"},
		{"ctrl-shift-c", Key{Code: 'c', Mod: uv.ModCtrl | uv.ModShift}, false, "\x03"},
		{"ctrl on a cyrillic keyboard", Key{Code: 'с', BaseCode: 'c', Mod: uv.ModCtrl}, false, "\x03"},
		{"ctrl-space", Key{Code: ' ', Mod: uv.ModCtrl}, false, "\x00"},
		{"ctrl-[", Key{Code: '[', Mod: uv.ModCtrl}, false, "\x1b"},
		{"ctrl-/", Key{Code: '/', Mod: uv.ModCtrl}, false, "\x1f"},
		{"alt-b", Key{Code: 'b', Mod: uv.ModAlt}, false, "\x1bb"},
		{"alt-B", Key{Code: 'b', Mod: uv.ModAlt | uv.ModShift}, false, "\x1bB"},
		{"enter", Key{Code: uv.KeyEnter}, false, "\r"},
		{"shift-enter", Key{Code: uv.KeyEnter, Mod: uv.ModShift}, false, "\r"},
		{"backspace", Key{Code: uv.KeyBackspace}, false, "\x7f"},
		{"tab", Key{Code: uv.KeyTab}, false, "\t"},
		{"shift-tab", Key{Code: uv.KeyTab, Mod: uv.ModShift}, false, "\x1b[Z"},
		{"escape", Key{Code: uv.KeyEscape}, false, "\x1b"},
		{"up", Key{Code: uv.KeyUp}, false, "\x1b[A"},
		{"up, application", Key{Code: uv.KeyUp}, true, "\x1bOA"},
		{"ctrl-left", Key{Code: uv.KeyLeft, Mod: uv.ModCtrl}, true, "\x1b[1;5D"},
		{"home", Key{Code: uv.KeyHome}, false, "\x1b[H"},
		{"end, application", Key{Code: uv.KeyEnd}, true, "\x1bOF"},
		{"page up", Key{Code: uv.KeyPgUp}, false, "\x1b[5~"},
		{"shift-delete", Key{Code: uv.KeyDelete, Mod: uv.ModShift}, false, "\x1b[3;2~"},
		{"F1", Key{Code: uv.KeyF1}, false, "\x1bOP"},
		{"F5", Key{Code: uv.KeyF5}, false, "\x1b[15~"},
		{"F12", Key{Code: uv.KeyF12}, false, "\x1b[24~"},
		{"keypad 5", Key{Code: uv.KeyKp5}, false, "5"},
		{"caps lock alone", Key{Code: uv.KeyCapsLock}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(encodeKey(tt.key, tt.app)); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestEncodePasteAndMouse(t *testing.T) {
	s, _ := newScreen(t, 20, 5)
	if got := string(s.EncodePaste("a\nb")); got != "a\rb" {
		t.Errorf("plain paste %q", got)
	}
	if got := s.EncodeMouse(uv.MouseClickEvent{X: 1, Y: 2, Button: uv.MouseLeft}); got != nil {
		t.Errorf("a mouse event nobody asked for: %q", got)
	}
	feed(s, "\x1b[?2004h\x1b[?1000h\x1b[?1006h\x1b[?1004h")
	if got := string(s.EncodePaste("a\x1b[201~rm -rf /\n")); got != "\x1b[200~arm -rf /\r\x1b[201~" {
		t.Errorf("bracketed paste %q", got)
	}
	if got := string(s.EncodeMouse(uv.MouseClickEvent{X: 1, Y: 2, Button: uv.MouseLeft})); got != "\x1b[<0;2;3M" {
		t.Errorf("mouse click %q", got)
	}
	if got := string(s.EncodeMouse(uv.MouseMotionEvent{X: 1, Y: 2})); got != "" {
		t.Errorf("a movement nobody asked for: %q", got)
	}
	if got := string(s.EncodeFocus(true)); got != "\x1b[I" {
		t.Errorf("focus %q", got)
	}
}

// FuzzScreen: no bytes make the screen panic, hang, or let anything but text
// and colours out, whatever is drawn, looked for, selected or resized.
func FuzzScreen(f *testing.F) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 8 { // a binary file, by mistake
		noise := make([]byte, 4096)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		f.Add(noise, uint8(random.Uint32()), uint8(random.Uint32()))
	}
	for _, seed := range []string{
		"hello\r\n", "\x1b[1;900r\n\n\n", "一二三\x1b[2J", "\x1b[?1049h\x1b[L\x1b[900M",
		"\x1b]0;t\x07\x1b]52;c;?\x07", "\x1b[2147483647b", "\x1b[5;1r\x1b[?6h\x1b[T", "\xff\xfe\x80\x9b1m",
		"\x1b[38:2::1:2:3m\x1b[48;5;300m\x1b[58:5:9m\x1b[4:3mx\x1b[;;;;m", "\x1b]2;" + strings.Repeat("x", 2000) + "\x07\x1bP$q q\x1b\\\x1bP$qm\x1b\\",
		"\x1b[?1000;1006;2004;1049h\x1b[?25l\x1b[5 q\x1b[!p\x1b[21t\x1b[?996n\x1b[>c\x1b[=c\x1b[>q", "\u202eabc\u2066\ufeff\u200b\u00ad\x1b(0qqq\x1bN\x1bO~\x1b[4h\x1b[20h",
		"👩‍👩‍👧‍👦🇹🇼🇯🇵e\u0301\u0301", "\x1b[?69h\x1b[3;900s\x1b[900@", "\x1b#8\x1bc\x1b[900P\x1b[900T\x1b[900S",
	} {
		f.Add([]byte(seed), uint8(20), uint8(5))
	}
	f.Fuzz(func(t *testing.T, data []byte, w, h uint8) {
		w, h = w%128, h%64 // larger ones are only slower
		s := NewScreen(int(w), int(h), 20, nil)
		half := len(data) / 2
		_, _ = s.Write(data[:half])
		checkWidths(t, s, 0)
		s.Resize(int(h)+1, int(w)+1)
		_, _ = s.Write(data[half:])
		checkWidths(t, s, 3)
		for _, span := range []Span{{Pos{-5, -5}, Pos{500, 500}}, {Pos{3, 200}, Pos{4, 0}}} {
			_ = s.Copy(span)
			fr := s.Frame(Look{Top: 1, Select: &span, Find: "a"})
			for _, row := range fr.Rows {
				if got := ansi.StringWidth(row); got != fr.Width {
					t.Fatalf("a marked row is %d wide, want %d: %q", got, fr.Width, row)
				}
			}
		}
		_, _ = s.Find("a", Pos{2, 3}, len(data)%2 == 0)
		_, _ = s.Word(Pos{1, 1}), s.Lines(Pos{1, 1})
		_, _ = s.Write([]byte("\x1bc\x18plain 一"))
		checkWidths(t, s, 0)
	})
}

// TestScrollingAtOnce: output in one piece makes the same picture, history and
// cursor as the same output byte by byte, which never scrolls by several lines.
func TestScrollingAtOnce(t *testing.T) {
	pieces := []string{
		"\n", "\r\n", "\r\n", "\r\n", "\n", "a", "word ", "a line that is longer than the screen is wide", "叢集", "一",
		"\t", "\b", "\r", "\x1b[41m", "\x1b[m", "\x1b[3;5r", "\x1b[r", "\x1b[2;2H", "\x1b[99;1H", "\x1b[?1049h", "\x1b[?1049l", "\x1b[J", "\x1b(B", "\x1b]0;t\x07", "\v",
		"\x1b[?69h\x1b[2;5s", "\x1b[?69l", "\x1bc", "\x1bM", "\x1b[?6h", "\x1b[?6l",
	}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		w, h := 4+r.IntN(12), 1+r.IntN(8)
		var out strings.Builder
		for range 120 {
			// Mostly text and line ends.
			n := len(pieces)
			if r.IntN(4) > 0 {
				n = 10
			}
			out.WriteString(pieces[r.IntN(n)])
		}
		text := out.String()
		all := NewScreen(w, h, 20, nil)
		one := NewScreen(w, h, 20, nil)
		feed(all, text)
		for i := range len(text) {
			feed(one, text[i:i+1])
		}
		if a, b := fmt.Sprintf("%q", all.Rows(0)), fmt.Sprintf("%q", one.Rows(0)); a != b {
			t.Errorf("seed %d: %q on %d×%d\n%s\nbyte by byte\n%s", seed, text, w, h, a, b)
		}
		if a, b := fmt.Sprintf("%q", all.Rows(1000)), fmt.Sprintf("%q", one.Rows(1000)); a != b {
			t.Errorf("seed %d: %q: the history\n%s\nbyte by byte\n%s", seed, text, a, b)
		}
		if a, b := all.Cursor(), one.Cursor(); a != b || all.HistoryLen() != one.HistoryLen() {
			t.Errorf("seed %d: cursor %v, byte by byte %v; history %d and %d", seed, a, b, all.HistoryLen(), one.HistoryLen())
		}
		if t.Failed() {
			return
		}
	}
}

func BenchmarkScreenWriteLines(b *testing.B) {
	s, _ := newScreen(b, 120, 20)
	chunk := []byte(strings.Repeat("y\r\n", 10000))
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		_, _ = s.Write(chunk)
	}
}

func BenchmarkScreenWriteText(b *testing.B) {
	s, _ := newScreen(b, 120, 20)
	line := "\x1b[32mgo-api-65577fc4f9-k9f9p\x1b[0m   1/1     Running   0          4m12s   10.244.0.8   叢集\r\n"
	chunk := []byte(strings.Repeat(line, 400))
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		_, _ = s.Write(chunk)
	}
}

func BenchmarkScreenRows(b *testing.B) {
	s, _ := newScreen(b, 200, 30)
	for i := range 40 {
		feed(s, fmt.Sprintf("\x1b[3%dmgo-api-65577fc4f9-k9f9p\x1b[0m 1/1 Running 叢集 %d %s\r\n", i%8, i, strings.Repeat("x", 100)))
	}
	for b.Loop() {
		_ = s.Rows(0)
	}
}

package main

import (
	"fmt"
	"html"
	"image/color"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"github.com/k8stutor/k8stutor/tui/term"
)

// Sizes in pixels, for a monospaced font whose characters are 0.6 em wide.
const (
	fontSize   = 14.0
	wideSize   = 16.0 // of characters of two cells, which are 1 em wide
	cellWidth  = 8.43
	cellHeight = 18.0
	baseline   = 13.5
	margin     = 14.0
	titleBar   = 34.0
)

// theme is the colours of a window.
type theme struct {
	background, foreground, bar, faint string
	basic                              [16]string // how the 16 colours look that a terminal's user chooses
}

var (
	dark = theme{
		"#0d1320", "#d5dae3", "#1a2233", "#8b95a7",
		[16]string{
			"#2a3347", "#ff7b72", "#5fd38d", "#e9b949", "#6ea8fe", "#c3a6ff", "#56c8d8", "#d5dae3",
			"#5b6579", "#ffa198", "#7ee2a8", "#f2cc60", "#9cc4ff", "#d8c5ff", "#86dbe6", "#ffffff",
		},
	}
	bright = theme{
		"#fbfbfa", "#24292f", "#e7e9ec", "#57606a",
		[16]string{
			"#24292f", "#cf222e", "#116329", "#7d4e00", "#0969da", "#8250df", "#1b7c83", "#6e7781",
			"#57606a", "#a40e26", "#1a7f37", "#633c01", "#218bff", "#a475f9", "#3192aa", "#8c959f",
		},
	}
)

// window is what a terminal's window looks like.
type window struct {
	title  string
	square bool   // no round corners
	cjk    string // whose Chinese: TC (Taiwan), SC (mainland), HK
	theme
}

// fonts are the families that draw the words: DejaVu Sans Mono has boxes and
// glyphs, and Noto Sans Mono CJK (Debian's fonts-noto-cjk) Chinese. The others
// are for those who look at the SVG elsewhere.
const fonts = `'DejaVu Sans Mono','Noto Sans Mono CJK %s','Noto Sans Mono CJK TC',ui-monospace,Menlo,Consolas,'PingFang TC','Microsoft JhengHei',monospace`

// draw draws rows of styled text as a terminal window.
func (t window) draw(rows []string, w, h int, cursor term.Cursor) string {
	buf := uv.NewScreenBuffer(w, h)
	buf.Method = ansi.GraphemeWidth
	uv.NewStyledString(strings.Join(rows, "\n")).Draw(buf, buf.Bounds())
	width := float64(w)*cellWidth + 2*margin
	height := float64(h)*cellHeight + 2*margin + titleBar
	corner := 10.0
	if t.square {
		corner = 0
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.1f %.1f">`, width, height, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="%.0f" fill="%s"/>`, corner, t.background)
	// The title bar: the same corners, and the window shows below it.
	fmt.Fprintf(&b, `<rect width="100%%" height="%.0f" rx="%.0f" fill="%s"/>`, titleBar, corner, t.bar)
	fmt.Fprintf(&b, `<rect width="100%%" height="%.0f" y="%.0f" fill="%s"/>`, titleBar/2, titleBar/2, t.bar)
	for i, c := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="17" r="6" fill="%s"/>`, 20+20*i, c)
	}
	if t.title != "" {
		fmt.Fprintf(&b, `<text x="50%%" y="22" text-anchor="middle" font-family="sans-serif" font-size="13" fill="%s">%s</text>`, t.faint, html.EscapeString(t.title))
	}
	fmt.Fprintf(&b, `<g font-family="%s" font-size="%.0f" xml:space="preserve">`, fmt.Sprintf(fonts, t.cjk), fontSize)
	for y := range h {
		t.row(&b, buf, y, w)
	}
	if cursor.Visible {
		fmt.Fprintf(&b, `<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s" fill-opacity="0.8"/>`,
			left(cursor.X), top(cursor.Y)+1, cellWidth, cellHeight-2, t.foreground)
	}
	b.WriteString("</g></svg>\n")
	return b.String()
}

func left(x int) float64 { return margin + float64(x)*cellWidth }
func top(y int) float64  { return titleBar + margin + float64(y)*cellHeight }

// row draws the backgrounds, then the words, each where it belongs, so that
// a font of another width can't shift the rest of the line.
func (t window) row(b *strings.Builder, buf uv.ScreenBuffer, y, w int) {
	for x := 0; x < w; x++ {
		if c := buf.CellAt(x, y); c != nil {
			if _, bg := t.paint(c.Style); bg != "" {
				fmt.Fprintf(b, `<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s"/>`,
					left(x), top(y), cellWidth*float64(max(c.Width, 1))+0.3, cellHeight, bg)
			}
		}
	}
	for x := 0; x < w; {
		c := buf.CellAt(x, y)
		if c == nil || c.Content == "" || c.Content == " " {
			x++
			continue
		}
		if t.line(b, c, x, y) || t.block(b, c, x, y) {
			x++
			continue
		}
		word, end := c.Content, x+max(c.Width, 1)
		for ascii(word) && end < w {
			next := buf.CellAt(end, y)
			if next == nil || !next.Style.Equal(&c.Style) || !ascii(next.Content) || next.Content == " " || next.Content == "" {
				break
			}
			word += next.Content
			end++
		}
		fg, _ := t.paint(c.Style)
		extra := ""
		if c.Style.Attrs&uv.AttrBold != 0 {
			extra += ` font-weight="bold"`
		}
		if c.Width == 2 {
			extra += fmt.Sprintf(` font-size="%.0f"`, wideSize)
		}
		if c.Style.Attrs&uv.AttrItalic != 0 {
			extra += ` font-style="italic"`
		}
		if c.Style.Underline != uv.UnderlineNone {
			extra += ` text-decoration="underline"`
		}
		fmt.Fprintf(b, `<text x="%.2f" y="%.2f" fill="%s"%s>%s</text>`, left(x), top(y)+baseline, fg, extra, html.EscapeString(word))
		x = end
	}
}

func ascii(s string) bool { return len(s) == 1 && s[0] < 0x80 || len(s) > 1 && isASCII(s) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// line draws the characters of boxes as lines, so that they join whatever
// the font.
func (t window) line(b *strings.Builder, c *uv.Cell, x, y int) bool {
	l, u := left(x), top(y)
	cx, cy, r, d := l+cellWidth/2, u+cellHeight/2, l+cellWidth, u+cellHeight
	var path string
	switch c.Content {
	case "─":
		path = fmt.Sprintf("M%.2f %.2fH%.2f", l, cy, r)
	case "│":
		path = fmt.Sprintf("M%.2f %.2fV%.2f", cx, u, d)
	case "├":
		path = fmt.Sprintf("M%.2f %.2fV%.2fM%.2f %.2fH%.2f", cx, u, d, cx, cy, r)
	case "┤":
		path = fmt.Sprintf("M%.2f %.2fV%.2fM%.2f %.2fH%.2f", cx, u, d, l, cy, cx)
	case "┬":
		path = fmt.Sprintf("M%.2f %.2fH%.2fM%.2f %.2fV%.2f", l, cy, r, cx, cy, d)
	case "┴":
		path = fmt.Sprintf("M%.2f %.2fH%.2fM%.2f %.2fV%.2f", l, cy, r, cx, u, cy)
	case "┼":
		path = fmt.Sprintf("M%.2f %.2fH%.2fM%.2f %.2fV%.2f", l, cy, r, cx, u, d)
	case "┌":
		path = fmt.Sprintf("M%.2f %.2fV%.2fH%.2f", cx, d, cy, r)
	case "┐":
		path = fmt.Sprintf("M%.2f %.2fV%.2fH%.2f", cx, d, cy, l)
	case "┘":
		path = fmt.Sprintf("M%.2f %.2fV%.2fH%.2f", cx, u, cy, l)
	case "└":
		path = fmt.Sprintf("M%.2f %.2fV%.2fH%.2f", cx, u, cy, r)
	case "╭":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", cx, d, cx, cy, r, cy)
	case "╮":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", l, cy, cx, cy, cx, d)
	case "╰":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", cx, u, cx, cy, r, cy)
	case "╯":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", cx, u, cx, cy, l, cy)
	case "▏":
		path = fmt.Sprintf("M%.2f %.2fV%.2f", l+1, u, d)
	default:
		return false
	}
	fg, _ := t.paint(c.Style)
	fmt.Fprintf(b, `<path d="%s" stroke="%s" stroke-width="1.2" fill="none"/>`, path, fg)
	return true
}

// block draws the characters that fill a part of their cell, for the same
// reason.
func (t window) block(b *strings.Builder, c *uv.Cell, x, y int) bool {
	r := []rune(c.Content)
	if len(r) != 1 {
		return false
	}
	l, u, w, h, opacity := left(x), top(y), cellWidth, cellHeight, 1.0
	switch n := float64(r[0] - '▁' + 1); {
	case r[0] == '▀':
		h /= 2
	case r[0] >= '▁' && r[0] <= '█':
		u, h = u+h*(8-n)/8, h*n/8
	case r[0] > '█' && r[0] < '▏':
		w *= (16 - n) / 8
	case r[0] == '▐':
		l, w = l+w/2, w/2
	case r[0] >= '░' && r[0] <= '▓':
		opacity = float64(r[0]-'░'+1) / 4
	default:
		return false
	}
	fg, _ := t.paint(c.Style)
	// A little more, so that no gap shows between two.
	fmt.Fprintf(b, `<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s" fill-opacity="%g"/>`, l, u, w+0.2, h+0.2, fg, opacity)
	return true
}

// paint is the colours of a style; bg is empty for the window's own.
func (t theme) paint(s uv.Style) (fg, bg string) {
	fg = t.foreground
	if s.Fg != nil {
		fg = t.hex(s.Fg)
	}
	if s.Bg != nil {
		bg = t.hex(s.Bg)
	}
	if s.Attrs&uv.AttrReverse != 0 {
		if bg == "" {
			bg = t.background
		}
		fg, bg = bg, fg
	}
	return fg, bg
}

func (t theme) hex(c color.Color) string {
	if i, ok := c.(ansi.BasicColor); ok && int(i) < len(t.basic) {
		return t.basic[i]
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

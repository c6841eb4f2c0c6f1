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
	cellWidth  = 8.43
	cellHeight = 18.0
	baseline   = 13.5
	margin     = 14.0
	titleBar   = 34.0
)

// Colours of the window.
const (
	background = "#0d1320"
	foreground = "#d5dae3"
	bar        = "#1a2233"
)

// drawSVG draws rows of styled text as a terminal window.
func drawSVG(rows []string, w, h int, cursor term.Cursor, title string) string {
	buf := uv.NewScreenBuffer(w, h)
	buf.Method = ansi.GraphemeWidth
	uv.NewStyledString(strings.Join(rows, "\n")).Draw(buf, buf.Bounds())
	width := float64(w)*cellWidth + 2*margin
	height := float64(h)*cellHeight + 2*margin + titleBar
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.1f %.1f">`, width, height, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="10" fill="%s"/>`, background)
	fmt.Fprintf(&b, `<path d="M0 10a10 10 0 0 1 10-10h%.1fa10 10 0 0 1 10 10v%.1fh-%.1fz" fill="%s"/>`, width-20, titleBar-10, width, bar)
	for i, c := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="17" r="6" fill="%s"/>`, 20+20*i, c)
	}
	if title != "" {
		fmt.Fprintf(&b, `<text x="50%%" y="22" text-anchor="middle" font-family="sans-serif" font-size="13" fill="#8b95a7">%s</text>`, html.EscapeString(title))
	}
	fmt.Fprintf(&b, `<g font-family="'DejaVu Sans Mono','Noto Sans Mono CJK TC','WenQuanYi Micro Hei Mono',ui-monospace,Menlo,Consolas,monospace" font-size="%.0f" xml:space="preserve">`, fontSize)
	for y := range h {
		drawRow(&b, buf, y, w)
	}
	if cursor.Visible {
		fmt.Fprintf(&b, `<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s" fill-opacity="0.8"/>`,
			left(cursor.X), top(cursor.Y)+1, cellWidth, cellHeight-2, foreground)
	}
	b.WriteString("</g></svg>\n")
	return b.String()
}

func left(x int) float64 { return margin + float64(x)*cellWidth }
func top(y int) float64  { return titleBar + margin + float64(y)*cellHeight }

// drawRow draws the backgrounds, then the words, each where it belongs, so that
// a font of another width can't shift the rest of the line.
func drawRow(b *strings.Builder, buf uv.ScreenBuffer, y, w int) {
	for x := 0; x < w; x++ {
		if c := buf.CellAt(x, y); c != nil {
			if _, bg := paint(c.Style); bg != "" {
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
		if drawLine(b, c, x, y) {
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
		fg, _ := paint(c.Style)
		extra := ""
		if c.Style.Attrs&uv.AttrBold != 0 {
			extra += ` font-weight="bold"`
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

// drawLine draws the characters of boxes as lines, so that they join whatever
// the font.
func drawLine(b *strings.Builder, c *uv.Cell, x, y int) bool {
	l, t := left(x), top(y)
	cx, cy, r, d := l+cellWidth/2, t+cellHeight/2, l+cellWidth, t+cellHeight
	var path string
	switch c.Content {
	case "─":
		path = fmt.Sprintf("M%.2f %.2fH%.2f", l, cy, r)
	case "│":
		path = fmt.Sprintf("M%.2f %.2fV%.2f", cx, t, d)
	case "├":
		path = fmt.Sprintf("M%.2f %.2fV%.2fM%.2f %.2fH%.2f", cx, t, d, cx, cy, r)
	case "┤":
		path = fmt.Sprintf("M%.2f %.2fV%.2fM%.2f %.2fH%.2f", cx, t, d, l, cy, cx)
	case "┬":
		path = fmt.Sprintf("M%.2f %.2fH%.2fM%.2f %.2fV%.2f", l, cy, r, cx, cy, d)
	case "┴":
		path = fmt.Sprintf("M%.2f %.2fH%.2fM%.2f %.2fV%.2f", l, cy, r, cx, t, cy)
	case "┼":
		path = fmt.Sprintf("M%.2f %.2fH%.2fM%.2f %.2fV%.2f", l, cy, r, cx, t, d)
	case "└":
		path = fmt.Sprintf("M%.2f %.2fV%.2fH%.2f", cx, t, cy, r)
	case "╭":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", cx, d, cx, cy, r, cy)
	case "╮":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", l, cy, cx, cy, cx, d)
	case "╰":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", cx, t, cx, cy, r, cy)
	case "╯":
		path = fmt.Sprintf("M%.2f %.2fQ%.2f %.2f %.2f %.2f", cx, t, cx, cy, l, cy)
	case "▏":
		path = fmt.Sprintf("M%.2f %.2fV%.2f", l+1, t, d)
	default:
		return false
	}
	fg, _ := paint(c.Style)
	fmt.Fprintf(b, `<path d="%s" stroke="%s" stroke-width="1.2" fill="none"/>`, path, fg)
	return true
}

// paint is the colours of a style; bg is empty for the window's own.
func paint(s uv.Style) (fg, bg string) {
	fg = foreground
	if s.Fg != nil {
		fg = hex(s.Fg)
	}
	if s.Bg != nil {
		bg = hex(s.Bg)
	}
	if s.Attrs&uv.AttrReverse != 0 {
		if bg == "" {
			bg = background
		}
		fg, bg = bg, fg
	}
	return fg, bg
}

// basic is how the 16 colours look that a terminal's user chooses.
var basic = [16]string{
	"#2a3347", "#ff7b72", "#5fd38d", "#e9b949", "#6ea8fe", "#c3a6ff", "#56c8d8", "#d5dae3",
	"#5b6579", "#ffa198", "#7ee2a8", "#f2cc60", "#9cc4ff", "#d8c5ff", "#86dbe6", "#ffffff",
}

func hex(c color.Color) string {
	if i, ok := c.(ansi.BasicColor); ok && int(i) < len(basic) {
		return basic[i]
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

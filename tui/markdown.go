package tui

import (
	"image/color"
	"strings"
	"unicode"

	"charm.land/glamour/v2"
	mdansi "charm.land/glamour/v2/ansi"
	"github.com/charmbracelet/x/ansi"
	"github.com/lucasb-eyer/go-colorful"
)

// markdown renders lesson texts. It lets glamour style the text without
// wrapping and wraps by itself: glamour breaks inside of words beside CJK text
// and puts a closing mark at the head of a line.
type markdown struct {
	styles   *styles
	renderer *glamour.TermRenderer
}

func newMarkdown(s *styles) (*markdown, error) {
	r, err := glamour.NewTermRenderer(glamour.WithStyles(markdownStyle(s)), glamour.WithWordWrap(0))
	if err != nil {
		return nil, err
	}
	return &markdown{styles: s, renderer: r}, nil
}

// markdownStyle is our palette as a glamour style.
func markdownStyle(s *styles) mdansi.StyleConfig {
	yes, none := true, uint(0)
	paint := func(c color.Color) *string { return hexOf(c) }
	var out mdansi.StyleConfig
	out.Document.Margin = &none
	out.Document.Color = paint(s.palette.text)
	out.Heading.Bold = &yes
	out.Heading.BlockSuffix = "\n"
	out.Heading.Color = paint(s.palette.accent)
	out.Strong.Bold = &yes
	out.Strong.Color = paint(s.palette.strong)
	out.Emph.Italic = &yes
	out.Link.Underline = &yes
	out.Code.Color = paint(s.palette.code)
	out.Code.Bold = &yes
	out.CodeBlock.Color = paint(s.palette.code)
	out.CodeBlock.Margin = &none
	out.Item.BlockPrefix = "• "
	out.Enumeration.BlockPrefix = ". "
	out.List.LevelIndent = 2
	bar, one := "│ ", uint(1)
	out.BlockQuote.Indent = &one
	out.BlockQuote.IndentToken = &bar
	out.BlockQuote.Color = paint(s.palette.dim)
	out.HorizontalRule.Format = "\n────\n"
	out.HorizontalRule.Color = paint(s.palette.line)
	return out
}

// hexOf writes a colour as #rrggbb, nil for no colour.
func hexOf(c color.Color) *string {
	if c == nil {
		return nil
	}
	if col, ok := colorful.MakeColor(c); ok {
		hex := col.Hex()
		return &hex
	}
	return nil
}

// command is a command in a text, and the lines where it stands.
type command struct {
	text  string
	line  int // the first
	lines int
}

// rendered is Markdown as lines, and the commands in it.
type rendered struct {
	lines    []string
	commands []command
}

// add puts another part below.
func (r *rendered) add(part rendered) {
	for _, c := range part.commands {
		c.line += len(r.lines)
		r.commands = append(r.commands, c)
	}
	r.lines = append(r.lines, part.lines...)
}

// render renders Markdown into lines of at most width columns.
func (m *markdown) render(text string, width int) rendered {
	var all rendered
	out := &all.lines
	var prose, code []string
	fenced := false
	flush := func() {
		if body := strings.TrimSpace(strings.Join(prose, "\n")); body != "" {
			*out = append(*out, m.prose(body, width)...)
			*out = append(*out, "")
		}
		prose = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			if fenced {
				all.add(m.code(code, width))
				*out = append(*out, "")
				code = nil
			} else {
				flush()
			}
			fenced = !fenced
		case fenced:
			code = append(code, line)
		default:
			prose = append(prose, line)
		}
	}
	if fenced {
		all.add(m.code(code, width))
	}
	flush()
	for len(*out) > 0 && (*out)[len(*out)-1] == "" {
		*out = (*out)[:len(*out)-1]
	}
	return all
}

// code renders a fenced block: a bar at the left, never wrapped at spaces, so
// that a command stays what it is.
func (m *markdown) code(lines []string, width int) rendered {
	bar := m.styles.border.Render("▏") + " "
	var out rendered
	for len(lines) > 0 {
		text, n := commandAt(lines)
		begin := len(out.lines)
		for _, line := range lines[:n] {
			line = strings.ReplaceAll(line, "\t", "    ")
			for _, part := range strings.Split(ansi.Hardwrap(line, max(width-2, 1), true), "\n") {
				out.lines = append(out.lines, bar+m.styles.code.Render(part))
			}
		}
		if text != "" {
			out.commands = append(out.commands, command{text, begin, len(out.lines) - begin})
		}
		lines = lines[n:]
	}
	return out
}

func (m *markdown) prose(text string, width int) []string {
	styled, err := m.renderer.Render(text)
	if err != nil {
		styled = text // the words matter more than their colours
	}
	var out []string
	blank := true // drop blank lines at the top
	for line := range strings.SplitSeq(strings.TrimRight(styled, "\n"), "\n") {
		if strings.TrimSpace(ansi.Strip(line)) == "" {
			if !blank {
				out = append(out, "")
			}
			blank = true
			continue
		}
		blank = false
		out = append(out, wrap(line, width, hanging(ansi.Strip(line)))...)
	}
	return out
}

// hanging is how the lines after the first of an item begin.
func hanging(line string) string {
	rest := strings.TrimLeft(line, " ")
	indent := strings.Repeat(" ", len(line)-len(rest))
	if strings.HasPrefix(rest, "│ ") {
		return indent + "│ "
	}
	if strings.HasPrefix(rest, "• ") {
		return indent + "  "
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if digits > 0 && strings.HasPrefix(rest[digits:], ". ") {
		return indent + strings.Repeat(" ", digits+2)
	}
	return indent
}

// glyph is one character with the style sequences before it.
type glyph struct {
	pre   string // SGR sequences
	text  string
	width int
}

// wrap breaks a styled line into lines of at most width columns: at spaces and
// between CJK characters, but with no closing mark at the head of a line and no
// opening one at its end. Lines after the first begin with indent.
func wrap(line string, width int, indent string) []string {
	if width < 1 {
		width = 1
	}
	if ansi.StringWidth(line) <= width {
		return []string{line}
	}
	if ansi.StringWidth(indent) > width/2 {
		indent = ""
	}
	glyphs, tail := split(line)
	var out []string
	pen := "" // the style in force at the start of the line
	start := 0
	for start < len(glyphs) {
		prefix := ""
		room := width
		if len(out) > 0 {
			prefix = indent
			room -= ansi.StringWidth(indent)
		}
		end, next := breakAt(glyphs, start, room)
		var b strings.Builder
		b.WriteString(prefix)
		b.WriteString(pen)
		for _, g := range glyphs[start:end] {
			b.WriteString(g.pre)
			b.WriteString(g.text)
			pen = penAfter(pen, g.pre)
		}
		for _, g := range glyphs[end:next] { // the spaces at the break
			pen = penAfter(pen, g.pre)
		}
		if next == len(glyphs) {
			b.WriteString(tail)
			pen = penAfter(pen, tail)
		}
		if pen != "" {
			b.WriteString(ansi.ResetStyle)
		}
		out = append(out, b.String())
		start = next
	}
	return out
}

// split cuts a line into glyphs; tail is the sequences after the last one.
func split(line string) (glyphs []glyph, tail string) {
	var state byte
	pre := ""
	for len(line) > 0 {
		seq, w, n, next := ansi.DecodeSequence(line, state, nil)
		state = next
		if w == 0 && strings.HasPrefix(seq, "\x1b") {
			pre += seq
		} else {
			glyphs = append(glyphs, glyph{pre, seq, w})
			pre = ""
		}
		line = line[n:]
	}
	return glyphs, pre
}

// penAfter is the style in force after the sequences seq.
func penAfter(pen, seq string) string {
	for _, reset := range []string{"\x1b[m", "\x1b[0m"} {
		if i := strings.LastIndex(seq, reset); i >= 0 {
			pen, seq = "", seq[i+len(reset):]
		}
	}
	return pen + seq
}

// breakAt finds where the line that begins at start ends, and where the next
// one begins.
func breakAt(glyphs []glyph, start, room int) (end, next int) {
	used, lastEnd, lastNext := 0, -1, -1
	for i := start; i < len(glyphs); i++ {
		if isSpace(glyphs[i].text) && used > 0 {
			j := i
			for j < len(glyphs) && isSpace(glyphs[j].text) {
				j++
			}
			lastEnd, lastNext = i, j
			if j == len(glyphs) {
				return i, j
			}
		} else if i > start && canBreak(glyphs[i-1].text, glyphs[i].text) {
			lastEnd, lastNext = i, i
		}
		if used+glyphs[i].width > room {
			if lastEnd > start {
				return lastEnd, lastNext
			}
			return max(i, start+1), max(i, start+1)
		}
		used += glyphs[i].width
	}
	return len(glyphs), len(glyphs)
}

func isSpace(s string) bool { return s == " " }

// Marks that must not begin or end a line.
const (
	closing = "，。、；：！？）」』】》〉”’…—～·％,.;:!?)]}%"
	opening = "（「『【《〈“‘([{$"
)

// canBreak reports whether a line may end between two characters without a space
// between them: beside a CJK character, except next to the marks above.
func canBreak(a, b string) bool {
	return (isCJK(a) || isCJK(b)) && !strings.Contains(closing, b) && !strings.Contains(opening, a)
}

func isCJK(s string) bool {
	for _, r := range s {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) ||
			r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
	}
	return false
}

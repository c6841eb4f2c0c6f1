package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// fit makes a styled string exactly width columns wide: longer ones end in …,
// shorter ones get spaces. A wide character that would be cut in half becomes
// a space.
func fit(s string, width int) string {
	if width <= 0 {
		return ""
	}
	w := ansi.StringWidth(s)
	if w > width {
		s = ansi.Truncate(s, width, "…")
		w = ansi.StringWidth(s)
	}
	if w < width {
		s += strings.Repeat(" ", width-w)
	}
	return s
}

// cut is the columns from left to right of a styled string, exactly that wide.
func cut(s string, left, right int) string {
	if right <= left {
		return ""
	}
	part := ansi.Cut(s, left, right)
	switch w := ansi.StringWidth(part); {
	case w < right-left:
		return part + strings.Repeat(" ", right-left-w)
	case w > right-left:
		return fit(ansi.Truncate(part, right-left, ""), right-left)
	}
	return part
}

// spread puts left and right at the two ends of width columns; the right one
// goes first when there is no room.
func spread(left, right string, width int) string {
	rw := ansi.StringWidth(right)
	if rw == 0 || rw+2 > width {
		return fit(left, width)
	}
	return fit(left, width-rw-1) + " " + right
}

// shortenMiddle shortens a name in the middle, where Kubernetes names differ least:
// both the beginning and the random end stay readable.
func shortenMiddle(s string, width int) string {
	w := ansi.StringWidth(s)
	if w <= width || width < 5 {
		return s
	}
	tail := (width - 1) / 2
	return ansi.Truncate(s, width-1-tail, "") + "…" + ansi.Cut(s, w-tail, w)
}

// overlay lays a box of lines over the middle of a frame.
func overlay(frame, box []string, width int) []string {
	boxWidth := 0
	for _, l := range box {
		boxWidth = max(boxWidth, ansi.StringWidth(l))
	}
	boxWidth = min(boxWidth, width)
	x := (width - boxWidth) / 2
	y := max((len(frame)-len(box))/2, 0)
	for i, l := range box {
		if y+i >= len(frame) {
			break
		}
		f := frame[y+i]
		frame[y+i] = cut(f, 0, x) + fit(l, boxWidth) + cut(f, x+boxWidth, width)
	}
	return frame
}

// overlayAt lays a box of lines over a frame, from the corner of r on.
func overlayAt(frame, box []string, r rect, width int) []string {
	for i, l := range box {
		if y := r.y + i; y < len(frame) {
			f := frame[y]
			frame[y] = cut(f, 0, r.x) + fit(l, r.w) + cut(f, r.x+r.w, width)
		}
	}
	return frame
}

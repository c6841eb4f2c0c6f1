package tui

// pane names a pane.
type pane int

const (
	paneLesson pane = iota
	paneCluster
	paneShell
)

// The smallest terminal that can be used, and where the layouts begin.
const (
	minWidth, minHeight = 40, 12
	wideWidth           = 100 // lesson and cluster side by side
	splitHeight         = 18  // a pane above the shell; lower: one pane at a time
	roomyHeight         = 32  // lower: the shell makes room for the pane that is read
	leastShell          = 3   // lines of the shell that stay in sight then
	maxLessonWidth      = 84  // longer lines are hard to read
)

// rect is the inside of a pane, without borders and padding.
type rect struct{ x, y, w, h int }

func (r rect) contains(x, y int) bool {
	return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h
}

// layout says where the panes are. A pane that is not shown has no height.
//
// The screen is a status line, a frame with the panes' titles in its borders,
// and the keys in the bottom border:
//
//	 status
//	╭─ LESSON ──┬─ CLUSTER ─╮
//	│           │           │
//	├─ SHELL ───┴───────────┤
//	│                       │
//	╰─ keys ────────────────╯
type layout struct {
	width, height int
	tiny          bool
	columns       bool // lesson and cluster side by side
	split         bool // the shell below them
	divider       int  // column of the border between lesson and cluster
	separator     int  // row of the border above the shell
	panes         [3]rect
	shell         [2]int // width and height of the shell's terminal
}

// newLayout divides the screen. top is which of lesson and cluster is shown
// where there is room for one, focus which pane where there is room for one of
// all. On a low screen, the lesson or the cluster gets most of it while it has
// the focus. The shell's terminal keeps its size then, so that its program is
// not disturbed; the lines around its cursor stay in sight.
func newLayout(width, height int, top, focus pane) layout {
	l := layout{width: width, height: height}
	if width < minWidth || height < minHeight {
		l.tiny = true
		return l
	}
	l.split = height >= splitHeight
	l.columns = l.split && width >= wideWidth
	inside := height - 3 // without the status line and two borders
	upper := inside
	if l.split {
		shell := min(max((inside-1)/3, min((inside-1)*2/5, 7)), 24)
		l.shell = [2]int{width - 4, shell}
		if focus != paneShell && height < roomyHeight {
			shell = min(shell, leastShell)
		}
		upper = inside - 1 - shell
		l.separator = 2 + upper
		l.panes[paneShell] = rect{2, l.separator + 1, width - 4, shell}
	}
	switch {
	case l.columns:
		left := min((width-7)/2, maxLessonWidth)
		l.divider = left + 3
		l.panes[paneLesson] = rect{2, 2, left, upper}
		l.panes[paneCluster] = rect{l.divider + 2, 2, width - l.divider - 4, upper}
	case l.split:
		l.panes[top] = rect{2, 2, width - 4, upper}
	default:
		l.panes[focus] = rect{2, 2, width - 4, upper}
	}
	return l
}

// shellSize is the size of the shell's terminal, also while it is not shown.
func (l layout) shellSize() (w, h int) {
	if l.shell[1] > 0 {
		return l.shell[0], l.shell[1]
	}
	return max(l.width-4, 1), max(l.height-3, 1)
}

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
	minWidth, minHeight   = 40, 12
	sideWidth, sideHeight = 160, 30 // the shell below the cluster, beside the lesson
	topWidth              = 100     // lesson and cluster side by side
	splitHeight           = 18      // a pane above the shell; lower: one pane at a time
	tabsWidth, tabsHeight = 72, 24  // narrower and lower: likewise
	roomyHeight           = 32      // lower: the shell makes room for the pane that is read
	leastShell            = 3       // lines of the shell that stay in sight then
	leastWidth            = 24      // of a pane beside another
	leastHeight           = 3       // of a pane above another
	maxLessonWidth        = 84      // longer lines are hard to read
)

// Layout is what the learner has chosen of the screen's arrangement. The zero
// value leaves everything to the size of the terminal. It is kept as JSON.
type Layout struct {
	// Arrange is "side", "top", "stack" or "tabs", or empty: by the size.
	Arrange string `json:"arrange,omitempty"`
	// Lesson is the lesson's share of the width, in thousandths; 0: by the size.
	Lesson int `json:"lesson,omitempty"`
	// Shell is the shell's share of the height, in thousandths; 0: by the size.
	Shell int `json:"shell,omitempty"`
	// Zoomed says that one pane at a time fills the screen.
	Zoomed bool `json:"zoomed,omitempty"`
}

// valid is the layout without what makes no sense, such as a damaged file's.
func (l Layout) valid() Layout {
	if arrangementNamed(l.Arrange) == arrangeAuto {
		l.Arrange = ""
	}
	share := func(n int) int {
		if n < 0 || n > 1000 {
			return 0
		}
		return n
	}
	l.Lesson, l.Shell = share(l.Lesson), share(l.Shell)
	return l
}

// arrangement says how the panes lie.
type arrangement int

const (
	arrangeAuto  arrangement = iota
	arrangeSide              // the lesson at the left; at the right the cluster over the shell
	arrangeTop               // lesson and cluster side by side, the shell below them
	arrangeStack             // lesson or cluster, the shell below
	arrangeTabs              // one of the three
)

func (a arrangement) String() string { return [...]string{"", "side", "top", "stack", "tabs"}[a] }

func arrangementNamed(name string) arrangement {
	for a := arrangeSide; a <= arrangeTabs; a++ {
		if a.String() == name {
			return a
		}
	}
	return arrangeAuto
}

// fits reports whether a terminal of this size has room for an arrangement.
func (a arrangement) fits(width, height int) bool {
	switch a {
	case arrangeSide:
		return width >= topWidth && height >= splitHeight
	case arrangeTop:
		return width >= 2*leastWidth+7+minWidth && height >= splitHeight
	case arrangeStack:
		return height >= splitHeight
	}
	return true
}

// arrange is the arrangement for a size, the chosen one where it fits.
func arrange(width, height int, chosen arrangement) arrangement {
	switch {
	case chosen != arrangeAuto && chosen.fits(width, height):
		return chosen
	case width >= sideWidth && height >= sideHeight:
		return arrangeSide
	case height < splitHeight, width < tabsWidth && height < tabsHeight:
		return arrangeTabs
	case width >= topWidth:
		return arrangeTop
	}
	return arrangeStack
}

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
//	 status                          status
//	╭─ LESSON ──┬─ CLUSTER ─╮       ╭─ LESSON ──┬─ CLUSTER ─╮
//	│           │           │       │           │           │
//	├─ SHELL ───┴───────────┤       │           ├─ SHELL ───┤
//	│                       │       │           │           │
//	╰─ keys ────────────────╯       ╰─ keys ────┴───────────╯
type layout struct {
	width, height int
	tiny          bool
	arrange       arrangement // never arrangeAuto
	zoomed        bool        // arrangeTabs because of the zoom
	divider       int         // column of the border beside the lesson; 0: there is none
	separator     int         // row of the border above the shell; 0: there is none
	panes         [3]rect
	shell         [2]int // width and height of the shell's terminal
}

// newLayout divides the screen. top is which of lesson and cluster is shown
// where there is room for one of them, focus which pane where there is room for
// one of all. On a low screen, the lesson or the cluster gets most of it while
// it has the focus. The shell's terminal keeps its size then, and while another
// pane is zoomed, so that its program is not disturbed; the lines around its
// cursor stay in sight.
func newLayout(width, height int, want Layout, top, focus pane) layout {
	l := layout{width: width, height: height}
	if width < minWidth || height < minHeight {
		l.tiny = true
		return l
	}
	l.arrange = arrange(width, height, arrangementNamed(want.Arrange))
	inside := height - 3 // without the status line and two borders
	switch l.arrange {
	case arrangeSide:
		l.side(want, inside)
	case arrangeTop, arrangeStack:
		l.rows(want, inside, top, focus)
	case arrangeTabs:
		l.shell = [2]int{width - 4, inside}
		l.panes[focus] = rect{2, 2, width - 4, inside}
	}
	if want.Zoomed && l.arrange != arrangeTabs {
		if focus == paneShell {
			l.shell = [2]int{width - 4, inside}
		}
		l.arrange, l.zoomed = arrangeTabs, true
		l.divider, l.separator, l.panes = 0, 0, [3]rect{}
		l.panes[focus] = rect{2, 2, width - 4, inside}
	}
	return l
}

// side puts the cluster over the shell, beside the lesson.
func (l *layout) side(want Layout, inside int) {
	left := min((l.width-7)*9/20, maxLessonWidth)
	l.columns(left, want)
	shell := shared(inside-1, min(max((inside-1)*3/7, 7), 28), want.Shell, leastHeight)
	left = l.divider - 3
	right := l.width - l.divider - 4
	l.separator = 2 + inside - 1 - shell
	l.panes[paneLesson] = rect{2, 2, left, inside}
	l.panes[paneCluster] = rect{l.divider + 2, 2, right, inside - 1 - shell}
	l.panes[paneShell] = rect{l.divider + 2, l.separator + 1, right, shell}
	l.shell = [2]int{right, shell}
}

// rows puts the shell below lesson and cluster, or below one of them.
func (l *layout) rows(want Layout, inside int, top, focus pane) {
	shell := min(max((inside-1)/3, min((inside-1)*2/5, 7)), 24)
	shell = shared(inside-1, shell, want.Shell, leastHeight)
	l.shell = [2]int{l.width - 4, shell}
	if focus != paneShell && l.height < roomyHeight {
		shell = min(shell, leastShell)
	}
	upper := inside - 1 - shell
	l.separator = 2 + upper
	l.panes[paneShell] = rect{2, l.separator + 1, l.width - 4, shell}
	if l.arrange == arrangeStack {
		l.panes[top] = rect{2, 2, l.width - 4, upper}
		return
	}
	l.columns(min((l.width-7)/2, maxLessonWidth), want)
	l.panes[paneLesson] = rect{2, 2, l.divider - 3, upper}
	l.panes[paneCluster] = rect{l.divider + 2, 2, l.width - l.divider - 4, upper}
}

// columns sets the divider for a lesson of this width, or of the chosen one.
func (l *layout) columns(left int, want Layout) {
	l.divider = shared(l.width-7, left, want.Lesson, leastWidth) + 3
}

// shared is a share of whole: the thousandths that were chosen, or by itself;
// least is left for it and for the rest.
func shared(whole, byItself, chosen, least int) int {
	if chosen > 0 {
		byItself = (whole*chosen + 500) / 1000
	}
	return min(max(byItself, least), whole-least)
}

// shareOf is the thousandths that stand for part of whole.
func shareOf(part, whole int) int {
	if whole <= 0 {
		return 0
	}
	return min(max((part*1000+whole/2)/whole, 1), 1000)
}

// split reports whether the shell is below another pane.
func (l layout) split() bool { return l.separator > 0 }

// shows reports whether a pane is in sight.
func (l layout) shows(p pane) bool { return l.panes[p].h > 0 }

// shellSize is the size of the shell's terminal, also while it is not shown.
func (l layout) shellSize() (w, h int) { return max(l.shell[0], 1), max(l.shell[1], 1) }

// paneAt is the pane under a point, borders left out.
func (l layout) paneAt(x, y int) (pane, bool) {
	for p, r := range l.panes {
		r.x, r.w = r.x-1, r.w+2 // with the padding
		if r.h > 0 && r.contains(x, y) {
			return pane(p), true
		}
	}
	return 0, false
}

// onDivider and onSeparator report whether a point is on a border that can be
// moved.
func (l layout) onDivider(x, y int) bool {
	r := l.panes[paneLesson]
	return l.divider > 0 && x == l.divider && y >= r.y-1 && y < r.y+r.h
}

func (l layout) onSeparator(x, y int) bool {
	return l.separator > 0 && y == l.separator && (l.arrange != arrangeSide || x > l.divider)
}

// moveDivider is the choice that puts the divider into a column.
func (l layout) moveDivider(want Layout, column int) Layout {
	want.Lesson = shareOf(min(max(column-3, leastWidth), l.width-7-leastWidth), l.width-7)
	return want
}

// moveSeparator is the choice that puts the separator into a row.
func (l layout) moveSeparator(want Layout, row int) Layout {
	whole := l.height - 4
	want.Shell = shareOf(min(max(l.height-2-row, leastHeight), whole-leastHeight), whole)
	return want
}

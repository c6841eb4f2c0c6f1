package lessons

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// The drawings of live text. They are pure: values in, lines of text out. All
// are at most drawWidth columns wide as long as their labels are reasonable,
// which is what a lesson's pane has on a screen of 100 columns.
const drawWidth = 44

// columnsOf is how many terminal columns a text takes, as the screen counts them.
func columnsOf(s string) int { return ansi.StringWidth(s) }

// pad fills s up with blanks to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-columnsOf(s), 0)) }

func padLeft(s string, n int) string { return strings.Repeat(" ", max(n-columnsOf(s), 0)) + s }

// keepEnd shortens s to n columns; what differs in names made by a controller
// stands at the end.
func keepEnd(s string, n int) string {
	if columnsOf(s) <= n {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && columnsOf(string(r)) > max(n-1, 1) {
		r = r[1:]
	}
	return "…" + string(r)
}

// span is a duration as a drawing shows it: 4.1 s, 2m05s.
func span(d time.Duration) string {
	if d.Abs() < 100*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	if d.Abs() < time.Hour {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Abs().Seconds())%60)
	}
	return d.String()
}

// moment is one line of a timeline.
type moment struct {
	at         time.Time
	name, text string
}

// maxTimeline is how many lines a timeline may have; the middle of a longer
// one is left out.
const maxTimeline = 18

// drawTimeline draws moments in their order in time, as offsets from since.
func drawTimeline(moments []moment, since time.Time) string {
	moments = slices.Clone(moments)
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	offsets, offsetWidth, nameWidth, textWidth := make([]string, len(moments)), 0, 0, 0
	for i, m := range moments {
		d := m.at.Sub(since)
		offsets[i] = span(d)
		if d >= 0 {
			offsets[i] = "+" + offsets[i]
		}
		offsetWidth = max(offsetWidth, columnsOf(offsets[i]))
		nameWidth = max(nameWidth, columnsOf(m.name))
		textWidth = max(textWidth, columnsOf(m.text))
	}
	nameWidth = min(nameWidth, max(drawWidth-offsetWidth-textWidth-4, 8))
	var lines []string
	for i, m := range moments {
		if len(moments) > maxTimeline && i == maxTimeline/2 {
			lines = append(lines, padLeft(fmt.Sprintf("… (%d)", len(moments)-maxTimeline+1), offsetWidth))
		}
		if len(moments) > maxTimeline && i >= maxTimeline/2 && i <= len(moments)-maxTimeline/2 {
			continue
		}
		line := padLeft(offsets[i], offsetWidth)
		if nameWidth > 0 {
			line += "  " + pad(keepEnd(m.name, nameWidth), nameWidth)
		}
		lines = append(lines, strings.TrimRight(line+"  "+m.text, " "))
	}
	return strings.Join(lines, "\n")
}

// bar is one line of drawBars.
type bar struct {
	label, shown string
	value        float64
}

// drawBars draws bars whose lengths are in proportion.
func drawBars(bars []bar) string {
	labelWidth, shownWidth, top := 0, 0, 0.0
	for _, b := range bars {
		labelWidth, shownWidth = max(labelWidth, columnsOf(b.label)), max(shownWidth, columnsOf(b.shown))
		top = max(top, b.value)
	}
	room := max(drawWidth-labelWidth-shownWidth-4, 8)
	lines := make([]string, 0, len(bars))
	for _, b := range bars {
		line := pad(b.label, labelWidth) + "  " + padLeft(b.shown, shownWidth)
		if length := proportion(b.value, top, 8*room); length > 0 {
			line += "  " + strings.Repeat("█", length/8) + eighths(length%8)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.Join(lines, "\n")
}

// proportion is value/top of n, at least 1 for what is more than nothing.
func proportion(value, top float64, n int) int {
	if value <= 0 || top <= 0 {
		return 0
	}
	return max(1, int(math.Round(value/top*float64(n))))
}

// eighths is a block of so many eighths of a column, from the left.
func eighths(n int) string { return []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}[n] }

// levels are blocks of so many eighths of a line, from below.
func level(n int) string {
	return []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}[n]
}

// point is a number from a time on.
type point struct {
	at    time.Time
	value float64
}

// maxPlotHeight is how many lines the curve of drawPlot has at most.
const maxPlotHeight = 6

// drawPlot draws a number over time, from the first point to end. Each number
// holds until the next one.
func drawPlot(points []point, end time.Time) string {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b point) int { return a.at.Compare(b.at) })
	if len(points) == 0 {
		return ""
	}
	begin := points[0].at
	if last := points[len(points)-1].at; end.Before(last) {
		end = last
	}
	top := slices.MaxFunc(points, func(a, b point) int { return cmp.Compare(a.value, b.value) }).value
	height := min(max(int(math.Ceil(top)), 1), maxPlotHeight)
	scale := make([]string, height)
	scaleWidth := 0
	for i := range scale {
		scale[i] = fmt.Sprintf("%.3g", top/float64(height)*float64(i+1))
		if top <= maxPlotHeight {
			scale[i] = fmt.Sprint(i + 1)
		}
		scaleWidth = max(scaleWidth, columnsOf(scale[i]))
	}
	perRow := 1.0
	if top > maxPlotHeight {
		perRow = top / float64(height)
	}
	columns := drawWidth - scaleWidth - 2
	lines := make([]string, 0, height+2)
	for row := height - 1; row >= 0; row-- {
		line := padLeft(scale[row], scaleWidth) + " │"
		for i := range columns {
			v := highest(points, begin, end.Sub(begin), i, columns)/perRow - float64(row)
			line += level(min(max(int(math.Round(v*8)), 0), 8))
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.Join(append(lines, axis(scaleWidth+1, columns, end.Sub(begin))...), "\n")
}

// highest is the highest value in column i: what lasted shortly is seen.
func highest(points []point, begin time.Time, total time.Duration, i, columns int) float64 {
	from := begin.Add(total * time.Duration(i) / time.Duration(columns))
	to := begin.Add(total * time.Duration(i+1) / time.Duration(columns))
	out := 0.0
	for n, p := range points {
		if p.at.After(from) && !p.at.Before(to) {
			break
		}
		if n+1 < len(points) && !points[n+1].at.After(from) {
			continue
		}
		out = max(out, p.value)
	}
	return out
}

// axis is the time below a chart whose columns begin after left.
func axis(left, columns int, total time.Duration) []string {
	end := span(total)
	return []string{
		strings.Repeat(" ", left) + "└" + strings.Repeat("─", columns),
		strings.Repeat(" ", left+1) + "0 s" + padLeft(end, max(columns-3, columnsOf(end)+1)),
	}
}

// probeMark is what a traffic chart needs of a Probe.
type probeMark struct {
	at      time.Time
	version string
	ok      bool
}

// chartMargin is what a traffic chart shows around what is worth seeing.
const chartMargin = 2 * time.Second

// chartRange finds the part worth seeing: from shortly before the answers began
// to change to shortly after; everything when nothing changed.
func chartRange(probes []probeMark) (from, to time.Time) {
	if len(probes) == 0 {
		return from, to
	}
	usual := func(i int) bool { return probes[i].ok && probes[i].version == probes[0].version }
	first := 0
	for first < len(probes) && usual(first) {
		first++
	}
	from, to = probes[0].at, probes[len(probes)-1].at
	if first == len(probes) {
		return from, to
	}
	last := len(probes) - 1
	for last > first && probes[last].ok && probes[last].version == probes[len(probes)-1].version {
		last--
	}
	if early := probes[first].at.Add(-chartMargin); early.After(from) {
		from = early
	}
	if late := probes[last].at.Add(chartMargin); late.Before(to) {
		to = late
	}
	return from, to
}

// drawTraffic draws who answered when: a line for each version, and one for
// the requests that were lost, called lost.
func drawTraffic(probes []probeMark, from, to time.Time, lost string) string {
	var rows []string
	anyLost := false
	probes = slices.DeleteFunc(slices.Clone(probes), func(p probeMark) bool { return p.at.Before(from) || p.at.After(to) })
	slices.SortStableFunc(probes, func(a, b probeMark) int { return a.at.Compare(b.at) })
	for _, p := range probes {
		anyLost = anyLost || !p.ok
		if p.ok && !slices.Contains(rows, p.version) {
			rows = append(rows, p.version)
		}
	}
	if len(probes) == 0 {
		return ""
	}
	slices.Sort(rows)
	labelWidth := 0
	for _, r := range rows {
		labelWidth = max(labelWidth, columnsOf(r))
	}
	if anyLost {
		labelWidth = max(labelWidth, columnsOf(lost))
	}
	columns := drawWidth - labelWidth - 2
	total := max(to.Sub(from), time.Millisecond)
	counts, misses, most := map[string][]int{}, make([]int, columns), 0
	all := make([]int, columns)
	for _, r := range rows {
		counts[r] = make([]int, columns)
	}
	for _, p := range probes {
		i := min(int(float64(p.at.Sub(from))/float64(total)*float64(columns)), columns-1)
		if all[i]++; all[i] > most {
			most = all[i]
		}
		if p.ok {
			counts[p.version][i]++
		} else {
			misses[i]++
		}
	}
	var lines []string
	for _, r := range rows {
		line := pad(r, labelWidth) + " │"
		for i := range columns {
			// A share of what was asked in this column, so that an uneven
			// rate does not look like trouble.
			line += level(proportion(float64(counts[r][i]), float64(max(all[i], 1)), 8))
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	if anyLost {
		line := pad(lost, labelWidth) + " │"
		for i := range columns {
			line += map[bool]string{true: "×", false: " "}[misses[i] > 0]
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.Join(append(lines, axis(labelWidth+1, columns, total)...), "\n")
}

// branch is an entry of a tree.
type branch struct {
	text  string
	under []branch
}

// drawTree draws a title with branches below it.
func drawTree(title string, branches []branch) string {
	lines := []string{title}
	var draw func(prefix string, all []branch)
	draw = func(prefix string, all []branch) {
		for i, b := range all {
			mark, below := "├─ ", "│  "
			if i == len(all)-1 {
				mark, below = "└─ ", "   "
			}
			lines = append(lines, prefix+mark+b.text)
			draw(prefix+below, b.under)
		}
	}
	if len(branches) == 0 {
		branches = []branch{{text: "<none>"}} // as kubectl says it
	}
	draw("  ", branches)
	return strings.Join(lines, "\n")
}

// drawTable sets rows into columns.
func drawTable(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(pad(cell, widths[i]+2))
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return strings.Join(lines, "\n")
}

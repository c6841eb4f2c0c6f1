package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var gvrAutoscalers = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// hpaSample is what a HorizontalPodAutoscaler said at one moment. CPU is in
// percent of the request; -1 stands for <unknown>.
type hpaSample struct {
	at                time.Time
	name              string
	uid               types.UID
	current, target   int
	replicas, desired int
	min, max          int
}

// maxSamples bounds the memory of the chart; only changes are kept.
const maxSamples = 512

// hpaChart remembers what the first HPA of a namespace said and draws it:
// usage and Pods over time. The zero value is a chart without an HPA, which
// has no lines.
type hpaChart struct {
	samples []hpaSample
	now     time.Time
}

// hpaStateOf reads the first HPA of the namespace, by name; nil for none.
func hpaStateOf(list []*unstructured.Unstructured, namespace string) *hpaSample {
	var found *unstructured.Unstructured
	for _, o := range list {
		if o.GetNamespace() == namespace && (found == nil || o.GetName() < found.GetName()) {
			found = o
		}
	}
	if found == nil {
		return nil
	}
	s := &hpaSample{
		name: found.GetName(), uid: found.GetUID(), current: -1, target: -1,
		replicas: intAt(found, "status", "currentReplicas"), desired: intAt(found, "status", "desiredReplicas"),
		min: max(intAt(found, "spec", "minReplicas"), 1), max: intAt(found, "spec", "maxReplicas"),
	}
	if n, ok := utilization(found, "target", "spec", "metrics"); ok {
		s.target = n
	}
	if n, ok := utilization(found, "current", "status", "currentMetrics"); ok {
		s.current = n
	}
	return s
}

// utilization is the averageUtilization of the first metric that has one.
func utilization(o *unstructured.Unstructured, field string, path ...string) (int, bool) {
	metrics, _, _ := unstructured.NestedSlice(o.Object, path...)
	for _, m := range metrics {
		metric, ok := m.(map[string]any)
		if !ok {
			continue
		}
		if n, found, err := unstructured.NestedInt64(metric, "resource", field, "averageUtilization"); found && err == nil {
			return int(n), true
		}
	}
	return 0, false
}

// take adds what the HPA says now. Another HPA begins a new chart.
func (c *hpaChart) take(s *hpaSample, now time.Time) {
	c.now = now
	if s == nil {
		c.samples = nil
		return
	}
	s.at = now
	if n := len(c.samples); n > 0 {
		last := c.samples[n-1]
		if last.uid != s.uid {
			c.samples = nil
		} else if last.at = now; last == *s {
			return
		}
	}
	if len(c.samples) == maxSamples {
		c.samples = slices.Delete(c.samples, 0, maxSamples/2)
	}
	c.samples = append(c.samples, *s)
}

// How much room a chart takes, and what there must be beside it.
const (
	chartBesides  = 10 // lines for the tree and the Events
	chartTallest  = 7  // header, three rows of usage, two of Pods, and the axis
	chartShortest = 3  // header and a row each
	chartLabel    = 9  // columns for the marks on the left
	chartLeast    = 24 // columns
	// A column is this much time; when the whole story would not fit, more.
	chartFinest  = 2 * time.Second
	chartLongest = 15 * time.Minute
)

// lines draws the chart for a pane of this size: none when there is no HPA or
// no room. Each line is exactly as wide as the pane.
func (c *hpaChart) lines(r rect, s *styles) []string {
	room := min(r.h-chartBesides, chartTallest)
	if len(c.samples) == 0 || room < chartShortest || r.w < chartLeast {
		return nil
	}
	last := c.samples[len(c.samples)-1]
	columns := r.w - chartLabel - 1
	step := max(chartFinest, (min(c.now.Sub(c.samples[0].at), chartLongest) / time.Duration(columns)).Round(time.Second))
	slots := c.slots(columns, step)

	out := []string{c.header(last, r.w, s)}
	usageRows, podRows := 1, 1
	if room == chartTallest {
		usageRows, podRows = 3, 2
	}
	top := 2 * max(last.target, 1)
	for _, v := range slots {
		top = max(top, v.current)
	}
	for row := range usageRows {
		label := ""
		switch row {
		case 0:
			label = fmt.Sprintf("cpu %d%%", top)
		case usageRows - 1:
			label = "0%"
		}
		out = append(out, rowLine(label, usageRow(slots, usageRows, row, top, s), s))
	}
	for row := range podRows {
		label := fmt.Sprintf("max %d", last.max)
		if row > 0 {
			label = fmt.Sprintf("min %d", last.min)
		}
		out = append(out, rowLine(label, podRow(slots, podRows, row, last, s), s))
	}
	if room == chartTallest {
		out = append(out, axisLine(columns, step, s))
	}
	for i := range out {
		out[i] = fit(out[i], r.w)
	}
	return out
}

// slots are the samples column by column, the newest last. A column before the
// first sample has no name.
func (c *hpaChart) slots(columns int, step time.Duration) []hpaSample {
	out := make([]hpaSample, columns)
	// Columns end at whole steps, so that a chart moves on without flickering.
	end := c.now.Truncate(step).Add(step)
	at := 0
	for i := range out {
		until := end.Add(-time.Duration(columns-1-i) * step)
		for at < len(c.samples) && c.samples[at].at.Before(until) {
			at++
		}
		if at > 0 {
			out[i] = c.samples[at-1]
		} else {
			out[i].current = -1
		}
	}
	return out
}

func (c *hpaChart) header(last hpaSample, width int, s *styles) string {
	usage := "<unknown>"
	ink := s.wait
	if last.current >= 0 {
		usage, ink = fmt.Sprintf("%d%%", last.current), s.good
		if last.current > last.target {
			ink = s.wait
		}
	}
	target := "-"
	if last.target >= 0 {
		target = fmt.Sprintf("%d%%", last.target)
	}
	pods := itoa(last.replicas)
	if last.desired != last.replicas && last.desired > 0 {
		pods += " → " + itoa(last.desired)
	}
	line := s.heading.Render("hpa/"+last.name) + "  " + s.dim.Render("cpu ") + ink.Render(usage) + s.dim.Render("/"+target) +
		"  " + s.dim.Render("pods ") + s.text.Render(pods) + " "
	return line + s.border.Render(strings.Repeat("─", max(width-ansi.StringWidth(line), 0)))
}

func rowLine(label, row string, s *styles) string {
	return s.dim.Render(strings.Repeat(" ", max(chartLabel-1-ansi.StringWidth(label), 0))+label) + s.border.Render("┤") + row
}

// usageRow is one row of the usage, row 0 the highest. Where no bar stands the
// target is drawn as a line.
func usageRow(slots []hpaSample, rows, row, top int, s *styles) string {
	var runs inkRuns
	for _, v := range slots {
		glyph, ink := barGlyph(v.current, top, rows, row), s.good
		if v.current > v.target {
			ink = s.wait
		}
		if glyph == ' ' && v.name != "" && v.target > 0 && rows > 1 && targetRow(v.target, top, rows) == row {
			glyph, ink = '┄', s.border
		}
		runs.add(glyph, ink)
	}
	return runs.done()
}

// targetRow is the row in which a value lies.
func targetRow(value, top, rows int) int {
	return rows - 1 - min(value*rows/top, rows-1)
}

// podRow is one row of the Pods; a full bar is the maximum. The columns in
// which the HPA wanted another number are marked by colour.
func podRow(slots []hpaSample, rows, row int, last hpaSample, s *styles) string {
	var runs inkRuns
	for _, v := range slots {
		n, ink := v.replicas, s.accent
		if v.name == "" {
			n = -1
		}
		if v.desired != v.replicas {
			ink = s.wait
		}
		runs.add(barGlyph(n, max(last.max, 1), rows, row), ink)
	}
	return runs.done()
}

// barGlyph is the piece of a bar of this value in one row, in eighths of the row.
// What is not nothing shows at least one eighth.
func barGlyph(value, top, rows, row int) rune {
	if value < 0 {
		return ' '
	}
	eighths := min((value*rows*8+top/2)/top, rows*8)
	if value > 0 {
		eighths = max(eighths, 1)
	}
	eighths -= (rows - 1 - row) * 8
	return []rune(" ▁▂▃▄▅▆▇█")[min(max(eighths, 0), 8)]
}

// axisLine says how long ago the columns are.
func axisLine(columns int, step time.Duration, s *styles) string {
	span := time.Duration(columns) * step
	left := "-" + age(span)
	return strings.Repeat(" ", chartLabel) + s.dim.Render(spread(left, "0s", columns))
}

// inkRuns colours runs of glyphs, not each by itself.
type inkRuns struct {
	out, run strings.Builder
	ink      ink
}

func (r *inkRuns) add(glyph rune, ink ink) {
	if ink != r.ink {
		r.flush()
		r.ink = ink
	}
	r.run.WriteRune(glyph)
}

func (r *inkRuns) flush() {
	r.out.WriteString(r.ink.Render(r.run.String()))
	r.run.Reset()
}

func (r *inkRuns) done() string {
	r.flush()
	return r.out.String()
}

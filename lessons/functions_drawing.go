package lessons

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// drawingFunctions draw what was recorded, as text of several lines.
func drawingFunctions() functionGroup {
	drawing := func(name string, calls [][]param, doc, example string, draw func(a *activation, args []ref.Val) (string, error)) function {
		return function{name: name, calls: calls, result: cel.StringType, doc: doc, example: example, read: func(a *activation, args []ref.Val) ref.Val {
			return drawn(draw(a, args))
		}}
	}
	return functionGroup{
		title:  "Drawings",
		values: true,
		text: "A drawing is text of several lines, at most 44 columns wide: the lesson's pane on a screen of 100 columns. Whatever differs between " +
			"languages stays out of it; names, numbers, times and Kubernetes' own words go in.",
		functions: []function{
			drawing("timeline", [][]param{{listParam("moments")}, {listParam("moments"), timeParam("since")}},
				"a line for each moment, in order, with its offset from `since` (default: the first). A moment is one of `moments(…)`, or a map "+
					"`{'at': …, 'text': …}` with an optional `name`. Of more than 18 lines the middle is left out",
				"timeline(moments('pods').filter(m, m.what in ['Ready', 'Terminating']))",
				func(_ *activation, args []ref.Val) (string, error) { return timelineOf(args) }),
			drawing("bars", oneCall(anyParam("entries")),
				"bars in proportion, from a list of `{'label': …, 'value': …}` or a map of labels to values; a value is a number or a duration",
				"bars(trafficOf('answers').pods)",
				func(_ *activation, args []ref.Val) (string, error) { return barsOf(native(args[0])) }),
			drawing("plot", [][]param{{listParam("points")}, {listParam("points"), timeParam("end")}},
				"a number over time, from a list of `{'at': …, 'value': …}`. Each value holds until the next; the last one until `end` (default: now, or "+
					"when the step was met)",
				"plot(history('deployments').map(h, {'at': h.at, 'value': h.new.spec.replicas}))",
				plotOf),
			drawing("trafficChart", [][]param{{}, {timeParam("from"), timeParam("to")}},
				"which version answered when, with a line of × where requests were lost; default: the part in which the answers changed, and two seconds "+
					"around it",
				"trafficChart()",
				func(a *activation, args []ref.Val) (string, error) { return trafficChart(a, args), nil }),
			drawing("tree", oneCall(textParam("title"), listParam("items")),
				"a title with branches; an item is a text, or a map `{'text': …, 'items': […]}`",
				"tree('service/go-api', endpoints('go-api').map(e, (e.ready ? '● ' : '○ ') + e.ip))",
				func(_ *activation, args []ref.Val) (string, error) {
					items, err := branchesOf(native(args[1]))
					return drawTree(textOf(args[0]), items), err
				}),
			drawing("table", oneCall(listParam("rows")),
				"a list of rows, each a list of cells, in columns",
				"table(list('pods').map(p, [p.metadata.name, p.status.podIP]))",
				func(_ *activation, args []ref.Val) (string, error) { return tableOf(native(args[0])) }),
		},
	}
}

// drawn is a drawing as a CEL value; one that shows nothing has no value.
func drawn(s string, err error) ref.Val {
	if err == nil && s == "" {
		err = errNoValue
	}
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(s)
}

// items are the maps of a list.
func items(v any, function string) ([]map[string]any, error) {
	all, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s needs a list", function)
	}
	out := make([]map[string]any, 0, len(all))
	for _, item := range all {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s needs a list of maps", function)
		}
		out = append(out, m)
	}
	return out, nil
}

func timelineOf(v []ref.Val) (string, error) {
	all, err := items(native(v[0]), "timeline")
	if err != nil {
		return "", err
	}
	moments := make([]moment, 0, len(all))
	for _, m := range all {
		at, ok := m["at"].(time.Time)
		if !ok {
			return "", errors.New("timeline: a moment needs at, a time")
		}
		one := moment{at: at}
		one.name, _ = m["name"].(string)
		if one.text, ok = m["text"].(string); !ok {
			one.text, _ = m["what"].(string)
		}
		moments = append(moments, one)
	}
	if len(moments) == 0 {
		return "", errNoValue
	}
	since := slices.MinFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) }).at
	if len(v) > 1 {
		since = v[1].Value().(time.Time)
	}
	return drawTimeline(moments, since), nil
}

// number is a value as a length, and as it is shown.
func number(v any) (float64, string, bool) {
	switch x := v.(type) {
	case time.Duration:
		return x.Seconds(), span(x), true
	case int64:
		return float64(x), plain(x), true
	case uint64:
		return float64(x), plain(x), true
	case float64:
		return x, plain(x), true
	}
	return 0, "", false
}

// barsOf takes maps of label and value, or one map of labels to values.
func barsOf(v any) (string, error) {
	var bars []bar
	if m, ok := v.(map[string]any); ok {
		for _, label := range sortedKeys(m) {
			n, shown, ok := number(m[label])
			if !ok {
				return "", fmt.Errorf("bars: %q is not a number or a duration", label)
			}
			bars = append(bars, bar{label, shown, n})
		}
		return drawBars(bars), nil
	}
	all, err := items(v, "bars")
	if err != nil {
		return "", err
	}
	for _, m := range all {
		n, shown, ok := number(m["value"])
		if !ok {
			return "", errors.New("bars: an entry needs value, a number or a duration")
		}
		bars = append(bars, bar{plain(m["label"]), shown, n})
	}
	return drawBars(bars), nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func plotOf(a *activation, v []ref.Val) (string, error) {
	all, err := items(native(v[0]), "plot")
	if err != nil {
		return "", err
	}
	points := make([]point, 0, len(all))
	for _, m := range all {
		at, ok := m["at"].(time.Time)
		n, _, isNumber := number(m["value"])
		if !ok || !isNumber {
			return "", errors.New("plot: a point needs at, a time, and value, a number")
		}
		points = append(points, point{at, n})
	}
	end := a.live.end()
	if len(v) > 1 {
		end = v[1].Value().(time.Time)
	}
	return drawPlot(points, end), nil
}

func trafficChart(a *activation, v []ref.Val) string {
	probes := a.live.probes()
	from, to := chartRange(probes)
	if len(v) == 2 {
		from, to = v[0].Value().(time.Time), v[1].Value().(time.Time)
	}
	return drawTraffic(probes, from, to, a.live.say("chart-lost"))
}

// branchesOf reads what a tree holds: texts, or maps of text and items.
func branchesOf(v any) ([]branch, error) {
	all, ok := v.([]any)
	if !ok {
		return nil, errors.New("tree needs a list")
	}
	out := make([]branch, 0, len(all))
	for _, item := range all {
		m, ok := item.(map[string]any)
		if !ok {
			out = append(out, branch{text: plain(item)})
			continue
		}
		b := branch{text: plain(m["text"])}
		if under, ok := m["items"]; ok {
			var err error
			if b.under, err = branchesOf(under); err != nil {
				return nil, err
			}
		}
		out = append(out, b)
	}
	return out, nil
}

func tableOf(v any) (string, error) {
	all, ok := v.([]any)
	if !ok {
		return "", errors.New("table needs a list of rows")
	}
	rows := make([][]string, 0, len(all))
	for _, item := range all {
		cells, ok := item.([]any)
		if !ok {
			return "", errors.New("table needs a list of rows, each a list of cells")
		}
		row := make([]string, 0, len(cells))
		for _, cell := range cells {
			row = append(row, plain(cell))
		}
		rows = append(rows, row)
	}
	return drawTable(rows), nil
}

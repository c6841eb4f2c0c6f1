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

// recording is what the functions of live text read of an engine: what was
// seen since the step began.
type recording struct {
	metAt   func(check string) (time.Time, bool) // "": the whole step
	met     func(check string) (met, known bool)
	done    func(step string) bool
	solved  func() []string
	history func(resource string) []any
	moments func(resource, name string) []any
	runs    func(pod string) []any
	traffic func(check string) (map[string]any, bool)
	probes  func() []probeMark
	// end is when the step was met, else now.
	end func() time.Time
	say func(id string) string
}

// valueDecls are the functions that only live text may use.
func valueDecls() []cel.EnvOption {
	str, dyn, stamp := cel.StringType, cel.DynType, cel.TimestampType
	list := cel.ListType(dyn)
	late := func(name string, result *cel.Type, overloads ...[]*cel.Type) cel.EnvOption {
		options := make([]cel.FunctionOpt, 0, len(overloads))
		for i, args := range overloads {
			options = append(options, cel.Overload(name+"_"+string(rune('a'+i)), args, result, cel.LateFunctionBinding()))
		}
		return cel.Function(name, options...)
	}
	args := func(t ...*cel.Type) []*cel.Type { return t }
	return []cel.EnvOption{
		late("metAt", stamp, args(), args(str)),
		late("met", cel.BoolType, args(str)),
		late("done", cel.BoolType, args(str)),
		late("solved", cel.ListType(str), args()),
		late("history", list, args(str)),
		late("moments", list, args(str), args(str, dyn)),
		late("runs", list, args(dyn)),
		late("trafficOf", dyn, args(str)),
		late("timeline", str, args(list), args(list, stamp)),
		late("bars", str, args(dyn)),
		late("plot", str, args(list), args(list, stamp)),
		late("trafficChart", str, args(), args(stamp, stamp)),
		late("tree", str, args(str, list)),
		late("table", str, args(list)),
	}
}

// functions binds the functions of valueDecls.
func (r *recording) functions() map[string]cel.LateBoundFunction {
	value := func(v any, ok bool) ref.Val {
		if !ok {
			return types.WrapErr(errNoValue)
		}
		return toVal(v)
	}
	drawn := func(s string, err error) ref.Val {
		if err == nil && s == "" {
			err = errNoValue
		}
		if err != nil {
			return types.WrapErr(err)
		}
		return types.String(s)
	}
	return map[string]cel.LateBoundFunction{
		"metAt": func(_ string, v ...ref.Val) ref.Val {
			check := ""
			if len(v) > 0 {
				check = text(v[0])
			}
			t, ok := r.metAt(check)
			return value(t, ok)
		},
		"met": func(_ string, v ...ref.Val) ref.Val {
			met, known := r.met(text(v[0]))
			return value(met, known)
		},
		"done":    func(_ string, v ...ref.Val) ref.Val { return types.Bool(r.done(text(v[0]))) },
		"solved":  func(string, ...ref.Val) ref.Val { return toVal(r.solved()) },
		"history": func(_ string, v ...ref.Val) ref.Val { return toVal(r.history(text(v[0]))) },
		"moments": func(_ string, v ...ref.Val) ref.Val {
			name := ""
			if len(v) > 1 {
				name = text(v[1])
			}
			return toVal(r.moments(text(v[0]), name))
		},
		"runs": func(_ string, v ...ref.Val) ref.Val { return toVal(r.runs(text(v[0]))) },
		"trafficOf": func(_ string, v ...ref.Val) ref.Val {
			t, ok := r.traffic(text(v[0]))
			return value(t, ok)
		},
		"timeline":     func(_ string, v ...ref.Val) ref.Val { return drawn(timelineOf(v)) },
		"bars":         func(_ string, v ...ref.Val) ref.Val { return drawn(barsOf(native(v[0]))) },
		"plot":         func(_ string, v ...ref.Val) ref.Val { return drawn(r.plotOf(v)) },
		"trafficChart": func(_ string, v ...ref.Val) ref.Val { return drawn(r.trafficChart(v), nil) },
		"tree": func(_ string, v ...ref.Val) ref.Val {
			items, err := branchesOf(native(v[1]))
			return drawn(drawTree(text(v[0]), items), err)
		},
		"table": func(_ string, v ...ref.Val) ref.Val { return drawn(tableOf(native(v[0]))) },
	}
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
				return "", fmt.Errorf("bars: %q is no number or duration", label)
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

func (r *recording) plotOf(v []ref.Val) (string, error) {
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
	end := r.end()
	if len(v) > 1 {
		end = v[1].Value().(time.Time)
	}
	return drawPlot(points, end), nil
}

func (r *recording) trafficChart(v []ref.Val) string {
	probes := r.probes()
	from, to := chartRange(probes)
	if len(v) == 2 {
		from, to = v[0].Value().(time.Time), v[1].Value().(time.Time)
	}
	return drawTraffic(probes, from, to, r.say("chart-lost"))
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

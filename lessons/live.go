package lessons

import (
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
)

// Live works out a value of the present step for its text; false while it
// can't be worked out.
func (e *Engine) Live(name string) (string, bool) {
	switch {
	case name == "namespace":
		return e.namespace, true
	case name == "seed" && e.seed > 0:
		return strconv.Itoa(e.seed), true
	}
	if e.step == nil || !e.began {
		return "", false
	}
	x, ok := e.step.Values[name]
	if !ok || x.program == nil {
		return "", false
	}
	v, err := x.program.eval(e.act, nil)
	if err != nil || v == types.NullValue {
		return "", false
	}
	switch v := v.(type) {
	case types.Duration:
		// What "took" less than nothing didn't happen in the order that the text
		// tells; a text without the figure is better than one that lies.
		return plain(v.Duration), v.Duration >= 0
	case types.Timestamp:
		return plain(v.Time), true
	}
	if _, isMap := native(v).(map[string]any); isMap {
		return show(native(v)), true
	}
	parts := stringsOf(v)
	if len(parts) == 0 {
		return "", false
	}
	return strings.Join(parts, ", "), true
}

// Started is when the present step began.
func (e *Engine) Started() time.Time { return e.started }

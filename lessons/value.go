package lessons

import (
	"fmt"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types/ref"
)

func stringsOf(v ref.Val) []string {
	switch x := native(v).(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, 0, len(x))
		for _, item := range x {
			out = append(out, plain(item))
		}
		return out
	case []string:
		return x
	default:
		return []string{plain(x)}
	}
}

// plain is a value as a learner would type it.
func plain(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case time.Duration:
		return fmt.Sprintf("%.1f s", x.Seconds())
	case time.Time:
		return x.Local().Format(time.TimeOnly)
	}
	return fmt.Sprint(v)
}

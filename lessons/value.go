package lessons

import (
	"fmt"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// toVal turns a Go value into CEL's; an error becomes CEL's error.
func toVal(v any) ref.Val {
	switch x := v.(type) {
	case nil:
		return types.NullValue
	case error:
		return types.WrapErr(x)
	case *unstructured.Unstructured:
		if x == nil {
			return types.NullValue
		}
		return types.DefaultTypeAdapter.NativeToValue(x.Object)
	case []*unstructured.Unstructured:
		items := make([]any, len(x))
		for i := range x {
			items[i] = x[i].Object
		}
		return types.DefaultTypeAdapter.NativeToValue(items)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// native turns a CEL value back into Go's: maps, slices, strings, numbers.
func native(v ref.Val) any {
	if v == nil || v == types.NullValue {
		return nil
	}
	switch x := v.Value().(type) {
	case map[ref.Val]ref.Val:
		out := make(map[string]any, len(x))
		for k, item := range x {
			if name, ok := k.Value().(string); ok {
				out[name] = native(item)
			}
		}
		return out
	case []ref.Val:
		out := make([]any, len(x))
		for i := range x {
			out[i] = native(x[i])
		}
		return out
	case ref.Val:
		return native(x)
	default:
		return x
	}
}

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

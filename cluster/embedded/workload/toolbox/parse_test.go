package toolbox

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestGetopt(t *testing.T) {
	tests := []struct {
		args, short string
		long        []string
		opts, rest  string
		problem     string
	}{
		{"-q -O - url", "qO:", nil, "[{q } {O -}]", "[url]", ""},
		{"-qO- url", "qO:", nil, "[{q } {O -}]", "[url]", ""},
		{"url -q", "q", nil, "[{q }]", "[url]", ""},
		{"url -q", "+q", nil, "[]", "[url -q]", ""},
		{"-- -q", "q", nil, "[]", "[-q]", ""},
		{"-", "q", nil, "[]", "[-]", ""},
		{"--spider --timeout=3 --timeout 4", "T:", []string{"spider", "timeout=T"}, "[{spider } {T 3} {T 4}]", "[]", ""},
		{"--header a:b", "", []string{"header:"}, "[{header a:b}]", "[]", ""},
		{"-x", "q", nil, "", "", "unrecognized option: x"},
		{"--x", "q", nil, "", "", "unrecognized option: --x"},
		{"-O", "O:", nil, "", "", "option requires an argument: O"},
		{"--header", "", []string{"header:"}, "", "", "option requires an argument: header"},
		{"-:", "O:", nil, "", "", "unrecognized option: :"},
	}
	for _, tt := range tests {
		opts, rest, err := getopt(strings.Fields(tt.args), tt.short, tt.long...)
		if tt.problem != "" {
			if err == nil || err.Error() != tt.problem {
				t.Errorf("%q: error %v, want %q", tt.args, err, tt.problem)
			}
			continue
		}
		if err != nil || fmt.Sprint(opts) != tt.opts || fmt.Sprint(rest) != tt.rest {
			t.Errorf("%q: %v %v %v, want %s %s", tt.args, opts, rest, err, tt.opts, tt.rest)
		}
	}
}

func TestBasicToGo(t *testing.T) {
	for in, want := range map[string]string{
		`a+b`: `a\+b`, `a\+b`: `a+b`, `\(a\)\{2\}`: `(a){2}`, `(a)`: `\(a\)`, `[+(]`: `[+(]`, `*a`: `\*a`, `a*`: `a*`, `a\.b`: `a\.b`, `a|b`: `a\|b`, `[[:alpha:]+]`: `[[:alpha:]+]`,
	} {
		if got := basicToGo(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestParseInterval(t *testing.T) {
	for in, want := range map[string]time.Duration{"5": 5 * time.Second, "0.5": time.Second / 2, "2m": 2 * time.Minute, "1d": 24 * time.Hour, "infinity": 1<<63 - 1, "1e300": 1<<63 - 1} {
		if got, err := parseInterval(in); err != nil || got != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "-1", "5x", "NaN"} {
		if got, err := parseInterval(in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestErrText(t *testing.T) {
	for want, err := range map[string]error{
		"No such file or directory": &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT},
		"Is a directory":            &fs.PathError{Op: "read", Path: "x", Err: syscall.EISDIR},
		"Something else":            errors.New("something else"),
		"Permission denied":         fmt.Errorf("wrapped: %w", syscall.EACCES),
	} {
		if got := errText(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestResolverNames(t *testing.T) {
	r := resolver{search: []string{"default.svc.cluster.local", "svc.cluster.local"}, ndots: 5}
	for in, want := range map[string][]string{
		"go-api":      {"go-api.default.svc.cluster.local.", "go-api.svc.cluster.local.", "go-api."},
		"a.b.c.d.e.f": {"a.b.c.d.e.f.", "a.b.c.d.e.f.default.svc.cluster.local.", "a.b.c.d.e.f.svc.cluster.local."},
		"full.":       {"full."},
	} {
		if got := r.names(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

func FuzzArguments(f *testing.F) {
	f.Add("-qO- --timeout=3 url", "1,3-5", "u+x,go-w", "1h")
	f.Fuzz(func(_ *testing.T, args, list, mode, interval string) {
		_, _, _ = getopt(strings.Fields(args), "+qO:T:", "spider", "timeout=T")
		_, _ = parseRanges(list)
		_, _ = parseMode(mode, 0o644)
		_, _ = parseInterval(interval)
		_, _ = parseSize(interval)
		_, _ = parseShellOptions(strings.Fields(args))
		_, _ = parseFind(strings.Fields(args))
		_, _ = parseURL(args)
		_ = trSet(list)
		_ = splitQuoted(args)
		_ = strftime(args, time.Unix(0, 0))
	})
}

func FuzzSed(f *testing.F) {
	f.Add("s/a/b/g;2,$d;/x/{p;=}", "a\nb\nx")
	f.Fuzz(func(_ *testing.T, script, text string) {
		p := &sedParser{src: script, extended: len(script)%2 == 0}
		program, err := p.parse(false)
		if err != nil {
			return
		}
		for i, line := range strings.Split(text, "\n") {
			st := &sedState{line: i + 1, space: line}
			st.run(program)
		}
	})
}

func FuzzShell(f *testing.F) {
	f.Add("echo $$ ${0##*/} $(cat <(x)) &")
	f.Fuzz(func(_ *testing.T, script string) {
		s := &shell{functions: map[string]bool{}}
		_, _ = s.parse(script)
		_ = s.evalArgs(script, []string{"eval", script})
	})
}

package toolbox

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

func xargs(c *call) int {
	opts, argv, ok := c.options("[-n MAX] [-I TEXT] [-0rt] [COMMAND [ARGUMENTS]]", "+n:I:0rtP:d:")
	if !ok {
		return exitError
	}
	limit, replace, zero, skipEmpty, trace, separator := 5000, "", false, false, false, ""
	for _, o := range opts {
		switch o.name {
		case "n":
			n, err := strconv.Atoi(o.value)
			if err != nil || n < 1 {
				return c.fail("invalid number '%s'", o.value)
			}
			limit = n
		case "I":
			replace = o.value
		case "0":
			zero = true
		case "r":
			skipEmpty = true
		case "t":
			trace = true
		case "d":
			separator = trString(o.value)
		}
	}
	if len(argv) == 0 {
		argv = []string{"echo"}
	}
	data, err := io.ReadAll(io.LimitReader(c.in, 64<<20))
	if err != nil {
		return exitError
	}
	var items []string
	switch {
	case zero:
		items = strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	case separator != "":
		items = strings.Split(strings.TrimSuffix(string(data), separator), separator)
	case replace != "":
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" {
				items = append(items, line)
			}
		}
		limit = 1
	default:
		items = splitQuoted(string(data))
	}
	if len(items) == 0 {
		if skipEmpty || replace != "" {
			return exitOK
		}
		return c.runEmpty(argv, trace)
	}
	code := exitOK
	for group := range slices.Chunk(items, limit) {
		args := append(slices.Clone(argv), group...)
		if replace != "" {
			args = slices.Clone(argv)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], replace, group[0])
			}
		}
		if n := c.runEmpty(args, trace); n != exitOK {
			code = 123
			if n >= exitNotRunnable {
				code = n
			}
		}
		if c.ctx.Err() != nil {
			return exitKilled
		}
	}
	return code
}

func trString(s string) string { return string(trSet(s)) }

// runEmpty runs a command whose input is empty, as xargs has used up its own.
func (c *call) runEmpty(args []string, trace bool) int {
	if trace {
		c.errorf("%s", strings.Join(args, " "))
	}
	d := *c
	d.in = strings.NewReader("")
	return d.run(args)
}

// splitQuoted splits at white space outside of quotes.
func splitQuoted(s string) []string {
	var out []string
	var word strings.Builder
	quote, inWord := rune(0), false
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\\':
			escaped, inWord = true, true
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case unicode.IsSpace(r):
			if inWord {
				out = append(out, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		out = append(out, word.String())
	}
	return out
}

package toolbox

import (
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// basicToGo turns a POSIX basic regular expression, with the GNU extensions
// \+ \? \|, into Go's syntax: what is special without a backslash there is
// special with one here, and the other way round.
func basicToGo(s string) string {
	var b strings.Builder
	inSet := false
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case inSet:
			b.WriteByte(ch)
			if ch == ']' && s[i-1] != '[' && s[i-1] != '^' {
				inSet = false
			} else if ch == '[' && i+1 < len(s) && s[i+1] == ':' {
				if end := strings.Index(s[i:], ":]"); end > 0 {
					b.WriteString(s[i+1 : i+end+2])
					i += end + 1
				}
			}
		case ch == '[':
			inSet = true
			b.WriteByte(ch)
		case ch == '\\' && i+1 < len(s):
			i++
			if strings.IndexByte("(){}+?|", s[i]) >= 0 {
				b.WriteByte(s[i])
			} else {
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		case strings.IndexByte("(){}+?|", ch) >= 0:
			b.WriteByte('\\')
			b.WriteByte(ch)
		case ch == '*' && (i == 0 || s[i-1] == '^' && i == 1):
			b.WriteString(`\*`)
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

// compilePattern compiles a basic or extended expression.
func compilePattern(s string, extended, fold bool) (*regexp.Regexp, error) {
	if !extended {
		s = basicToGo(s)
	}
	s = strings.NewReplacer(`\<`, `\b`, `\>`, `\b`).Replace(s)
	if fold {
		s = "(?i)" + s
	}
	return regexp.Compile(s)
}

type grepOptions struct {
	invert, count, quiet, only, number, list, noName, withName, silent, recursive bool
	before, after, limit                                                          int
	re                                                                            *regexp.Regexp
}

func grep(c *call) int {
	opts, rest, ok := c.options("[-ivcEFqonlhHswxr] [-A N] [-B N] [-C N] [-m N] PATTERN [FILE]...", "ivcEFGqonlhHswxrRe:A:B:C:m:",
		"color", "color:", "line-buffered", "ignore-case=i", "invert-match=v", "count=c", "quiet=q", "only-matching=o", "line-number=n")
	if !ok {
		return exitUsage
	}
	var o grepOptions
	o.limit = -1
	extended, fixed := c.name == "egrep", c.name == "fgrep"
	var fold, word, whole bool
	var patterns []string
	for _, opt := range opts {
		n := int(leadingNumber(opt.value, false))
		switch opt.name {
		case "i":
			fold = true
		case "v":
			o.invert = true
		case "c":
			o.count = true
		case "E":
			extended = true
		case "F":
			fixed = true
		case "q":
			o.quiet = true
		case "o":
			o.only = true
		case "n":
			o.number = true
		case "l":
			o.list = true
		case "h":
			o.noName = true
		case "H":
			o.withName = true
		case "s":
			o.silent = true
		case "w":
			word = true
		case "x":
			whole = true
		case "r", "R":
			o.recursive = true
		case "e":
			patterns = append(patterns, opt.value)
		case "A":
			o.after = n
		case "B":
			o.before = n
		case "C":
			o.before, o.after = n, n
		case "m":
			o.limit = n
		}
	}
	if len(patterns) == 0 {
		if len(rest) == 0 {
			return c.usage("[-ivcEFqonl] PATTERN [FILE]...") + 1
		}
		patterns, rest = rest[:1], rest[1:]
	}
	var alternatives []string
	for _, p := range strings.Split(strings.Join(patterns, "\n"), "\n") {
		switch {
		case fixed:
			p = regexp.QuoteMeta(p)
		case !extended:
			p = basicToGo(p)
		}
		if word {
			p = `\b(?:` + p + `)\b`
		}
		if whole {
			p = `^(?:` + p + `)$`
		}
		alternatives = append(alternatives, "(?:"+p+")")
	}
	re, err := compilePattern(strings.Join(alternatives, "|"), true, fold)
	if err != nil {
		c.errorf("%s: bad regex '%s': %v", c.name, strings.Join(patterns, "\n"), err)
		return exitUsage
	}
	o.re = re
	return c.grepAll(rest, o)
}

func (c *call) grepAll(names []string, o grepOptions) int {
	if o.recursive {
		if len(names) == 0 {
			names = []string{"."}
		}
		names = c.filesBelow(names)
		o.withName = !o.noName
	}
	matched, failed := false, false
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		r, err := c.openInput(name)
		if err != nil {
			if !o.silent {
				c.errorf("%s: %s: %s", c.name, name, errText(err))
			}
			failed = true
			continue
		}
		label := ""
		if (len(names) > 1 || o.withName) && !o.noName {
			label = name + ":"
		}
		n := c.grepOne(name, label, r, o)
		_ = r.Close() // it was only read
		matched = matched || n > 0
		if c.bad != nil || c.ctx.Err() != nil || matched && o.quiet {
			break
		}
	}
	switch {
	case c.bad != nil:
		return c.done()
	case matched && (o.quiet || !failed):
		return exitOK
	case failed:
		return exitUsage
	}
	return exitError
}

func (c *call) grepOne(name, label string, r io.Reader, o grepOptions) (matches int) {
	line, shownTo, trailing := 0, 0, 0
	var before []string
	show := func(n int, sep, text string) {
		prefix := strings.TrimSuffix(label, ":")
		if label != "" {
			prefix += sep
		}
		if o.number {
			c.printf("%s%d%s%s\n", prefix, n, sep, text)
		} else {
			c.printf("%s%s\n", prefix, text)
		}
	}
	err := c.eachLine(r, func(b []byte) bool {
		line++
		text := string(b)
		if o.re.MatchString(text) == o.invert {
			switch {
			case trailing > 0 && !o.quiet && !o.count && !o.list:
				trailing--
				show(line, "-", text)
				shownTo = line
			case o.before > 0:
				if before = append(before, text); len(before) > o.before {
					before = before[1:]
				}
			}
			return o.limit < 0 || matches < o.limit || trailing > 0
		}
		if o.limit >= 0 && matches >= o.limit {
			return false
		}
		matches++
		switch {
		case o.quiet, o.list:
			return false
		case o.count:
			return true
		case o.only && !o.invert:
			for _, m := range o.re.FindAllString(text, -1) {
				if m != "" {
					show(line, ":", m)
				}
			}
		default:
			if (o.before > 0 || o.after > 0) && shownTo > 0 && line-len(before) > shownTo+1 {
				c.printf("--\n")
			}
			for i, t := range before {
				show(line-len(before)+i, "-", t)
			}
			show(line, ":", text)
			shownTo = line
		}
		before, trailing = nil, o.after
		return (o.limit < 0 || matches < o.limit || trailing > 0) && c.bad == nil
	})
	if err != nil && c.ctx.Err() == nil {
		c.errorf("%s: %s: %s", c.name, name, errText(err))
	}
	switch {
	case o.list && matches > 0 && !o.quiet:
		c.printf("%s\n", name)
	case o.count && !o.quiet:
		c.printf("%s%d\n", label, matches)
	}
	return matches
}

func (c *call) filesBelow(names []string) []string {
	var out []string
	for _, name := range names {
		base := c.path(name)
		err := c.walk(base, func(full string, info fs.FileInfo, _ int) bool {
			if info.Mode().IsRegular() {
				out = append(out, path.Join(name, strings.TrimPrefix(full, base)))
			}
			return true
		})
		if err != nil {
			c.errorf("%s: %s: %s", c.name, name, errText(err))
		}
	}
	return out
}

package toolbox

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func sortCommand(c *call) int {
	opts, names, ok := c.options("[-nrufhV] [-k N] [-t CHAR] [FILE]...", "nrufhVk:t:bs")
	if !ok {
		return exitError
	}
	var numeric, reverse, unique, fold, sizes bool
	key, keyEnd, separator := 0, 0, ""
	for _, o := range opts {
		switch o.name {
		case "n", "V":
			numeric = true
		case "h":
			sizes = true
		case "r":
			reverse = true
		case "u":
			unique = true
		case "f":
			fold = true
		case "t":
			separator = o.value
		case "k":
			from, to, _ := strings.Cut(o.value, ",")
			letters := strings.TrimLeft(from, "0123456789.")
			numeric = numeric || strings.Contains(letters+to, "n")
			reverse = reverse || strings.Contains(letters+to, "r")
			var err error
			if key, err = strconv.Atoi(strings.TrimSuffix(from, letters)); err != nil || key < 1 {
				return c.fail("bad field specification '%s'", o.value)
			}
			if keyEnd, err = strconv.Atoi(strings.TrimRight(to, "nrbf")); err != nil {
				keyEnd = 0
			}
		}
	}
	field := func(s string) string {
		if key == 0 {
			return s
		}
		fields := strings.Fields(s)
		if separator != "" {
			fields = strings.Split(s, separator)
		}
		if key > len(fields) {
			return ""
		}
		end := len(fields)
		if keyEnd >= key {
			end = min(keyEnd, end)
		}
		return strings.Join(fields[key-1:end], " ")
	}
	compare := func(a, b string) int {
		x, y := field(a), field(b)
		switch {
		case numeric:
			return cmp.Compare(leadingNumber(x, false), leadingNumber(y, false))
		case sizes:
			return cmp.Compare(leadingNumber(x, true), leadingNumber(y, true))
		case fold:
			return strings.Compare(strings.ToUpper(x), strings.ToUpper(y))
		}
		return strings.Compare(x, y)
	}
	var lines []string
	size := 0
	code := c.eachInput(names, func(_ string, r io.Reader) error {
		return c.eachLine(r, func(line []byte) bool {
			size += len(line)
			lines = append(lines, string(line))
			return size < 64<<20
		})
	})
	if size >= 64<<20 {
		return c.fail("input is larger than 64 MiB")
	}
	c.box.p.CPU.Do(func() {
		slices.SortStableFunc(lines, func(a, b string) int {
			n := compare(a, b)
			if n == 0 && !unique {
				n = strings.Compare(a, b)
			}
			if reverse {
				n = -n
			}
			return n
		})
		if unique {
			lines = slices.CompactFunc(lines, func(a, b string) bool { return compare(a, b) == 0 })
		}
	})
	for _, line := range lines {
		c.printf("%s\n", line)
	}
	return max(code, c.done())
}

// leadingNumber is the number at the start of s, with a unit if units is set.
func leadingNumber(s string, units bool) float64 {
	s = strings.TrimSpace(s)
	end := len(s) - len(strings.TrimLeft(s, "+-0123456789."))
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0
	}
	if units && end < len(s) {
		for i, u := range "KMGTP" {
			if unicode.ToUpper(rune(s[end])) == u {
				for range i + 1 {
					n *= 1024
				}
			}
		}
	}
	return n
}

func uniq(c *call) int {
	opts, names, ok := c.options("[-cdui] [INPUT]", "cdui")
	if !ok {
		return exitError
	}
	var count, repeated, single, fold bool
	for _, o := range opts {
		switch o.name {
		case "c":
			count = true
		case "d":
			repeated = true
		case "u":
			single = true
		case "i":
			fold = true
		}
	}
	var last string
	n := 0
	flush := func() {
		if n == 0 || repeated && n < 2 || single && n > 1 {
			return
		}
		if count {
			c.printf("%7d ", n)
		}
		c.printf("%s\n", last)
	}
	if len(names) > 1 {
		names = names[:1]
	}
	code := c.eachInput(names, func(_ string, r io.Reader) error {
		return c.eachLine(r, func(line []byte) bool {
			s := string(line)
			if n > 0 && (s == last || fold && strings.EqualFold(s, last)) {
				n++
				return true
			}
			flush()
			last, n = s, 1
			return true
		})
	})
	flush()
	return max(code, c.done())
}

// ranges are the numbers of "1,3-5,7-".
type ranges [][2]int

func parseRanges(s string) (ranges, error) {
	var out ranges
	for part := range strings.SplitSeq(s, ",") {
		from, to, dash := strings.Cut(part, "-")
		r := [2]int{1, 1 << 30}
		var err error
		if from != "" {
			if r[0], err = strconv.Atoi(from); err != nil {
				return nil, err
			}
		}
		if !dash {
			r[1] = r[0]
		} else if to != "" {
			if r[1], err = strconv.Atoi(to); err != nil {
				return nil, err
			}
		}
		if r[0] < 1 || r[1] < r[0] || part == "-" {
			return nil, errors.New("out of order")
		}
		out = append(out, r)
	}
	return out, nil
}

func (rs ranges) has(n int) bool {
	return slices.ContainsFunc(rs, func(r [2]int) bool { return n >= r[0] && n <= r[1] })
}

func cut(c *call) int {
	opts, names, ok := c.options("[-d CHAR] -f LIST | -c LIST [FILE]...", "d:f:c:b:s")
	if !ok {
		return exitError
	}
	delimiter, byField, onlyDelimited := "\t", false, false
	var list ranges
	for _, o := range opts {
		switch o.name {
		case "d":
			delimiter = o.value
		case "s":
			onlyDelimited = true
		default:
			var err error
			if list, err = parseRanges(o.value); err != nil {
				return c.fail("invalid list '%s'", o.value)
			}
			byField = o.name == "f"
		}
	}
	if list == nil {
		return c.fail("expected a list of bytes, characters, or fields")
	}
	return c.eachInput(names, func(_ string, r io.Reader) error {
		return c.eachLine(r, func(line []byte) bool {
			s := string(line)
			var parts []string
			glue := ""
			switch {
			case !byField:
				for i, ch := range []rune(s) {
					if list.has(i + 1) {
						parts = append(parts, string(ch))
					}
				}
			case !strings.Contains(s, delimiter):
				if onlyDelimited {
					return true
				}
				parts = []string{s}
			default:
				glue = delimiter
				for i, f := range strings.Split(s, delimiter) {
					if list.has(i + 1) {
						parts = append(parts, f)
					}
				}
			}
			c.printf("%s\n", strings.Join(parts, glue))
			return c.bad == nil
		})
	})
}

// trSet expands "a-z", "[:upper:]" and "\n".
func trSet(s string) []rune {
	classes := map[string]string{
		"[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[:lower:]": "abcdefghijklmnopqrstuvwxyz", "[:digit:]": "0123456789",
		"[:space:]": " \t\n\v\f\r", "[:blank:]": " \t", "[:punct:]": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
		"[:alpha:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
		"[:alnum:]": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
	}
	for name, chars := range classes {
		s = strings.ReplaceAll(s, name, chars)
	}
	in := []rune(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\0`, "\x00", `\\`, `\`).Replace(s))
	var out []rune
	for i := 0; i < len(in); i++ {
		if i+2 < len(in) && in[i+1] == '-' && in[i+2] >= in[i] && in[i+2]-in[i] < 1<<16 {
			for r := in[i]; r <= in[i+2]; r++ {
				out = append(out, r)
			}
			i += 2
			continue
		}
		out = append(out, in[i])
	}
	return out
}

func tr(c *call) int {
	opts, sets, ok := c.options("[-cds] SET1 [SET2]", "+cdsC")
	if !ok || len(sets) == 0 {
		return c.usage("[-cds] SET1 [SET2]")
	}
	var complement, remove, squeeze bool
	for _, o := range opts {
		complement = complement || strings.EqualFold(o.name, "c")
		remove = remove || o.name == "d"
		squeeze = squeeze || o.name == "s"
	}
	from := trSet(sets[0])
	var to []rune
	if len(sets) > 1 {
		to = trSet(sets[1])
	}
	if !remove && !squeeze && len(to) == 0 {
		return c.usage("[-cds] SET1 [SET2]")
	}
	last := rune(-1)
	translate := func(r rune) (rune, bool) {
		i := slices.Index(from, r)
		hit := (i >= 0) != complement
		if hit && remove {
			return 0, false
		}
		if hit && len(to) > 0 {
			if complement || i >= len(to) {
				i = len(to) - 1
			}
			r = to[i]
		}
		if squeeze && hit && r == last {
			return 0, false
		}
		last = r
		return r, true
	}
	buf := make([]byte, chunk)
	var part []byte
	for {
		n, err := c.in.Read(buf)
		c.box.p.CPU.Do(func() {
			data := append(part, buf[:n]...)
			var out []byte
			for len(data) > 0 && (utf8.FullRune(data) || err != nil) {
				r, size := utf8.DecodeRune(data)
				data = data[size:]
				if r, keep := translate(r); keep {
					out = utf8.AppendRune(out, r)
				}
			}
			part = bytes.Clone(data)
			c.write(out)
		})
		if err == io.EOF || c.bad != nil {
			return c.done()
		}
		if err != nil {
			return exitError
		}
	}
}

package toolbox

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// oldCount turns "-5" into "-n 5", as head and tail have it.
func oldCount(args []string) []string {
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0][1] >= '0' && args[0][1] <= '9' {
		return append([]string{"-n", args[0][1:]}, args[1:]...)
	}
	return args
}

func head(c *call) int {
	c.args = oldCount(c.args)
	opts, names, ok := c.options("[-n LINES] [-c BYTES] [FILE]...", "n:c:qv")
	if !ok {
		return exitError
	}
	count, byBytes := int64(10), false
	for _, o := range opts {
		if o.name == "n" || o.name == "c" {
			n, err := parseSize(strings.TrimPrefix(o.value, "+"))
			if err != nil {
				return c.fail("invalid number '%s'", o.value)
			}
			count, byBytes = n, o.name == "c"
		}
	}
	first := true
	return c.eachInput(names, func(name string, r io.Reader) error {
		if len(names) > 1 {
			c.heading(name, &first)
		}
		if byBytes {
			_, err := c.copy(c.out, io.LimitReader(r, count))
			return err
		}
		left := count
		if left == 0 {
			return nil
		}
		return c.eachLine(r, func(line []byte) bool {
			c.printf("%s\n", line)
			left--
			return left > 0
		})
	})
}

func (c *call) heading(name string, first *bool) {
	if !*first {
		c.printf("\n")
	}
	*first = false
	c.printf("==> %s <==\n", name)
}

func tail(c *call) int {
	c.args = oldCount(c.args)
	opts, names, ok := c.options("[-n LINES] [-c BYTES] [-f] [FILE]...", "n:c:fFqvs:", "follow=f", "lines=n")
	if !ok {
		return exitError
	}
	count, fromStart, byBytes, follow := int64(10), false, false, false
	for _, o := range opts {
		switch o.name {
		case "n", "c":
			text, plus := strings.CutPrefix(o.value, "+")
			n, err := parseSize(strings.TrimPrefix(text, "-"))
			if err != nil {
				return c.fail("invalid number '%s'", o.value)
			}
			count, fromStart, byBytes = n, plus, o.name == "c"
		case "f", "F":
			follow = true
		}
	}
	first := true
	var last *tailed
	code := c.eachInput(names, func(name string, r io.Reader) error {
		if len(names) > 1 {
			c.heading(name, &first)
		}
		t := &tailed{r: r}
		last = t
		switch {
		case byBytes:
			return c.tailBytes(t, count)
		case fromStart:
			n := int64(0)
			return c.eachLine(t, func(line []byte) bool {
				if n++; n >= count {
					c.printf("%s\n", line)
				}
				return true
			})
		}
		return c.tailLines(t, count)
	})
	if !follow || len(names) == 0 || code != exitOK {
		return code
	}
	return c.follow(names[len(names)-1], last.read)
}

// tailed counts what was read, to go on from there.
type tailed struct {
	r    io.Reader
	read int64
}

func (t *tailed) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.read += int64(n)
	return n, err
}

func (c *call) tailLines(r io.Reader, count int64) error {
	var ring [][]byte
	err := c.eachLine(r, func(line []byte) bool {
		ring = append(ring, bytes.Clone(line))
		if int64(len(ring)) > count {
			ring = ring[1:]
		}
		return true
	})
	for _, line := range ring {
		c.printf("%s\n", line)
	}
	return err
}

func (c *call) tailBytes(r io.Reader, count int64) error {
	var keep []byte
	buf := make([]byte, chunk)
	for {
		n, err := r.Read(buf)
		keep = append(keep, buf[:n]...)
		if over := int64(len(keep)) - count; over > 0 {
			keep = keep[over:]
		}
		if err == io.EOF {
			c.write(keep)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// follow prints what is added to a file. It looks twice a second, as tail does
// without inotify.
func (c *call) follow(name string, offset int64) int {
	for c.sleep(500 * time.Millisecond) {
		f, err := c.open(name, os.O_RDONLY, 0)
		if err != nil {
			continue // it may come back
		}
		if info, err := f.Stat(); err == nil && info.Size() < offset {
			offset = 0
		}
		if _, err := f.Seek(offset, io.SeekStart); err == nil {
			n, _ := c.copy(c.out, f) // a file that can't be read now may be next time
			offset += n
		}
		_ = f.Close() // it was only read
		if c.bad != nil {
			return c.done()
		}
	}
	return exitKilled
}

func wc(c *call) int {
	opts, names, ok := c.options("[-lwcm] [FILE]...", "lwcm")
	if !ok {
		return exitError
	}
	want := "lwc"
	if len(opts) > 0 {
		want = ""
		for _, o := range opts {
			want += o.name
		}
	}
	total := map[byte]int64{}
	show := func(n map[byte]int64, name string) {
		var parts []string
		for _, k := range []byte("lwmc") {
			if strings.IndexByte(want, k) >= 0 {
				parts = append(parts, strconv.FormatInt(n[k], 10))
			}
		}
		line := strings.Join(parts, "")
		if len(parts) > 1 || name != "" && len(names) > 1 {
			line = ""
			for _, p := range parts {
				line += fmt.Sprintf("%9s ", p)
			}
			line = strings.TrimSuffix(line, " ")
		}
		if name != "" {
			line += " " + name
		}
		c.printf("%s\n", line)
	}
	code := c.eachInput(names, func(name string, r io.Reader) error {
		n := map[byte]int64{}
		word := false
		buf := make([]byte, chunk)
		for {
			m, err := r.Read(buf)
			c.box.p.CPU.Do(func() {
				n['c'] += int64(m)
				n['m'] += int64(utf8.RuneCount(buf[:m]))
				for _, b := range buf[:m] {
					space := unicode.IsSpace(rune(b)) && b < 0x80
					if b == '\n' {
						n['l']++
					}
					if !space && !word {
						n['w']++
					}
					word = !space
				}
			})
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
		for k, v := range n {
			total[k] += v
		}
		if len(names) == 0 {
			name = ""
		}
		show(n, name)
		return nil
	})
	if len(names) > 1 {
		show(total, "total")
	}
	return max(code, c.done())
}

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

func seq(c *call) int {
	opts, nums, err := getopt(c.args, "+s:w")
	negative := len(c.args) > 0 && leadingNumber(c.args[0], false) < 0
	if err != nil && negative || err == nil && len(nums) == 0 {
		opts, nums, err = nil, c.args, nil
	}
	if err != nil || len(nums) < 1 || len(nums) > 3 {
		return c.usage("[FIRST [INCREMENT]] LAST")
	}
	separator := "\n"
	for _, o := range opts {
		if o.name == "s" {
			separator = o.value
		}
	}
	values := []float64{1, 1, 0}
	parsed := make([]float64, len(nums))
	for i, n := range nums {
		if parsed[i], err = strconv.ParseFloat(n, 64); err != nil {
			return c.fail("invalid number '%s'", n)
		}
	}
	switch len(parsed) {
	case 1:
		values[2] = parsed[0]
	case 2:
		values[0], values[2] = parsed[0], parsed[1]
	default:
		values = parsed
	}
	if values[1] == 0 {
		return c.fail("invalid increment '0'")
	}
	first := true
	for i := 0.0; c.bad == nil && c.ctx.Err() == nil; i += 1000 {
		more := true
		c.box.p.CPU.Do(func() {
			var b strings.Builder
			for j := i; j < i+1000; j++ {
				v := values[0] + j*values[1]
				if values[1] > 0 && v > values[2]+1e-9 || values[1] < 0 && v < values[2]-1e-9 {
					more = false
					break
				}
				if !first {
					b.WriteString(separator)
				}
				first = false
				b.WriteString(strconv.FormatFloat(v, 'f', -1, 64))
			}
			c.write([]byte(b.String()))
		})
		if !more {
			break
		}
	}
	if !first {
		c.printf("\n")
	}
	return c.done()
}

func yes(c *call) int {
	line := "y"
	if len(c.args) > 0 {
		line = strings.Join(c.args, " ")
	}
	block := []byte(strings.Repeat(line+"\n", max(8192/(len(line)+1), 1)))
	for c.bad == nil && c.ctx.Err() == nil {
		c.box.p.CPU.Do(func() {
			for range 16 {
				c.write(block)
			}
		})
	}
	return c.done()
}

func checksum(c *call) int {
	_, names, ok := c.options("[FILE]...", "bt")
	if !ok {
		return exitError
	}
	made := map[string]func() hash.Hash{"md5sum": md5.New, "sha1sum": sha1.New, "sha256sum": sha256.New, "sha512sum": sha512.New}[c.name]
	return c.eachInput(names, func(name string, r io.Reader) error {
		h := made()
		if _, err := c.copy(h, r); err != nil {
			return err
		}
		c.printf("%s  %s\n", hex.EncodeToString(h.Sum(nil)), name)
		return nil
	})
}

func base64Command(c *call) int {
	opts, names, ok := c.options("[-d] [-w COLUMNS] [FILE]", "dw:", "decode=d", "wrap=w")
	if !ok {
		return exitError
	}
	decode, width := false, 76
	for _, o := range opts {
		switch o.name {
		case "d":
			decode = true
		case "w":
			n, err := strconv.Atoi(o.value)
			if err != nil || n < 0 {
				return c.fail("invalid number '%s'", o.value)
			}
			width = n
		}
	}
	return c.eachInput(names, func(_ string, r io.Reader) error {
		data, err := io.ReadAll(io.LimitReader(contextBound{c, r}, 64<<20))
		if err != nil {
			return err
		}
		if decode {
			clean := strings.Map(func(r rune) rune {
				if unicode.IsSpace(r) {
					return -1
				}
				return r
			}, string(data))
			out, err := base64.StdEncoding.DecodeString(clean)
			c.write(out)
			if err != nil {
				return errors.New("invalid input")
			}
			return nil
		}
		text := base64.StdEncoding.EncodeToString(data)
		for width > 0 && len(text) > width {
			c.printf("%s\n", text[:width])
			text = text[width:]
		}
		c.printf("%s", text)
		if width > 0 {
			c.printf("\n")
		}
		return nil
	})
}

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

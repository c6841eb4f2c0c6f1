package toolbox

import (
	"bytes"
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

package toolbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

func cat(c *call) int {
	_, names, ok := c.options("[FILE]...", "u")
	if !ok {
		return exitError
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	code := exitOK
	for _, name := range names {
		r, err := c.openInput(name)
		if err != nil {
			verb := "can't open"
			if errText(err) == "Is a directory" {
				verb = "read error on"
			}
			code = c.fail("%s '%s': %s", verb, name, errText(err))
			continue
		}
		_, err = c.copy(c.out, r)
		_ = r.Close() // it was only read
		if c.bad != nil || c.ctx.Err() != nil {
			return c.done()
		}
		if err != nil {
			code = c.fail("%s: %s", name, errText(err))
		}
	}
	return code
}

func basename(c *call) int {
	if len(c.args) == 0 {
		return c.usage("FILE [SUFFIX]")
	}
	name := path.Base(c.args[0])
	if len(c.args) > 1 && name != c.args[1] {
		name = strings.TrimSuffix(name, c.args[1])
	}
	c.printf("%s\n", name)
	return c.done()
}

func dirname(c *call) int {
	if len(c.args) == 0 {
		return c.usage("FILE")
	}
	c.printf("%s\n", path.Dir(c.args[0]))
	return c.done()
}

func readlink(c *call) int {
	opts, names, ok := c.options("[-f] FILE", "f")
	if !ok || len(names) == 0 {
		return exitError
	}
	for _, name := range names {
		target, err := c.box.p.FS.Readlink(c.path(name))
		switch {
		case err == nil && len(opts) == 0:
			c.printf("%s\n", target)
		case err == nil:
			c.printf("%s\n", absolute(path.Dir(c.path(name)), target))
		case len(opts) > 0:
			c.printf("%s\n", c.path(name))
		default:
			return exitError
		}
	}
	return c.done()
}

func mkdir(c *call) int {
	opts, names, ok := c.options("[-p] [-m MODE] DIRECTORY...", "pm:v", "parents=p", "mode=m")
	if !ok {
		return exitError
	}
	if len(names) == 0 {
		return c.usage("[-p] DIRECTORY...")
	}
	parents := slices.ContainsFunc(opts, func(o option) bool { return o.name == "p" })
	code := exitOK
	for _, name := range names {
		err := c.box.p.FS.Mkdir(c.path(name), 0o755)
		if parents {
			err = c.mkdirAll(c.path(name))
		}
		if err != nil {
			code = c.fail("can't create directory '%s': %s", name, errText(err))
		}
	}
	return code
}

func (c *call) mkdirAll(full string) error {
	if info, err := c.box.p.FS.Stat(full); err == nil {
		if !info.IsDir() {
			return fs.ErrExist
		}
		return nil
	}
	if parent := path.Dir(full); parent != full {
		if err := c.mkdirAll(parent); err != nil {
			return err
		}
	}
	if err := c.box.p.FS.Mkdir(full, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func rmdir(c *call) int {
	code := exitOK
	for _, name := range c.args {
		entries, err := c.box.p.FS.ReadDir(c.path(name))
		switch {
		case err != nil:
			code = c.fail("'%s': %s", name, errText(err))
		case len(entries) > 0:
			code = c.fail("'%s': Directory not empty", name)
		default:
			if err := c.box.p.FS.Remove(c.path(name)); err != nil {
				code = c.fail("'%s': %s", name, errText(err))
			}
		}
	}
	return code
}

func rm(c *call) int {
	opts, names, ok := c.options("[-rf] FILE...", "rRfiv", "recursive=r", "force=f")
	if !ok {
		return exitError
	}
	var recursive, force bool
	for _, o := range opts {
		recursive = recursive || o.name == "r" || o.name == "R"
		force = force || o.name == "f"
	}
	if len(names) == 0 && !force {
		return c.usage("[-rf] FILE...")
	}
	code := exitOK
	for _, name := range names {
		full := c.path(name)
		info, err := c.box.p.FS.Lstat(full)
		switch {
		case err != nil && force:
			continue
		case err != nil:
		case full == "/":
			err = errors.New("refusing to remove the root directory")
		case info.IsDir() && !recursive:
			err = errors.New("is a directory")
			code = c.fail("'%s' %s", name, err)
			continue
		case info.IsDir():
			err = c.box.p.FS.RemoveAll(full)
		default:
			err = c.box.p.FS.Remove(full)
		}
		if err != nil {
			code = c.fail("can't remove '%s': %s", name, errText(err))
		}
	}
	return code
}

// into is where from goes when it is moved or copied to target: inside target
// if that is a folder.
func (c *call) into(from, target string) string {
	if info, err := c.stat(target, true); err == nil && info.IsDir() {
		return path.Join(c.path(target), path.Base(c.path(from)))
	}
	return c.path(target)
}

func mv(c *call) int {
	_, names, ok := c.options("SOURCE... DEST", "fn")
	if !ok || len(names) < 2 {
		return c.usage("SOURCE... DEST")
	}
	code := exitOK
	target := names[len(names)-1]
	for _, from := range names[:len(names)-1] {
		to := c.into(from, target)
		if err := c.box.p.FS.Rename(c.path(from), to); err != nil {
			// Volumes are other file systems, where only copying works.
			if _, serr := c.box.p.FS.Lstat(c.path(from)); serr != nil {
				code = c.fail("can't rename '%s': %s", from, errText(serr))
				continue
			}
			if err := c.copyTree(c.path(from), to, true); err != nil {
				code = c.fail("can't rename '%s': %s", from, errText(err))
				continue
			}
			if err := c.box.p.FS.RemoveAll(c.path(from)); err != nil {
				code = c.fail("can't remove '%s': %s", from, errText(err))
			}
		}
	}
	return code
}

func cp(c *call) int {
	opts, names, ok := c.options("[-rap] SOURCE... DEST", "rRapfd", "recursive=r", "archive=a")
	if !ok || len(names) < 2 {
		return c.usage("[-r] SOURCE... DEST")
	}
	recursive := slices.ContainsFunc(opts, func(o option) bool { return strings.Contains("rRa", o.name) })
	target := names[len(names)-1]
	code := exitOK
	for _, from := range names[:len(names)-1] {
		info, err := c.stat(from, true)
		switch {
		case err != nil:
			code = c.fail("can't stat '%s': %s", from, errText(err))
			continue
		case info.IsDir() && !recursive:
			code = c.fail("omitting directory '%s'", from)
			continue
		}
		if err := c.copyTree(c.path(from), c.into(from, target), recursive); err != nil {
			code = c.fail("can't copy '%s': %s", from, errText(err))
		}
	}
	return code
}

func (c *call) copyTree(from, to string, keepLinks bool) error {
	if to == from || strings.HasPrefix(to, from+"/") {
		return errors.New("can't copy a directory into itself")
	}
	info, err := c.box.stat(from, !keepLinks)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := c.box.p.FS.Readlink(from)
		if err != nil {
			return err
		}
		return c.box.p.FS.Symlink(target, to)
	case info.IsDir():
		if err := c.mkdirAll(to); err != nil {
			return err
		}
		entries, err := c.box.p.FS.ReadDir(from)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := c.copyTree(path.Join(from, e.Name()), path.Join(to, e.Name()), keepLinks); err != nil {
				return err
			}
		}
		return nil
	}
	src, err := c.open(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := c.open(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, contextBound{c, src})
	return errors.Join(err, dst.Close())
}

// contextBound ends a copy when the command's context does.
type contextBound struct {
	c *call
	r io.Reader
}

func (b contextBound) Read(p []byte) (int, error) {
	if err := b.c.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

func touch(c *call) int {
	_, names, ok := c.options("[-c] FILE...", "cam")
	if !ok || len(names) == 0 {
		return c.usage("FILE...")
	}
	code := exitOK
	for _, name := range names {
		now := time.Now()
		err := c.box.p.FS.Chtimes(c.path(name), now, now)
		if errors.Is(err, fs.ErrNotExist) {
			var f workload.File
			if f, err = c.open(name, os.O_WRONLY|os.O_CREATE, 0o644); err == nil {
				err = f.Close()
			}
		}
		if err != nil {
			code = c.fail("%s: %s", name, errText(err))
		}
	}
	return code
}

func ln(c *call) int {
	opts, names, ok := c.options("-s TARGET LINK", "sfn")
	if !ok || len(names) < 2 {
		return c.usage("-s TARGET LINK")
	}
	has := func(n string) bool { return slices.ContainsFunc(opts, func(o option) bool { return o.name == n }) }
	if !has("s") {
		return c.fail("hard links are not available in k8stutor's toolbox, use -s")
	}
	link := c.into(names[0], names[1])
	if has("f") {
		if err := c.box.p.FS.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c.fail("%s: %s", names[1], errText(err))
		}
	}
	if err := c.box.p.FS.Symlink(names[0], link); err != nil {
		return c.fail("%s: %s", names[1], errText(err))
	}
	return exitOK
}

func chmod(c *call) int {
	recursive := false
	args := slices.Clone(c.args)
	for len(args) > 0 && (args[0] == "-R" || args[0] == "-v") {
		recursive = recursive || args[0] == "-R"
		args = args[1:]
	}
	if len(args) < 2 {
		return c.usage("[-R] MODE FILE...")
	}
	code := exitOK
	var change func(full string) error
	change = func(full string) error {
		info, err := c.box.p.FS.Stat(full)
		if err != nil {
			return err
		}
		mode, err := parseMode(args[0], info.Mode())
		if err != nil {
			return err
		}
		if err := c.box.p.FS.Chmod(full, mode); err != nil || !recursive || !info.IsDir() {
			return err
		}
		entries, err := c.box.p.FS.ReadDir(full)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Type()&fs.ModeSymlink != 0 {
				continue
			}
			if err := change(path.Join(full, e.Name())); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range args[1:] {
		if err := change(c.path(name)); err != nil {
			code = c.fail("%s: %s", name, errText(err))
		}
	}
	return code
}

// parseMode reads "755" or "u+x,go-w" over what the file has.
func parseMode(text string, old fs.FileMode) (fs.FileMode, error) {
	if n, err := strconv.ParseUint(text, 8, 12); err == nil {
		return fs.FileMode(n & 0o777), nil
	}
	mode := old.Perm()
	for clause := range strings.SplitSeq(text, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 {
			return 0, fmt.Errorf("invalid mode '%s'", text)
		}
		var who fs.FileMode
		for _, w := range clause[:i] {
			bits, ok := map[rune]fs.FileMode{'u': 0o700, 'g': 0o070, 'o': 0o007, 'a': 0o777}[w]
			if !ok {
				return 0, fmt.Errorf("invalid mode '%s'", text)
			}
			who |= bits
		}
		if who == 0 {
			who = 0o777
		}
		var bits fs.FileMode
		for _, p := range clause[i+1:] {
			b, ok := map[rune]fs.FileMode{'r': 0o444, 'w': 0o222, 'x': 0o111, 'X': 0o111}[p]
			if !ok {
				return 0, fmt.Errorf("invalid mode '%s'", text)
			}
			bits |= b
		}
		switch clause[i] {
		case '+':
			mode |= bits & who
		case '-':
			mode &^= bits & who
		default:
			mode = mode&^who | bits&who
		}
	}
	return mode, nil
}

func mktemp(c *call) int {
	opts, rest, ok := c.options("[-d] [TEMPLATE]", "dqtup:")
	if !ok {
		return exitError
	}
	dir, folder := "/tmp", false
	for _, o := range opts {
		switch o.name {
		case "d":
			folder = true
		case "p":
			dir = o.value
		}
	}
	template := "tmp.XXXXXX"
	if len(rest) > 0 {
		if template = rest[0]; strings.Contains(template, "/") {
			dir = ""
		}
	}
	base := strings.TrimRight(template, "X")
	if len(template)-len(base) < 6 {
		return c.fail("Invalid argument")
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for range 100 {
		suffix := make([]byte, len(template)-len(base))
		for i := range suffix {
			suffix[i] = letters[rand.IntN(len(letters))]
		}
		name := path.Join(dir, base+string(suffix))
		var err error
		if folder {
			err = c.box.p.FS.Mkdir(c.path(name), 0o700)
		} else {
			var f workload.File
			if f, err = c.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
				err = f.Close()
			}
		}
		if err == nil {
			c.printf("%s\n", name)
			return c.done()
		}
		if !errors.Is(err, fs.ErrExist) {
			return c.fail("%s: %s", template, errText(err))
		}
	}
	return c.fail("%s: File exists", template)
}

func tee(c *call) int {
	opts, names, ok := c.options("[-a] [FILE]...", "ai", "append=a")
	if !ok {
		return exitError
	}
	flag := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if slices.ContainsFunc(opts, func(o option) bool { return o.name == "a" }) {
		flag = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	writers := []io.Writer{c.out}
	code := exitOK
	for _, name := range names {
		f, err := c.open(name, flag, 0o644)
		if err != nil {
			code = c.fail("%s: %s", name, errText(err))
			continue
		}
		defer func() {
			if err := f.Close(); err != nil {
				c.errorf("tee: %s: %s", name, errText(err))
			}
		}()
		writers = append(writers, f)
	}
	if _, err := c.copy(io.MultiWriter(writers...), c.in); err != nil && c.ctx.Err() == nil && c.bad == nil {
		return c.fail("%s", errText(err))
	}
	return max(code, c.done())
}

func dd(c *call) int {
	from, to := "-", ""
	bs, count := int64(512), int64(-1)
	for _, a := range c.args {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			return c.usage("[if=FILE] [of=FILE] [bs=N] [count=N]")
		}
		var err error
		switch key {
		case "if":
			from = value
		case "of":
			to = value
		case "bs":
			bs, err = parseSize(value)
		case "count":
			count, err = parseSize(value)
		case "conv", "status", "iflag", "oflag":
		default:
			err = errors.New("unknown operand")
		}
		if err != nil || bs <= 0 || bs > 64<<20 {
			return c.fail("invalid argument '%s'", a)
		}
	}
	in, err := c.openInput(from)
	if err != nil {
		return c.fail("can't open '%s': %s", from, errText(err))
	}
	defer in.Close()
	out := c.out
	if to != "" {
		f, err := c.open(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return c.fail("can't open '%s': %s", to, errText(err))
		}
		defer f.Close()
		out = f
	}
	begin := time.Now()
	var r io.Reader = in
	if count >= 0 {
		r = io.LimitReader(in, bs*count)
	}
	n, err := c.copy(out, r)
	c.errorf("%d+%d records in\n%d+%d records out\n%d bytes (%s) copied, %.6f seconds, %s/s", n/bs, min(n%bs, 1), n/bs, min(n%bs, 1),
		n, human(float64(n)), time.Since(begin).Seconds(), human(float64(n)/max(time.Since(begin).Seconds(), 1e-6)))
	if err != nil && c.bad == nil {
		return c.fail("%s", errText(err))
	}
	return c.done()
}

// parseSize reads 512, 4k, 1M or 1G.
func parseSize(s string) (int64, error) {
	shift := 0
	for suffix, bits := range map[string]int{"k": 10, "K": 10, "M": 20, "G": 30, "kB": 10, "MB": 20} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, shift = rest, bits
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<50)>>shift {
		return 0, errors.New("invalid number")
	}
	return n << shift, nil
}

func human(n float64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if n < 1024 {
			return fmt.Sprintf("%.1f%s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.1fTB", n)
}

package toolbox

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

type lsOptions struct{ long, all, one, folder, human, byTime, reverse, recursive, classify bool }

func ls(c *call) int {
	opts, names, ok := c.options("[-la1dhtrRF] [FILE]...", "laA1dhtrRFin", "all=a", "color", "color:")
	if !ok {
		return exitError
	}
	var o lsOptions
	for _, opt := range opts {
		switch opt.name {
		case "l", "n":
			o.long = true
		case "a", "A":
			o.all = true
		case "1":
			o.one = true
		case "d":
			o.folder = true
		case "h":
			o.human = true
		case "t":
			o.byTime = true
		case "r":
			o.reverse = true
		case "R":
			o.recursive = true
		case "F":
			o.classify = true
		}
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	code := exitOK
	var files []lsEntry
	var folders []string
	for _, name := range names {
		info, err := c.stat(name, !o.long)
		if err != nil {
			info, err = c.stat(name, false)
		}
		switch {
		case err != nil:
			code = c.fail("%s: %s", name, errText(err))
		case info.IsDir() && !o.folder:
			folders = append(folders, name)
		default:
			files = append(files, lsEntry{name, info, c.linkTarget(c.path(name), info)})
		}
	}
	c.lsPrint(files, o)
	for i, name := range folders {
		if len(names) > 1 || o.recursive {
			if i > 0 || len(files) > 0 {
				c.printf("\n")
			}
			c.printf("%s:\n", name)
		}
		code = max(code, c.lsFolder(name, o))
	}
	return max(code, c.done())
}

type lsEntry struct {
	name   string
	info   fs.FileInfo
	target string
}

func (c *call) linkTarget(full string, info fs.FileInfo) string {
	if info.Mode()&fs.ModeSymlink == 0 {
		return ""
	}
	target, err := c.box.p.FS.Readlink(full)
	if err != nil {
		return "?"
	}
	return target
}

func (c *call) lsFolder(name string, o lsOptions) int {
	full := c.path(name)
	entries, err := c.box.p.FS.ReadDir(full)
	if err != nil {
		return c.fail("%s: %s", name, errText(err))
	}
	var list []lsEntry
	if o.all {
		for _, dot := range []string{".", ".."} {
			if info, err := c.stat(path.Join(full, dot), true); err == nil {
				list = append(list, lsEntry{dot, info, ""})
			}
		}
	}
	var below []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !o.all {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // removed since
		}
		list = append(list, lsEntry{e.Name(), info, c.linkTarget(path.Join(full, e.Name()), info)})
		if e.IsDir() {
			below = append(below, path.Join(name, e.Name()))
		}
	}
	if o.long {
		c.printf("total %d\n", 4*len(list))
	}
	c.lsPrint(list, o)
	code := exitOK
	if o.recursive {
		for _, b := range below {
			c.printf("\n%s:\n", b)
			code = max(code, c.lsFolder(b, o))
		}
	}
	return code
}

func (c *call) lsPrint(list []lsEntry, o lsOptions) {
	slices.SortFunc(list, func(a, b lsEntry) int {
		n := strings.Compare(a.name, b.name)
		if o.byTime {
			n = b.info.ModTime().Compare(a.info.ModTime())
		}
		if o.reverse {
			n = -n
		}
		return n
	})
	if !o.long {
		c.lsShort(list, o)
		return
	}
	for _, e := range list {
		size := strconv.FormatInt(e.info.Size(), 10)
		if o.human {
			size = human(float64(e.info.Size()))
		}
		when := e.info.ModTime().UTC().Format("Jan _2 15:04")
		if time.Since(e.info.ModTime()) > 180*24*time.Hour {
			when = e.info.ModTime().UTC().Format("Jan _2  2006")
		}
		line := fmt.Sprintf("%s %4d root     root     %9s %s %s", modeString(e.info.Mode()), 1, size, when, e.name)
		if e.target != "" {
			line += " -> " + e.target
		}
		c.printf("%s\n", line)
	}
}

func (c *call) lsShort(list []lsEntry, o lsOptions) {
	names := make([]string, 0, len(list))
	width := 0
	for _, e := range list {
		name := e.name
		if o.classify && e.info.IsDir() {
			name += "/"
		}
		names = append(names, name)
		width = max(width, len(name)+2)
	}
	columns := max(80/max(width, 1), 1)
	if o.one || c.box.term == nil || c.out != c.box.out || columns == 1 {
		for _, n := range names {
			c.printf("%s\n", n)
		}
		return
	}
	rows := (len(names) + columns - 1) / columns
	for r := range rows {
		var line strings.Builder
		for i := r; i < len(names); i += rows {
			fmt.Fprintf(&line, "%-*s", width, names[i])
		}
		c.printf("%s\n", strings.TrimRight(line.String(), " "))
	}
}

// modeString is "drwxr-xr-x".
func modeString(m fs.FileMode) string {
	kind := byte('-')
	switch {
	case m.IsDir():
		kind = 'd'
	case m&fs.ModeSymlink != 0:
		kind = 'l'
	case m&fs.ModeCharDevice != 0:
		kind = 'c'
	case m&fs.ModeNamedPipe != 0:
		kind = 'p'
	case m&fs.ModeSocket != 0:
		kind = 's'
	}
	perm := []byte(m.Perm().String())
	perm[0] = kind
	if m&fs.ModeSticky != 0 {
		perm[9] = 't'
	}
	return string(perm)
}

func statCommand(c *call) int {
	opts, names, ok := c.options("[-c FORMAT] FILE...", "c:L")
	if !ok || len(names) == 0 {
		return c.usage("[-c FORMAT] FILE...")
	}
	format := ""
	for _, o := range opts {
		if o.name == "c" {
			format = o.value
		}
	}
	code := exitOK
	for _, name := range names {
		info, err := c.stat(name, false)
		if err != nil {
			code = c.fail("can't stat '%s': %s", name, errText(err))
			continue
		}
		perm := strconv.FormatUint(uint64(info.Mode().Perm()), 8)
		if format != "" {
			c.printf("%s\n", strings.NewReplacer("%n", name, "%s", strconv.FormatInt(info.Size(), 10), "%a", perm,
				"%A", modeString(info.Mode()), "%Y", strconv.FormatInt(info.ModTime().Unix(), 10), "%U", "root", "%G", "root", "%u", "0", "%g", "0").Replace(format))
			continue
		}
		c.printf("  File: %s\n  Size: %d\nAccess: (0%s/%s)  Uid: (    0/    root)   Gid: (    0/    root)\nModify: %s\n",
			name, info.Size(), perm, modeString(info.Mode()), info.ModTime().UTC().Format("2006-01-02 15:04:05.000000000 -0700"))
	}
	return max(code, c.done())
}

// walk visits everything below full, parents first, and does not follow links.
func (c *call) walk(full string, visit func(full string, info fs.FileInfo, depth int) bool) error {
	return c.walkFrom(full, 0, visit)
}

func (c *call) walkFrom(full string, depth int, visit func(string, fs.FileInfo, int) bool) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	info, err := c.box.stat(full, false)
	if err != nil {
		return err
	}
	if !visit(full, info, depth) || !info.IsDir() {
		return nil
	}
	entries, err := c.box.p.FS.ReadDir(full)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.walkFrom(path.Join(full, e.Name()), depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}

func du(c *call) int {
	opts, names, ok := c.options("[-sh] [FILE]...", "shakm")
	if !ok {
		return exitError
	}
	readable := slices.ContainsFunc(opts, func(o option) bool { return o.name == "h" })
	if len(names) == 0 {
		names = []string{"."}
	}
	code := exitOK
	for _, name := range names {
		var total int64
		err := c.walk(c.path(name), func(_ string, info fs.FileInfo, _ int) bool {
			if info.Mode().IsRegular() {
				total += info.Size()
			}
			return true
		})
		if err != nil {
			code = c.fail("%s: %s", name, errText(err))
			continue
		}
		size := strconv.FormatInt((total+1023)/1024, 10)
		if readable {
			size = human(float64(total))
		}
		c.printf("%s\t%s\n", size, name)
	}
	return max(code, c.done())
}

// df knows no real numbers: a container of the embedded cluster is a folder.
func df(c *call) int {
	c.printf("%-20s %10s %10s %10s %4s %s\n", "Filesystem", "1K-blocks", "Used", "Available", "Use%", "Mounted on")
	var used int64
	err := c.walk("/", func(_ string, info fs.FileInfo, _ int) bool {
		if info.Mode().IsRegular() {
			used += info.Size()
		}
		return true
	})
	if err != nil {
		return c.fail("/: %s", errText(err))
	}
	c.printf("%-20s %10s %10d %10s %4s %s\n", "overlay", "-", (used+1023)/1024, "-", "-", "/")
	return c.done()
}

// find supports -name, -iname, -type, -maxdepth, -mindepth, -print, -delete
// and -exec … ;
func find(c *call) int {
	var roots []string
	args := c.args
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "!" {
		roots, args = append(roots, args[0]), args[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	q, err := parseFind(args)
	if err != nil {
		return c.fail("%v", err)
	}
	code := exitOK
	for _, root := range roots {
		base := c.path(root)
		var remove []string
		err := c.walk(base, func(full string, info fs.FileInfo, depth int) bool {
			name := root + strings.TrimPrefix(full, base)
			if base == "/" {
				name = full
			}
			if depth >= q.min && q.matches(path.Base(full), info) {
				switch {
				case len(q.exec) > 0:
					argv := slices.Clone(q.exec)
					for i := range argv {
						argv[i] = strings.ReplaceAll(argv[i], "{}", name)
					}
					c.run(argv)
				case q.remove:
					remove = append(remove, full)
				default:
					c.printf("%s\n", name)
				}
			}
			return depth < q.max && c.bad == nil
		})
		for _, full := range slices.Backward(remove) {
			if rerr := c.box.p.FS.Remove(full); rerr != nil {
				err = rerr
			}
		}
		if err != nil {
			code = c.fail("%s: %s", root, errText(err))
		}
	}
	return max(code, c.done())
}

type findQuery struct {
	name, iname, kind string
	min, max          int
	remove            bool
	exec              []string
}

func parseFind(args []string) (findQuery, error) {
	q := findQuery{max: 1 << 30}
	for i := 0; i < len(args); i++ {
		flag := args[i]
		switch flag {
		case "-print", "-a", "-and":
			continue
		case "-delete":
			q.remove = true
			continue
		}
		if i++; i >= len(args) {
			return q, fmt.Errorf("unrecognized or incomplete: %s", flag)
		}
		var err error
		switch flag {
		case "-name":
			q.name = args[i]
		case "-iname":
			q.iname = strings.ToLower(args[i])
		case "-type":
			q.kind = args[i]
		case "-maxdepth":
			q.max, err = strconv.Atoi(args[i])
		case "-mindepth":
			q.min, err = strconv.Atoi(args[i])
		case "-exec":
			for ; i < len(args) && args[i] != ";" && args[i] != "+"; i++ {
				q.exec = append(q.exec, args[i])
			}
			if len(q.exec) == 0 {
				return q, fmt.Errorf("-exec needs a command")
			}
		default:
			return q, fmt.Errorf("unrecognized: %s", flag)
		}
		if err != nil {
			return q, fmt.Errorf("%s %s: invalid number", flag, args[i])
		}
	}
	return q, nil
}

func (q findQuery) matches(base string, info fs.FileInfo) bool {
	if q.name != "" {
		if ok, err := path.Match(q.name, base); err != nil || !ok {
			return false
		}
	}
	if q.iname != "" {
		if ok, err := path.Match(q.iname, strings.ToLower(base)); err != nil || !ok {
			return false
		}
	}
	switch q.kind {
	case "f":
		return info.Mode().IsRegular()
	case "d":
		return info.IsDir()
	case "l":
		return info.Mode()&fs.ModeSymlink != 0
	}
	return true
}

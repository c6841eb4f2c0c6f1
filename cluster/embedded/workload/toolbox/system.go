package toolbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

func clearScreen(c *call) int {
	c.printf("\x1b[H\x1b[2J\x1b[3J")
	return c.done()
}

func env(c *call) int {
	args := c.args
	list := slices.Clone(c.env)
	for len(args) > 0 {
		switch {
		case args[0] == "-i" || args[0] == "-":
			list, args = nil, args[1:]
			continue
		case args[0] == "-u" && len(args) > 1:
			name := args[1]
			list = slices.DeleteFunc(list, func(e string) bool { return strings.HasPrefix(e, name+"=") })
			args = args[2:]
			continue
		}
		if !strings.Contains(args[0], "=") {
			break
		}
		name, _, _ := strings.Cut(args[0], "=")
		list = slices.DeleteFunc(list, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		list, args = append(list, args[0]), args[1:]
	}
	if len(args) > 0 {
		d := *c
		d.env = list
		return d.run(args)
	}
	for _, e := range list {
		c.printf("%s\n", e)
	}
	return c.done()
}

func printenv(c *call) int {
	if len(c.args) == 0 {
		return env(c)
	}
	code := exitOK
	for _, name := range c.args {
		if !slices.ContainsFunc(c.env, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
			code = exitError
			continue
		}
		c.printf("%s\n", c.getenv(name))
	}
	return max(code, c.done())
}

func hostname(c *call) int {
	opts, _, ok := c.options("[-i|-f|-s]", "ifsdI")
	if !ok {
		return exitError
	}
	for _, o := range opts {
		if o.name == "i" || o.name == "I" {
			c.printf("%s\n", strings.Join(c.box.p.Net.Addrs(), " "))
			return c.done()
		}
	}
	c.printf("%s\n", c.box.p.Hostname)
	return c.done()
}

func whoami(c *call) int {
	c.printf("root\n")
	return c.done()
}

func id(c *call) int {
	opts, _, ok := c.options("[-ugn]", "ugnG")
	if !ok {
		return exitError
	}
	name := slices.ContainsFunc(opts, func(o option) bool { return o.name == "n" })
	switch {
	case name:
		c.printf("root\n")
	case len(opts) > 0:
		c.printf("0\n")
	default:
		c.printf("uid=0(root) gid=0(root) groups=0(root)\n")
	}
	return c.done()
}

func uname(c *call) int {
	opts, _, ok := c.options("[-asnrvm]", "asnrvmpio")
	if !ok {
		return exitError
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if machine == "" {
		machine = runtime.GOARCH
	}
	parts := []struct{ flag, value string }{
		{"s", "Linux"}, {"n", c.box.p.Hostname}, {"r", "k8stutor"}, {"v", "#1 k8stutor toolbox"}, {"m", machine}, {"o", "GNU/Linux"},
	}
	var out []string
	for _, p := range parts {
		if len(opts) == 0 && p.flag == "s" || slices.ContainsFunc(opts, func(o option) bool { return o.name == p.flag || o.name == "a" }) {
			out = append(out, p.value)
		}
	}
	c.printf("%s\n", strings.Join(out, " "))
	return c.done()
}

func nproc(c *call) int {
	c.printf("%d\n", runtime.NumCPU())
	return c.done()
}

func ttyCommand(c *call) int {
	if c.box.term == nil {
		c.printf("not a tty\n")
		return exitError
	}
	c.printf("/dev/pts/0\n")
	return c.done()
}

func which(c *call) int {
	code := exitOK
	for _, name := range c.args {
		p := c.which(name)
		if p == "" {
			code = exitError
			continue
		}
		c.printf("%s\n", p)
	}
	return max(code, c.done())
}

// processes are those of the container, and this one if nobody tells.
func (c *call) processes() []workload.ProcessInfo {
	if c.box.p.Processes != nil {
		if list := c.box.p.Processes(); len(list) > 0 {
			return list
		}
	}
	return []workload.ProcessInfo{{PID: max(c.box.p.PID, 1), Command: strings.Join(c.box.p.Args, " "), Started: c.box.began}}
}

func ps(c *call) int {
	wide := slices.ContainsFunc(c.args, func(a string) bool { return strings.ContainsAny(a, "ef") })
	if wide {
		c.printf("PID   USER     STARTED  COMMAND\n")
	} else {
		c.printf("PID   USER     TIME  COMMAND\n")
	}
	for _, p := range c.processes() {
		if wide {
			c.printf("%5d root     %s %s\n", p.PID, p.Started.UTC().Format("15:04:05"), p.Command)
			continue
		}
		c.printf("%5d root      0:00 %s\n", p.PID, p.Command)
	}
	return c.done()
}

func top(c *call) int {
	used, limit := c.memory()
	if limit > 0 {
		c.printf("Mem: %dK used, %dK limit of this container\n", used>>10, limit>>10)
	} else {
		c.printf("Mem: %dK used, no limit\n", used>>10)
	}
	c.printf("(one look; kubectl top pod shows the CPU that was used)\n  PID  STARTED  COMMAND\n")
	for _, p := range c.processes() {
		c.printf("%5d  %s %s\n", p.PID, p.Started.UTC().Format("15:04:05"), p.Command)
	}
	return c.done()
}

func (c *call) memory() (used, limit int64) {
	if c.box.p.Memory == nil {
		return 0, 0
	}
	return c.box.p.Memory.Usage()
}

func free(c *call) int {
	opts, _, ok := c.options("[-bkmgh]", "bkmgh")
	if !ok {
		return exitError
	}
	shift := 10
	for _, o := range opts {
		shift = map[string]int{"b": 0, "k": 10, "m": 20, "g": 30, "h": 20}[o.name]
	}
	used, limit := c.memory()
	total, left := "no limit", "-"
	if limit > 0 {
		total, left = strconv.FormatInt(limit>>shift, 10), strconv.FormatInt(max(limit-used, 0)>>shift, 10)
	}
	c.printf("%18s %12s %12s\nMem:  %12s %12d %12s\n", "total", "used", "free", total, used>>shift, left)
	return c.done()
}

// uptime is the container's, not the machine's.
func uptime(c *call) int {
	started := c.box.began
	for _, p := range c.processes() {
		if p.PID == 1 {
			started = p.Started
		}
	}
	up := time.Since(started).Round(time.Second)
	c.printf(" %s up %s (this container)\n", time.Now().UTC().Format("15:04:05"), up)
	return c.done()
}

func kill(c *call) int {
	sig := workload.SIGTERM
	args := slices.Clone(c.args)
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name := args[0][1:]
		args = args[1:]
		if name == "l" {
			c.printf("HUP INT QUIT KILL USR1 USR2 TERM\n")
			return c.done()
		}
		if name == "s" && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		s, ok := signalByName(name)
		if !ok {
			return c.fail("bad signal name '%s'", name)
		}
		sig = s
	}
	if len(args) == 0 {
		return c.usage("[-SIGNAL] PID...")
	}
	code := exitOK
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		switch {
		case err != nil:
			code = c.fail("invalid number '%s'", a)
		case c.box.p.Kill == nil:
			code = c.fail("can't kill pid %d: Operation not permitted", pid)
		default:
			if err := c.box.p.Kill(pid, sig); err != nil {
				code = c.fail("can't kill pid %d: %s", pid, errText(err))
			}
		}
	}
	return code
}

// parseInterval reads 5, 0.5, 10s, 2m, 1h, 1d, "infinity" and sums of them.
func parseInterval(args ...string) (time.Duration, error) {
	var total float64
	for _, a := range args {
		if a == "infinity" || a == "inf" {
			return math.MaxInt64, nil
		}
		unit := 1.0
		for suffix, seconds := range map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400} {
			if rest, ok := strings.CutSuffix(a, suffix); ok {
				a, unit = rest, seconds
				break
			}
		}
		n, err := strconv.ParseFloat(a, 64)
		if err != nil || n < 0 || math.IsNaN(n) {
			return 0, fmt.Errorf("invalid number '%s'", a)
		}
		total += n * unit
	}
	if total > float64(math.MaxInt64)/float64(time.Second)/2 {
		return math.MaxInt64, nil
	}
	return time.Duration(total * float64(time.Second)), nil
}

func sleep(c *call) int {
	if len(c.args) == 0 {
		return c.usage("[N]...")
	}
	d, err := parseInterval(c.args...)
	if err != nil {
		return c.fail("%v", err)
	}
	if !c.sleep(d) {
		return exitKilled
	}
	return exitOK
}

func timeout(c *call) int {
	opts, args, ok := c.options("[-s SIGNAL] SECONDS COMMAND [ARGUMENTS]", "+s:k:t:p")
	if !ok {
		return 125
	}
	sig := workload.SIGTERM
	for _, o := range opts {
		switch o.name {
		case "t": // as old busyboxes had it
			args = append([]string{o.value}, args...)
		case "s":
			s, ok := signalByName(o.value)
			if !ok {
				c.fail("bad signal name '%s'", o.value)
				return 125
			}
			sig = s
		}
	}
	if len(args) < 2 {
		c.usage("[-s SIGNAL] SECONDS COMMAND [ARGUMENTS]")
		return 125
	}
	d, err := parseInterval(args[0])
	if err != nil {
		c.fail("%v", err)
		return 125
	}
	ctx, cancel := context.WithTimeout(c.ctx, d)
	defer cancel()
	code := c.runContext(ctx, args[1:])
	if c.ctx.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		if sig == workload.SIGKILL {
			return exitKilled
		}
		return 143 // busybox; coreutils has 124
	}
	return code
}

func timeCommand(c *call) int {
	args := c.args
	if len(args) > 0 && args[0] == "-p" {
		args = args[1:]
	}
	if len(args) == 0 {
		return c.usage("COMMAND [ARGUMENTS]")
	}
	begin := time.Now()
	code := c.run(args)
	took := time.Since(begin)
	c.errorf("real\t%dm %.2fs", int(took.Minutes()), math.Mod(took.Seconds(), 60))
	return code
}

func nohup(c *call) int {
	if len(c.args) == 0 {
		return c.usage("COMMAND [ARGUMENTS]")
	}
	return c.run(c.args)
}

func watch(c *call) int {
	opts, args, ok := c.options("[-n SECONDS] COMMAND", "+n:td")
	if !ok || len(args) == 0 {
		return c.usage("[-n SECONDS] COMMAND")
	}
	every := 2 * time.Second
	for _, o := range opts {
		if o.name == "n" {
			d, err := parseInterval(o.value)
			if err != nil {
				return c.fail("%v", err)
			}
			every = max(d, 100*time.Millisecond)
		}
	}
	for c.bad == nil && c.ctx.Err() == nil {
		c.printf("\x1b[H\x1b[JEvery %s: %s  %s\n\n", every, strings.Join(args, " "), time.Now().UTC().Format("2006-01-02 15:04:05"))
		c.run([]string{"sh", "-c", strings.Join(args, " ")})
		if !c.sleep(every) {
			break
		}
	}
	return c.done()
}

func date(c *call) int {
	opts, args, ok := c.options("[-u] [-d TIME] [-I] [+FORMAT]", "ud:IRs:")
	if !ok {
		return exitError
	}
	now := time.Now().UTC()
	format := "%a %b %e %H:%M:%S %Z %Y"
	for _, o := range opts {
		switch o.name {
		case "I":
			format = "%Y-%m-%d"
		case "R":
			format = "%a, %d %b %Y %H:%M:%S +0000"
		case "s":
			return c.fail("can't set date: Operation not permitted")
		case "d":
			t, err := parseDate(o.value)
			if err != nil {
				return c.fail("invalid date '%s'", o.value)
			}
			now = t
		}
	}
	if len(args) > 0 {
		f, ok := strings.CutPrefix(args[0], "+")
		if !ok {
			return c.fail("can't set date: Operation not permitted")
		}
		format = f
	}
	c.printf("%s\n", strftime(format, now))
	return c.done()
}

func parseDate(s string) (time.Time, error) {
	if secs, ok := strings.CutPrefix(s, "@"); ok {
		n, err := strconv.ParseInt(secs, 10, 64)
		return time.Unix(n, 0).UTC(), err
	}
	if s == "now" {
		return time.Now().UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("unknown format")
}

func strftime(format string, t time.Time) string {
	layouts := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'M': "04", 'S': "05", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January",
		'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'y': "06", 'I': "03", 'p': "PM", 'R': "15:04", 'D': "01/02/06", 'N': "",
		'c': "Mon Jan _2 15:04:05 2006",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch ch := format[i]; ch {
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'u':
			b.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case 'n':
			b.WriteByte('\n')
		case '%':
			b.WriteByte('%')
		default:
			layout, ok := layouts[ch]
			if !ok {
				b.WriteString("%" + string(ch))
				continue
			}
			b.WriteString(t.Format(layout))
		}
	}
	return b.String()
}

// expr knows two operands and one operator.
func expr(c *call) int {
	fail := func() int { return c.fail("syntax error") + 1 }
	switch len(c.args) {
	case 1:
		c.printf("%s\n", c.args[0])
		return c.done()
	case 3:
	default:
		return fail()
	}
	a, op, b := c.args[0], c.args[1], c.args[2]
	x, xerr := strconv.ParseInt(a, 10, 64)
	y, yerr := strconv.ParseInt(b, 10, 64)
	numbers := xerr == nil && yerr == nil
	truth := func(v bool) int64 {
		if v {
			return 1
		}
		return 0
	}
	order := strings.Compare(a, b)
	if numbers {
		order = int(truth(x > y) - truth(x < y))
	}
	var result int64
	switch op {
	case "+", "-", "*", "/", "%":
		if !numbers {
			return c.fail("non-numeric argument") + 1
		}
		if y == 0 && (op == "/" || op == "%") {
			return c.fail("division by zero") + 1
		}
		switch op {
		case "+":
			result = x + y
		case "-":
			result = x - y
		case "*":
			result = x * y
		case "/":
			result = x / y
		default:
			result = x % y
		}
	case "=", "==":
		result = truth(order == 0)
	case "!=":
		result = truth(order != 0)
	case "<":
		result = truth(order < 0)
	case "<=":
		result = truth(order <= 0)
	case ">":
		result = truth(order > 0)
	case ">=":
		result = truth(order >= 0)
	default:
		return fail()
	}
	c.printf("%d\n", result)
	if result == 0 {
		return exitError
	}
	return c.done()
}

package toolbox

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// jobs are the background jobs of the process's shells. A job can be ended as
// one with the statement that it stands in: the interpreter gives no finer
// handle.
type jobs struct {
	waiting atomic.Bool // the statement that runs has come to a wait

	mu   sync.Mutex
	list []*job
}

type job struct {
	ctx    context.Context
	cancel context.CancelFunc
	text   string
}

// jobKey marks the context of a background job, which has no traps.
type jobKey struct{}

// note remembers a background job that is about to start and makes its context.
func (j *jobs) note(ctx context.Context, st *syntax.Stmt) context.Context {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, jobKey{}, true))
	var text strings.Builder
	if err := syntax.NewPrinter(syntax.SingleLine(true)).Print(&text, st); err != nil {
		text.Reset() // only for people to recognise it by
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, &job{ctx: ctx, cancel: cancel, text: strings.TrimSuffix(strings.TrimSpace(text.String()), " &")})
	return ctx
}

// drop forgets the jobs when all of them have ended.
func (j *jobs) drop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.ContainsFunc(j.list, func(x *job) bool { return x.ctx.Err() == nil }) {
		j.list = nil
	}
}

// find is the n-th job, counting from 1.
func (j *jobs) find(n int) *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n < 1 || n > len(j.list) {
		return nil
	}
	return j.list[n-1]
}

// wakeWaiter ends the jobs that a shell waits for, so that a trap gets its turn.
func (j *jobs) wakeWaiter() {
	if !j.waiting.Load() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, x := range j.list {
		x.cancel()
	}
}

// traps are the shell's reactions to signals. EXIT and ERR are the
// interpreter's own.
type traps struct {
	mu      sync.Mutex
	actions map[workload.Signal]string
	pending []string
}

func signalByName(name string) (workload.Signal, bool) {
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	switch name {
	case "HUP", "1":
		return workload.SIGHUP, true
	case "INT", "2":
		return workload.SIGINT, true
	case "QUIT", "3":
		return 3, true
	case "KILL", "9":
		return workload.SIGKILL, true
	case "USR1", "10":
		return 10, true
	case "USR2", "12":
		return 12, true
	case "TERM", "15":
		return workload.SIGTERM, true
	}
	n, err := strconv.Atoi(name)
	return workload.Signal(n), err == nil && n >= 0 && n <= 64
}

// set is the builtin trap. What is left for the interpreter is returned as the
// command to run.
func (t *traps) set(args []string) []string {
	if len(args) < 3 || strings.HasPrefix(args[1], "-") && args[1] != "-" && args[1] != "--" {
		return args
	}
	rest := slices.Clone(args[1:])
	if rest[0] == "--" {
		rest = rest[1:]
	}
	action, names := rest[0], rest[1:]
	left := []string{"trap", action}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		switch s, ok := signalByName(name); {
		case name == "0" || name == "EXIT":
			left = append(left, "EXIT")
		case !ok:
			left = append(left, name) // ERR, or a word that the interpreter complains about
		case action == "-":
			delete(t.actions, s)
		default:
			if t.actions == nil {
				t.actions = map[workload.Signal]string{}
			}
			t.actions[s] = action
		}
	}
	if len(left) == 2 {
		return []string{"true"}
	}
	return left
}

// raise takes a signal if there is a trap for it.
func (t *traps) raise(s workload.Signal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	action, ok := t.actions[s]
	if ok && action != "" {
		t.pending = append(t.pending, action)
	}
	return ok
}

// waiting reports whether a signal was raised and not seen to.
func (t *traps) waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.pending) > 0
}

// next is the action of the oldest signal that wasn't seen to.
func (t *traps) next() (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) == 0 {
		return "", false
	}
	action := t.pending[0]
	t.pending = t.pending[1:]
	return action, true
}

// builtin does the builtins that rewriteCall took from the interpreter.
func (s *shell) builtin(c *call) int {
	switch c.name {
	case "complain":
		c.errorf("sh: %s", strings.Join(c.args, " "))
		return exitUsage
	case "type":
		return s.typeOf(c, "is")
	case "command":
		if len(c.args) > 0 && (c.args[0] == "-v" || c.args[0] == "-V") {
			verbose := c.args[0] == "-V"
			c.args = c.args[1:]
			if verbose {
				return s.typeOf(c, "is")
			}
			return s.typeOf(c, "")
		}
		return c.usage("[-vV] NAME")
	case "kill":
		return s.kill(c)
	case "jobs":
		return s.listJobs(c)
	case "hash", "disown", "umask":
		if c.name == "umask" && len(c.args) == 0 {
			c.printf("0022\n")
		}
		return c.done()
	case "ulimit":
		c.printf("unlimited\n")
		return c.done()
	case "help":
		return c.run([]string{"toolbox", "--help"})
	case "times":
		c.printf("0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n")
		return c.done()
	}
	c.errorf("sh: %s: not available in k8stutor's shell", c.name)
	return exitError
}

// typeOf is type, and command -v when verb is empty.
func (s *shell) typeOf(c *call, verb string) int {
	code := exitOK
	for _, name := range c.args {
		s.mu.Lock()
		function := s.functions[name]
		s.mu.Unlock()
		path := c.which(name)
		var what string
		switch {
		case syntax.IsKeyword(name):
			what = "a shell keyword"
		case function:
			what = "a function"
		case interp.IsBuiltin(name):
			what = "a shell builtin"
		case path != "":
			what = path
		default:
			if verb != "" {
				c.errorf("sh: type: %s: not found", name)
			}
			code = exitError
			continue
		}
		switch {
		case verb != "":
			c.printf("%s is %s\n", name, what)
		case what == path:
			c.printf("%s\n", path)
		default:
			c.printf("%s\n", name)
		}
	}
	return max(code, c.done())
}

// which is the full path of a command or script, or "".
func (c *call) which(name string) string {
	if strings.Contains(name, "/") {
		if _, ok := c.box.tools.find(name); ok {
			return name
		}
		if info, err := c.stat(name, true); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return name
		}
		return ""
	}
	if _, ok := c.box.tools.find(name); ok {
		return "/bin/" + name
	}
	return ""
}

// kill ends jobs by %n or $! and sends signals to processes.
func (s *shell) kill(c *call) int {
	var rest []string
	code := exitOK
	for _, a := range c.args {
		number, isJob := strings.CutPrefix(a, "%")
		if !isJob {
			number, isJob = strings.CutPrefix(a, "g") // how the interpreter numbers $!
		}
		n, err := strconv.Atoi(number)
		if !isJob || err != nil {
			rest = append(rest, a)
			continue
		}
		j := c.box.jobs.find(n)
		if j == nil {
			c.errorf("sh: kill: %s: no such job", a)
			code = exitError
			continue
		}
		j.cancel()
	}
	if len(rest) == 0 || len(rest) < len(c.args) && slices.IndexFunc(rest, func(a string) bool { return !strings.HasPrefix(a, "-") }) < 0 {
		return code
	}
	return max(code, c.with(c.ctx, append([]string{"kill"}, rest...)).start(c.box.tools.commands["kill"]))
}

func (s *shell) listJobs(c *call) int {
	c.box.jobs.mu.Lock()
	defer c.box.jobs.mu.Unlock()
	for i, j := range c.box.jobs.list {
		state := "Running"
		if j.ctx.Err() != nil {
			state = "Terminated"
		}
		c.printf("%s\n", fmt.Sprintf("[%d]  %-22s %s", i+1, state, j.text))
	}
	return c.done()
}

package toolbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// shell is one run of sh.
type shell struct {
	c      *call
	ctx    context.Context // of the shell and all its jobs
	cancel context.CancelFunc
	runner *interp.Runner
	src    source
	busy   atomic.Int64 // when the interpreter last gave control away, Unix nanoseconds
	opts   shellOptions
	arg0   string

	mu        sync.Mutex
	functions map[string]bool // names that were declared, for type
}

type shellOptions struct {
	command     string
	hasCommand  bool
	interactive bool
	stdin       bool
	set         []string // options for the interpreter: -e, -o, pipefail
	params      []string // $0 and the positional parameters
}

const shUsage = "[-c COMMAND [NAME]] [-eilsux] [-o OPTION] [FILE] [ARGUMENTS]"

// shMain is the command sh.
func shMain(c *call) int {
	opts, err := parseShellOptions(c.args)
	if err != nil {
		c.errorf("%s: %v", c.name, err)
		return c.usage(shUsage) + 1
	}
	s := &shell{c: c, src: sourceOf(c.in), opts: opts, arg0: c.name, functions: map[string]bool{}}
	s.ctx, s.cancel = context.WithCancel(c.ctx)
	defer s.cancel()
	var script string
	params := opts.params
	fromFile := !opts.hasCommand && !opts.stdin && len(params) > 0
	switch {
	case opts.hasCommand:
		script = opts.command
		if len(params) > 0 {
			s.arg0, params = params[0], params[1:]
		}
	case fromFile:
		data, err := c.readFile(params[0])
		if err != nil {
			c.errorf("%s: can't open '%s': %s", c.name, params[0], errText(err))
			return exitNotFound
		}
		script, s.arg0, params = string(data), params[0], params[1:]
	}
	if s.runner, err = s.newRunner(params); err != nil {
		c.errorf("%s: %v", c.name, err)
		return exitUsage
	}
	defer s.reap()
	switch {
	case opts.hasCommand || fromFile:
		return s.runScript(script)
	case c.box.term != nil && sourceOf(c.in) == source(c.box.term):
		return s.interact()
	default:
		return s.runStdin()
	}
}

func parseShellOptions(args []string) (shellOptions, error) {
	var o shellOptions
	for len(args) > 0 {
		a := args[0]
		if a == "--" {
			args = args[1:]
			break
		}
		if a == "--login" {
			args = args[1:]
			continue
		}
		if len(a) < 2 || (a[0] != '-' && a[0] != '+') {
			break
		}
		if strings.HasPrefix(a, "--") {
			return o, fmt.Errorf("unrecognized option: %s", a)
		}
		args = args[1:]
		for _, f := range a[1:] {
			switch f {
			case 'c':
				o.hasCommand = true
			case 'i':
				o.interactive = true
			case 's':
				o.stdin = true
			case 'l':
			case 'e', 'u', 'x', 'n', 'f', 'a':
				o.set = append(o.set, a[:1]+string(f))
			case 'o':
				if len(args) == 0 {
					return o, errors.New("option requires an argument: o")
				}
				o.set = append(o.set, a[:1]+"o", args[0])
				args = args[1:]
			default:
				return o, fmt.Errorf("unrecognized option: %c", f)
			}
		}
	}
	if o.hasCommand {
		if len(args) == 0 {
			return o, errors.New("option requires an argument: c")
		}
		o.command, args = args[0], args[1:]
	}
	o.params = args
	return o, nil
}

// complain prints an error of parse.
func (s *shell) complain(err error) {
	text := err.Error()
	if p, ok := errors.AsType[syntax.ParseError](err); ok {
		text = fmt.Sprintf("syntax error: line %d: %s", p.Pos.Line(), p.Text)
	}
	s.c.errorf("sh: %s", text)
}

// runScript runs a whole script, which shares one input.
func (s *shell) runScript(script string) int {
	stmts, err := s.parse(script)
	if err != nil {
		s.complain(err)
		return exitUsage
	}
	in, finish, err := feed(s.ctx, s.src)
	if err != nil {
		s.c.errorf("sh: %v", err)
		return exitError
	}
	defer finish()
	if err := interp.StdIO(in, s.c.out, s.c.err)(s.runner); err != nil {
		s.c.errorf("sh: %v", err)
		return exitError
	}
	code, _ := s.runStmts(s.ctx, stmts)
	return s.exitTrap(code)
}

// runStmts runs statements until one of them leaves the shell.
func (s *shell) runStmts(ctx context.Context, stmts []*syntax.Stmt) (code int, exited bool) {
	for _, st := range stmts {
		stctx := ctx
		if st.Background {
			stctx = s.c.box.jobs.note(s.ctx, st)
		}
		code, exited = s.runNode(stctx, st)
		s.c.box.jobs.waiting.Store(false)
		for text, ok := s.c.box.traps.next(); ok && !exited; text, ok = s.c.box.traps.next() {
			extra, err := s.parse(text)
			if err != nil {
				s.complain(err)
				continue
			}
			for _, e := range extra {
				var left int
				if left, exited = s.runNode(ctx, e); exited {
					code = left
					break
				}
			}
		}
		if exited || ctx.Err() != nil {
			return code, exited
		}
	}
	return code, false
}

// runNode runs one node and gives its exit code, and whether it left the shell.
func (s *shell) runNode(ctx context.Context, node syntax.Node) (code int, exited bool) {
	defer func() {
		if r := recover(); r != nil {
			s.c.errorf("sh: internal error: %v", r)
			code, exited = exitUsage, true
		}
	}()
	s.busy.Store(time.Now().UnixNano())
	err := s.runner.Run(ctx, node)
	exited = s.runner.Exited() && ctx.Err() == nil
	if err == nil {
		return exitOK, exited
	}
	if status, ok := errors.AsType[interp.ExitStatus](err); ok {
		return int(status), exited
	}
	if ctx.Err() != nil {
		return exitInterrupted, false
	}
	s.c.errorf("sh: %v", err)
	return exitError, exited
}

// exitTrap runs `trap … EXIT` when the script ended without exit: the
// interpreter does that at the end of a whole file.
func (s *shell) exitTrap(code int) int {
	if s.ctx.Err() == nil && !s.runner.Exited() {
		if c, exited := s.runNode(s.ctx, &syntax.File{}); exited {
			code = c
		}
	}
	return code
}

// reap ends the background jobs and waits for them.
func (s *shell) reap() {
	s.cancel()
	s.c.box.jobs.drop()
	wait := &syntax.CallExpr{Args: []*syntax.Word{{Parts: []syntax.WordPart{&syntax.Lit{Value: "wait"}}}}}
	s.runNode(context.WithoutCancel(s.ctx), &syntax.Stmt{Cmd: wait})
}

// runStdin runs a script that comes in line by line: `echo ls | sh`, or
// `kubectl exec -i` without a terminal. Commands may read the same input.
func (s *shell) runStdin() int {
	var text strings.Builder
	code := exitOK
	for {
		line, err := readLine(s.ctx, s.src)
		text.WriteString(line)
		if s.ctx.Err() != nil {
			return exitKilled
		}
		stmts, perr := s.parse(text.String())
		if perr != nil && syntax.IsIncomplete(perr) && err == nil {
			continue
		}
		text.Reset()
		if perr != nil {
			s.complain(perr)
			return exitUsage
		}
		if len(stmts) > 0 {
			var exited bool
			code, exited = s.runLine(s.ctx, stmts)
			if exited || s.ctx.Err() != nil {
				return code
			}
		}
		if err != nil {
			return s.exitTrap(code)
		}
	}
}

// runLine runs statements with the input as it is now and gives back what they
// left of it.
func (s *shell) runLine(ctx context.Context, stmts []*syntax.Stmt) (code int, exited bool) {
	in, finish, err := feed(s.ctx, s.src)
	if err != nil {
		s.c.errorf("sh: %v", err)
		return exitError, false
	}
	defer finish()
	if err := interp.StdIO(in, s.c.out, s.c.err)(s.runner); err != nil {
		s.c.errorf("sh: %v", err)
		return exitError, false
	}
	return s.runStmts(ctx, stmts)
}

// readLine reads byte by byte, as a shell must that shares its input with its
// commands.
func readLine(ctx context.Context, src source) (string, error) {
	var line []byte
	var b [1]byte
	for {
		n, err := src.ReadContext(ctx, b[:])
		if n > 0 {
			line = append(line, b[0])
			if b[0] == '\n' {
				return string(line), nil
			}
		}
		if err != nil {
			return string(line), err
		}
	}
}

// runScript runs a path that is none of the toolbox's commands: a script in
// the container's file system.
func (c *call) runScript(ctx context.Context, args []string) int {
	info, err := c.stat(args[0], true)
	if err != nil {
		c.errorf("sh: %s: not found", args[0])
		return exitNotFound
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		c.errorf("sh: %s: Permission denied", args[0])
		return exitNotRunnable
	}
	f, err := c.openInput(args[0])
	if err != nil {
		c.errorf("sh: %s: %s", args[0], errText(err))
		return exitNotRunnable
	}
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head) // a short file is no error here
	_ = f.Close()                // it was only read
	first, _, _ := strings.Cut(string(head[:n]), "\n")
	if strings.ContainsRune(first, 0) {
		c.errorf("sh: %s: cannot execute binary file", args[0])
		return exitNotRunnable
	}
	interpreter := []string{"sh"}
	if line, ok := strings.CutPrefix(first, "#!"); ok {
		interpreter = strings.Fields(line)
		if len(interpreter) == 0 {
			interpreter = []string{"sh"}
		}
		if _, ok := c.box.tools.find(interpreter[0]); !ok {
			c.errorf("sh: %s: interpreter %s not found", args[0], interpreter[0])
			return exitNotFound
		}
	}
	return c.runContext(ctx, append(interpreter, args...))
}

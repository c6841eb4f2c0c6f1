package toolbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// The interpreter must never touch the host. These are its ways out, and what
// closes each:
//
//   - programs, files, folders: the handlers below
//   - working directory: set in newRunner without interp.Dir, which stats it
//   - environment, HOME, UID: type environ answers all of them
//   - ~user: rewritten by shell.parse, which sees eval, source, trap and alias
//     too; type environ answers what is left
//   - named pipes of process substitution: refused by shell.parse, and again
//     by a TMPDIR below /dev/null, where nothing can be made
//   - type, command -v, source, pwd -P, which look at files: rewriteCall
//   - $$ and $PPID: shell.parse

// Variables that the shell asks for in place of $$ and $0.
const (
	hiddenPID  = "_K8STUTOR_PID"
	hiddenArg0 = "_K8STUTOR_ARG0"
)

// ours marks a builtin of the interpreter that this package does instead.
const ours = "\x00"

func (s *shell) newRunner(params []string) (*interp.Runner, error) {
	env := newEnviron(s)
	r, err := interp.New(
		interp.Env(env),
		func(r *interp.Runner) error { r.Dir = s.c.dir; return nil },
		interp.StdIO(nil, s.c.out, s.c.err),
		interp.Interactive(true), // aliases
		interp.CallHandler(s.handleCall),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.handleExec }),
		interp.OpenHandler(s.handleOpen),
		interp.ReadDirHandler2(func(ctx context.Context, name string) ([]fs.DirEntry, error) {
			return s.c.box.p.FS.ReadDir(absolute(interp.HandlerCtx(ctx).Dir, name))
		}),
		interp.StatHandler(func(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
			info, err := s.c.box.stat(absolute(interp.HandlerCtx(ctx).Dir, name), follow)
			if err != nil {
				return nil, err
			}
			return withSys(info), nil
		}),
		interp.AccessHandler(s.handleAccess),
		interp.Params(append(append(slices.Clone(s.opts.set), "--"), params...)...),
	)
	if err != nil {
		return nil, err
	}
	env.closed = true
	r.Reset()
	env.closed = false
	return r, nil
}

// environ is the environment of the interpreter: the container's, and answers
// to everything that the interpreter would ask the host for.
type environ struct {
	vars   map[string]string
	hidden map[string]string
	// closed makes TMPDIR a place where nothing can be made. The interpreter
	// reads it once, in Reset; the learner's own TMPDIR stays theirs.
	closed bool
}

func newEnviron(s *shell) *environ {
	e := &environ{vars: map[string]string{}}
	for _, kv := range s.c.env {
		if k, v, ok := strings.Cut(kv, "="); ok && syntax.ValidName(k) {
			e.vars[k] = v
		}
	}
	for k, v := range map[string]string{"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME": s.c.box.p.Hostname} {
		if _, ok := e.vars[k]; !ok {
			e.vars[k] = v
		}
	}
	pid := s.c.box.p.PID
	if pid == 0 {
		pid = 1
	}
	e.hidden = map[string]string{"UID": "0", "EUID": "0", "GID": "0", hiddenPID: strconv.Itoa(pid), hiddenArg0: s.arg0}
	return e
}

func (e *environ) Get(name string) expand.Variable {
	if e.closed && name == "TMPDIR" {
		return expand.Variable{Set: true, Kind: expand.String, Str: "/dev/null/nowhere"}
	}
	if v, ok := e.hidden[name]; ok {
		return expand.Variable{Set: true, Kind: expand.String, Str: v}
	}
	if user, ok := strings.CutPrefix(name, "HOME "); ok { // how ~user is asked for
		home := "~" + user
		if user == "root" {
			home = "/root"
		}
		return expand.Variable{Set: true, Kind: expand.String, Str: home}
	}
	if v, ok := e.vars[name]; ok {
		return expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: v}
	}
	return expand.Variable{}
}

func (e *environ) Each(f func(string, expand.Variable) bool) {
	for k := range e.vars {
		if !f(k, e.Get(k)) {
			return
		}
	}
	for k := range e.hidden { // a background job copies what it is shown
		if !f(k, e.Get(k)) {
			return
		}
	}
}

// exported lists the variables that a command gets, KEY=value, sorted.
func exported(env expand.Environ) []string {
	values := map[string]string{}
	env.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.Kind == expand.String {
			values[name] = v.Str
		} else {
			delete(values, name)
		}
		return true
	})
	list := make([]string, 0, len(values))
	for k, v := range values {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return list
}

// handleExec runs everything that is neither a function nor a builtin.
func (s *shell) handleExec(ctx context.Context, args []string) error {
	defer func() { s.busy.Store(time.Now().UnixNano()) }()
	hc := interp.HandlerCtx(ctx)
	c := &call{ctx: ctx, box: s.c.box, name: "sh", out: hc.Stdout, err: hc.Stderr, dir: hc.Dir, env: exported(hc.Env)}
	c.in = strings.NewReader("")
	if f, ok := hc.Stdin.(*os.File); ok && f != nil {
		c.in = f
	}
	var code int
	if name, ok := strings.CutPrefix(args[0], ours); ok {
		code = s.builtin(c.with(ctx, append([]string{name}, args[1:]...)))
	} else {
		code = c.run(args)
	}
	if code != exitOK {
		return interp.ExitStatus(uint8(code))
	}
	return nil
}

// handleCall sees every simple command before it runs.
func (s *shell) handleCall(ctx context.Context, args []string) ([]string, error) {
	s.account()
	args = s.rewriteCall(interp.HandlerCtx(ctx), args)
	if ctx.Value(jobKey{}) != nil || strings.HasPrefix(args[0], ours) || !s.c.box.traps.waiting() {
		return args, nil
	}
	quoted := make([]string, len(args))
	for i, a := range args {
		q, err := syntax.Quote(a, syntax.LangBash)
		if err != nil {
			return args, nil //nolint:nilerr // it can't be quoted: a trap's turn comes with the next command
		}
		quoted[i] = q
	}
	if text, ok := s.c.box.traps.next(); ok {
		return []string{"eval", text + "\n" + strings.Join(quoted, " ")}, nil
	}
	return args, nil
}

// account charges the time that the interpreter itself worked since it was
// last seen, so that `while true; do :; done` shows up as CPU and is throttled.
// A longer silence was waiting, not work.
func (s *shell) account() {
	now := time.Now().UnixNano()
	worked := time.Duration(now - s.busy.Swap(now))
	if worked > 0 && worked < 5*time.Millisecond {
		s.c.box.p.CPU.Charge(worked)
		s.c.box.p.CPU.Do(func() {})
	}
}

// rewriteCall replaces the builtins that would look at the host's files or
// that the interpreter lacks.
func (s *shell) rewriteCall(hc interp.HandlerContext, args []string) []string {
	switch args[0] {
	case "builtin", "command":
		if len(args) > 1 && args[0] == "command" && strings.HasPrefix(args[1], "-") && args[1] != "--" {
			return append([]string{ours + "command"}, args[1:]...)
		}
		rest := slices.DeleteFunc(slices.Clone(args[1:]), func(a string) bool { return a == "--" })
		if len(rest) == 0 {
			return []string{"true"}
		}
		rest = s.rewriteCall(hc, rest)
		if strings.HasPrefix(rest[0], ours) {
			return rest
		}
		return append([]string{"command"}, rest...)
	case "type", "hash", "kill", "jobs", "fg", "bg", "history", "umask", "ulimit", "disown", "fc", "newgrp",
		"bind", "compgen", "complete", "compopt", "enable", "suspend", "logout", "caller", "times", "help":
		return append([]string{ours + args[0]}, args[1:]...)
	case "pwd":
		if slices.Contains(args, "-P") {
			return []string{"pwd"}
		}
	case "eval":
		return s.evalArgs(strings.Join(args[1:], " "), args)
	case "source", ".":
		return s.sourceArgs(hc, args)
	case "trap":
		if len(args) > 2 {
			if safe := s.evalArgs(args[1], nil); len(safe) == 2 && safe[0] == "eval" {
				args = append([]string{"trap", safe[1]}, args[2:]...)
			} else if len(safe) > 0 {
				return safe
			}
		}
		return s.c.box.traps.set(args)
	case "alias":
		for _, a := range args[1:] {
			if _, err := s.parse(a); tameTilde(a) != a || err != nil {
				return []string{ours + "complain", "alias: " + a + ": not available in k8stutor's shell"}
			}
		}
	case "wait":
		s.c.box.jobs.waiting.Store(true)
	}
	return args
}

// evalArgs prepares text for eval as parse does for scripts. Text that doesn't
// parse is left to eval and its message.
func (s *shell) evalArgs(text string, args []string) []string {
	stmts, err := s.parse(text)
	if err != nil {
		if stmts == nil {
			return args
		}
		return []string{ours + "complain", err.Error()}
	}
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, &syntax.File{Stmts: stmts}); err != nil {
		return []string{ours + "complain", err.Error()}
	}
	return []string{"eval", b.String()}
}

func (s *shell) sourceArgs(hc interp.HandlerContext, args []string) []string {
	if len(args) < 2 {
		return []string{ours + "complain", args[0] + ": filename argument required"}
	}
	c := &call{ctx: s.ctx, box: s.c.box, name: "sh", in: strings.NewReader(""), out: io.Discard, err: io.Discard, dir: hc.Dir}
	data, err := c.readFile(args[1])
	if err != nil {
		return []string{ours + "complain", args[0] + ": can't open '" + args[1] + "': " + errText(err)}
	}
	if _, err := s.parse(string(data)); err != nil {
		return []string{ours + "complain", args[1] + ": " + err.Error()}
	}
	return s.evalArgs(string(data), []string{"eval", string(data)})
}

// handleOpen opens what redirections name.
func (s *shell) handleOpen(ctx context.Context, name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	c := &call{ctx: ctx, box: s.c.box, out: hc.Stdout, err: hc.Stderr, dir: hc.Dir}
	if f, ok := hc.Stdin.(*os.File); ok && f != nil {
		c.in = f
	}
	verb := "sh: can't open"
	if flag&os.O_CREATE != 0 {
		verb = "sh: can't create"
	}
	f, err := c.open(name, flag, perm)
	if err == nil && flag&os.O_CREATE == 0 {
		info, serr := f.Stat()
		if serr == nil && info.IsDir() {
			_ = f.Close() // it was only looked at
			err = syscall.EISDIR
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: verb, Path: name, Err: errors.New(errText(err))}
	}
	if file, ok := f.(*os.File); ok || flag&(os.O_WRONLY|os.O_RDWR) != 0 {
		if ok {
			return file, nil
		}
		return f, nil
	}
	return pipeFrom(f)
}

// pipeFrom makes the file that the interpreter wants of one that only reads.
// Its goroutine ends when the file does or when the reader closes its end.
func pipeFrom(f io.ReadCloser) (*os.File, error) {
	pr, pw, err := os.Pipe()
	if err != nil {
		_ = f.Close() // the pipe's error is the one to report
		return nil, fmt.Errorf("pipe: %w", err)
	}
	go func() {
		// A reader that closed its end wants no more: both errors are the end.
		_, _ = io.Copy(onlyWriter{pw}, onlyReader{f})
		_ = pw.Close()
		_ = f.Close()
	}()
	return pr, nil
}

// onlyReader and onlyWriter keep io.Copy to plain reads and writes.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// handleAccess answers test -r, -w and -x for root: everything that exists can
// be read and written, and run if it has an x.
func (s *shell) handleAccess(ctx context.Context, name string, mode interp.AccessMode) error {
	info, err := s.c.box.stat(absolute(interp.HandlerCtx(ctx).Dir, name), true)
	if err != nil {
		return err
	}
	if mode&interp.AccessExec != 0 && !info.IsDir() && info.Mode()&0o111 == 0 {
		return fs.ErrPermission
	}
	return nil
}

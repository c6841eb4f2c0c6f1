package toolbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/tty"
)

// command is one command of the toolbox.
type command struct {
	run func(*call) int
	// blocks says that the command waits, or reads without end, and so
	// accounts for its CPU time itself. The others run inside Meter.Do.
	blocks bool
}

// box is one process: what its commands share.
type box struct {
	tools *Toolbox
	p     *workload.Process
	term  *tty.Terminal // nil without a terminal
	in    source        // the process's input
	out   io.Writer
	err   io.Writer
	began time.Time

	group sync.WaitGroup // goroutines that end with Run
	traps traps
	jobs  jobs

	interruptMu sync.Mutex
	interrupt   func() // what Ctrl-C does
}

func newBox(_ context.Context, t *Toolbox, p *workload.Process) *box {
	b := &box{tools: t, p: p, out: p.Stdout, err: p.Stderr, began: time.Now()}
	if p.TTY {
		b.term = tty.New(p.Stdin, p.Stdout)
		b.in, b.out, b.err = b.term, b.term, b.term
		return b
	}
	in := newInput(p.Stdin)
	b.in = in
	out := &lockedWriter{w: p.Stdout}
	b.out, b.err = out, &lockedWriter{w: p.Stderr}
	return b
}

func (b *box) close() {
	if in, ok := b.in.(*input); ok {
		in.stop()
	}
	b.group.Wait()
}

// onInterrupt changes what Ctrl-C does from now on.
func (b *box) onInterrupt(f func()) {
	b.interruptMu.Lock()
	defer b.interruptMu.Unlock()
	b.interrupt = f
}

func (b *box) watchKeyboard(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.term.Interrupts():
			b.interruptMu.Lock()
			f := b.interrupt
			b.interruptMu.Unlock()
			f()
		}
	}
}

// lockedWriter keeps the writes of pipelines and background jobs apart, as the
// kernel does for a file.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// watchSignals does what a kernel does with signals that a program doesn't
// handle: they end it, unless it is process 1, which a kernel spares. The
// toolbox's own image is friendlier there and ends on TERM.
func (b *box) watchSignals(ctx context.Context, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-b.p.Signals:
			if b.traps.raise(s) {
				b.jobs.wakeWaiter()
				continue
			}
			if b.p.PID == 1 && b.tools.name != "toolbox" {
				continue
			}
			cancel(signalled(s))
		}
	}
}

// call is one run of one command.
type call struct {
	ctx  context.Context
	box  *box
	name string
	args []string // without the name
	in   io.Reader
	out  io.Writer
	err  io.Writer
	dir  string
	env  []string // KEY=value
	bad  error    // the first failed write to out
}

// call makes a call with the process's own streams.
func (b *box) call(ctx context.Context, args, env []string, dir string) *call {
	if dir == "" {
		dir = "/"
	}
	return &call{ctx: ctx, box: b, name: args[0], args: args[1:], in: contextReader{ctx, b.in}, out: b.out, err: b.err, dir: dir, env: env}
}

// with is a call of another command with the same surroundings.
func (c *call) with(ctx context.Context, args []string) *call {
	d := *c
	d.ctx, d.name, d.args, d.bad = ctx, path.Base(args[0]), args[1:], nil
	if r, ok := c.in.(contextReader); ok {
		d.in = contextReader{ctx, r.source}
	}
	return &d
}

// run runs another command, args[0] being its name or path.
func (c *call) run(args []string) int { return c.runContext(c.ctx, args) }

func (c *call) runContext(ctx context.Context, args []string) int {
	cmd, ok := c.box.tools.find(args[0])
	if !ok {
		if strings.Contains(args[0], "/") {
			return c.runScript(ctx, args)
		}
		c.errorf("sh: %s: not found", args[0])
		return exitNotFound
	}
	return c.with(ctx, args).start(cmd)
}

// start runs cmd for c, in time with its context: reads and writes that block
// end when the context does.
func (c *call) start(cmd command) int {
	release := c.bindStreams()
	defer release()
	code := exitKilled
	if cmd.blocks {
		code = cmd.run(c)
	} else {
		c.box.p.CPU.Do(func() { code = cmd.run(c) })
	}
	if c.ctx.Err() != nil {
		if code == exitOK || code == exitError {
			code = exitKilled
		}
	}
	return code
}

// bindStreams makes pipes give up when the context is done.
func (c *call) bindStreams() (release func()) {
	var files []*os.File
	for _, s := range []any{c.in, c.out, c.err} {
		if f, ok := s.(*os.File); ok && !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return func() {}
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(c.ctx, func() {
		defer close(fired)
		for _, f := range files {
			_ = f.SetDeadline(time.Unix(1, 0)) // a regular file has none and doesn't block
		}
	})
	return func() {
		if stop() {
			return
		}
		<-fired
		for _, f := range files {
			_ = f.SetDeadline(time.Time{}) // the next command may use it
		}
	}
}

// printf writes to the output; done reports a failure.
func (c *call) printf(format string, args ...any) {
	if c.bad == nil {
		_, c.bad = fmt.Fprintf(c.out, format, args...)
	}
}

func (c *call) write(b []byte) {
	if c.bad == nil {
		_, c.bad = c.out.Write(b)
	}
}

// done is the exit code after writing: a reader that went away is no reason to
// complain, as with SIGPIPE.
func (c *call) done() int {
	switch {
	case c.bad == nil:
		return exitOK
	case errors.Is(c.bad, syscall.EPIPE), errors.Is(c.bad, os.ErrClosed), c.ctx.Err() != nil:
		return 128 + 13
	}
	c.errorf("%s: write error: %s", c.name, errText(c.bad))
	return exitError
}

// errorf writes one line of complaint. There is nowhere to report that it
// can't be written.
func (c *call) errorf(format string, args ...any) {
	_, _ = fmt.Fprintf(c.err, format+"\n", args...)
}

// fail is errorf with the command's name in front, and exit code 1.
func (c *call) fail(format string, args ...any) int {
	c.errorf(c.name+": "+format, args...)
	return exitError
}

// usage is fail for wrong arguments.
func (c *call) usage(text string) int {
	c.errorf("Usage: %s %s", c.name, text)
	return exitError
}

func (c *call) getenv(name string) string {
	for _, e := range slices.Backward(c.env) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// path makes name absolute. Cleaning it here keeps ".." inside, whatever the
// file system does.
func (c *call) path(name string) string { return absolute(c.dir, name) }

func absolute(dir, name string) string {
	if !strings.HasPrefix(name, "/") {
		name = dir + "/" + name
	}
	return path.Clean("/" + name)
}

// open opens a file of the container, or one of the devices that every
// container has.
func (c *call) open(name string, flag int, perm fs.FileMode) (workload.File, error) {
	if name == "" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	full := c.path(name)
	if f, ok := openDevice(full, c.in, c.out, c.err); ok {
		return f, nil
	}
	return c.box.p.FS.OpenFile(full, flag, perm)
}

// openInput is open for reading with "-" as the input.
func (c *call) openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.in), nil
	}
	f, err := c.open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close() // it was only looked at
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	}
	return f, nil
}

func (c *call) stat(name string, follow bool) (fs.FileInfo, error) {
	return c.box.stat(c.path(name), follow)
}

func (b *box) stat(full string, follow bool) (fs.FileInfo, error) {
	if info, ok := statDevice(full); ok {
		return info, nil
	}
	if follow {
		return b.p.FS.Stat(full)
	}
	return b.p.FS.Lstat(full)
}

func (c *call) readFile(name string) ([]byte, error) {
	f, err := c.openInput(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// sleep waits for d. False means that the context ended first.
func (c *call) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// errText is an error as C programs print it: "No such file or directory".
func errText(err error) string {
	switch {
	case err == nil:
		return "Success"
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrExist):
		return "File exists"
	case errors.Is(err, context.Canceled):
		return "Interrupted system call"
	}
	text := err.Error()
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		text = errno.Error()
	} else if p, ok := errors.AsType[*fs.PathError](err); ok {
		text = p.Err.Error()
	}
	if text == "" {
		return "Unknown error"
	}
	r, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[n:]
}

// Package toolbox is the shell and the small Unix commands that containers of
// the embedded cluster have: one program with many names, as busybox is. The
// shell is mvdan.cc/sh; every command is a Go function of this package that
// works on its workload.Process alone. Nothing here runs a program of the
// host, and nothing but Process.FS, Process.Net and Process.Env is read or
// written.
package toolbox

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Exit codes with a meaning of their own.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitNotRunnable = 126
	exitNotFound    = 127
	exitInterrupted = 130
	exitKilled      = 137
)

// Toolbox is the program. Its zero value can't be used, see New.
type Toolbox struct {
	name     string
	commands map[string]command
}

var _ workload.Program = (*Toolbox)(nil)

// New makes a toolbox with the name of the image that it is or stands in for:
// "toolbox", "busybox", "alpine", "curl", "nginx". The name decides small
// things only: whether there is a bash, and what TERM does to process 1.
func New(name string) *Toolbox {
	t := &Toolbox{name: name, commands: commands()}
	if name == "toolbox" || name == "nginx" {
		t.commands["bash"] = command{run: shMain, blocks: true}
	}
	return t
}

// About says what this is, in one line.
func (t *Toolbox) About() string {
	if t.name == "toolbox" {
		return "k8stutor toolbox: a shell and small network tools for the lessons"
	}
	return "k8stutor toolbox, standing in for the image " + t.name + " (none of its code is inside)"
}

// Commands are the names that the toolbox answers to, sorted.
func (t *Toolbox) Commands() []string {
	names := make([]string, 0, len(t.commands))
	for n := range t.commands {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// binDirs are where the commands are found by full path.
func binDirs() []string {
	return []string{"/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/usr/local/sbin"}
}

// Lookup finds the program for argv0, a bare name or a full path of one of the
// usual folders. A path outside of them may be a script in the container's
// file system: the toolbox takes it and answers with 127 or 126 as a shell
// does when it is none.
func (t *Toolbox) Lookup(argv0 string) (workload.Program, bool) {
	if strings.Contains(argv0, "/") {
		if _, ok := t.find(argv0); ok {
			return t, true
		}
		return t, !slices.Contains(binDirs(), path.Dir(argv0))
	}
	_, ok := t.find(argv0)
	return t, ok
}

// find is the command behind a name or a path.
func (t *Toolbox) find(name string) (command, bool) {
	if dir, base := path.Split(name); dir != "" {
		clean := path.Clean(dir)
		if clean == "/" && base == "entrypoint.sh" && t.name == "curl" {
			return command{run: curlEntrypoint, blocks: true}, true
		}
		if !slices.Contains(binDirs(), clean) {
			return command{}, false
		}
		name = base
	}
	if name == "toolbox" || name == t.name && t.commands[name].run == nil {
		return command{run: multicall, blocks: true}, true
	}
	c, ok := t.commands[name]
	return c, ok
}

// Run runs the command that p.Args names.
func (t *Toolbox) Run(ctx context.Context, p *workload.Process) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := newBox(ctx, t, p)
	defer b.close()
	b.group.Go(func() { b.watchSignals(ctx, cancel) })
	if b.term != nil {
		b.onInterrupt(func() { cancel(signalled(workload.SIGINT)) })
		b.group.Go(func() { b.watchKeyboard(ctx) })
	}

	args := p.Args
	if len(args) == 0 {
		args = []string{"sh"}
	}
	if path.Base(args[0]) == "toolbox" { // wherever the binary itself lies
		args = append([]string{"toolbox"}, args[1:]...)
	}
	c := b.call(ctx, args, p.Env, p.Dir)
	code := c.run(args)
	if s, ok := errors.AsType[signalled](context.Cause(ctx)); ok {
		code = 128 + int(s)
	}
	cancel(nil)
	return code
}

// signalled is the cause of a context that a signal ended.
type signalled workload.Signal

func (s signalled) Error() string { return fmt.Sprintf("ended by signal %d", int(s)) }

// multicall is `toolbox ls -l`, and the help without arguments.
func multicall(c *call) int {
	switch {
	case len(c.args) == 0, c.args[0] == "--help", c.args[0] == "--list":
		c.printf("%s\n\nUsage: toolbox COMMAND [ARGUMENTS]\n\nCommands:\n", c.box.tools.About())
		for line := range slices.Chunk(c.box.tools.Commands(), 12) {
			c.printf("  %s\n", strings.Join(line, ", "))
		}
		return c.done()
	case c.args[0] == "--version":
		c.printf("%s\n", c.box.tools.About())
		return c.done()
	}
	return c.run(c.args)
}

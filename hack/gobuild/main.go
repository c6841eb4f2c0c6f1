// Command gobuild runs `go build` with its arguments and says on standard error
// how far it is: packages compiled of packages to compile, and about how long it
// will take. When nothing is to compile it says nothing.
//
//	go run ./hack/gobuild -o bin/ -ldflags '-s -w' ./cmd/one ./cmd/two
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// quiet is how long a build may take before it is counted what it has to
	// compile: most have a few packages.
	quiet = 2 * time.Second
	// rewrite and line are how often progress is shown, on a terminal and in a log.
	rewrite = time.Second
	line    = 15 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode()) // go build has said why
	default:
		fmt.Fprintln(os.Stderr, "gobuild:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-v"}, args...)...)
	cmd.Env = append(os.Environ(), collectLess()...)
	cmd.Stdout = os.Stdout
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p := newProgress(os.Stderr, isTerminal(os.Stderr), time.Now)
	ctx, cancel := context.WithCancel(ctx)
	var showing sync.WaitGroup
	showing.Go(func() { show(ctx, p, args) })
	for sc := bufio.NewScanner(stderr); sc.Scan(); {
		p.read(sc.Text())
	}
	_, _ = io.Copy(io.Discard, stderr) // a line too long for the scanner
	err = cmd.Wait()
	cancel()
	showing.Wait()
	p.end(err == nil)
	return err
}

// show counts what is to compile, once that takes a while, and shows the
// progress until ctx ends.
func show(ctx context.Context, p *progress, args []string) {
	t := time.NewTimer(quiet)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-t.C:
	}
	every := line
	if p.terminal {
		every = rewrite
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	p.print()
	// Without the count there is still something to show.
	if todo, err := stale(ctx, args); err == nil {
		p.expect(todo)
	}
	for {
		p.print()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// stale lists what `go build ARGS` has yet to compile, with the bytes of its
// sources.
func stale(ctx context.Context, args []string) (map[string]int64, error) {
	args = append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}\t{{.Dir}}\t{{join .GoFiles \"\t\"}}{{end}}"}, listArgs(args)...)
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return nil, err
	}
	todo := map[string]int64{}
	for text := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(text), "\t")
		if len(fields) < 3 {
			continue
		}
		size := int64(0)
		for _, file := range fields[2:] {
			if info, err := os.Stat(fields[1] + string(os.PathSeparator) + file); err == nil {
				size += info.Size()
			}
		}
		todo[fields[0]] = size
	}
	return todo, nil
}

// listArgs is args without -o, which `go list` does not know.
func listArgs(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-o":
			i++
		case !strings.HasPrefix(args[i], "-o="):
			out = append(out, args[i])
		}
	}
	return out
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// collectLess has the compiler and the linker collect less garbage, where the
// machine has the memory: it takes a ninth less of processor time, and the
// linker up to 4 GB instead of 2.4.
func collectLess() []string {
	const enough = 7 << 30 // what a machine of 8 GB shows
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" || memory() < enough {
		return nil
	}
	return []string{"GOGC=400"}
}

// memory is that of the machine in bytes, where it can be read as on Linux.
// Elsewhere it is taken for as much as today's machines have.
func memory() int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 8 << 30
	}
	var kb int64
	if _, err := fmt.Sscanf(string(data), "MemTotal: %d kB", &kb); err != nil {
		return 8 << 30
	}
	return kb << 10
}

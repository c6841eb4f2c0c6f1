package runtime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Exit codes that the runtime itself gives: 128 + SIGKILL, and what the Go
// runtime exits with after a panic.
const (
	exitKilled = 137
	exitPanic  = 2
)

// process is one running program of a container.
type process struct {
	pid     int
	argv    []string
	started time.Time
	signals chan workload.Signal
	kill    context.CancelFunc
}

// processTable holds the processes of one container. PIDs count up from 1, the
// container's own program, as in a PID namespace.
type processTable struct {
	mu   sync.Mutex
	last int
	live map[int]*process
}

func (t *processTable) add(argv []string, kill context.CancelFunc) *process {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	p := &process{pid: t.last, argv: argv, started: time.Now(), signals: make(chan workload.Signal, 8), kill: kill}
	if t.live == nil {
		t.live = map[int]*process{}
	}
	t.live[p.pid] = p
	return p
}

func (t *processTable) remove(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, p.pid)
}

func (t *processTable) list() []workload.ProcessInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	var infos []workload.ProcessInfo
	for _, p := range t.live {
		infos = append(infos, workload.ProcessInfo{PID: p.pid, Command: strings.Join(p.argv, " "), Started: p.started})
	}
	slices.SortFunc(infos, func(a, b workload.ProcessInfo) int { return a.PID - b.PID })
	return infos
}

func (t *processTable) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.live)
}

// signal sends a signal from within the container. As in a PID namespace,
// KILL does nothing to process 1: its own children can't kill it.
func (t *processTable) signal(pid int, sig workload.Signal) error {
	t.mu.Lock()
	p := t.live[pid]
	t.mu.Unlock()
	switch {
	case p == nil:
		return syscall.ESRCH
	case sig == 0: // only asks whether it is there
	case sig != workload.SIGKILL:
		p.send(sig)
	case pid != 1:
		p.kill()
	}
	return nil
}

// send queues a signal; a program that does not read its signals ignores them.
func (p *process) send(sig workload.Signal) {
	select {
	case p.signals <- sig:
	default:
	}
}

// streams are what a process reads and writes.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	tty            bool
	resize         <-chan workload.Size
}

// runProgram runs one program to its end and returns its exit code. A
// cancelled ctx is SIGKILL; a program that does not return in killGrace after
// it is given up.
func runProgram(ctx context.Context, program workload.Program, p *workload.Process) int {
	release := ownNetwork(ctx, p)
	defer release()
	result := make(chan int, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				fmt.Fprintf(p.Stderr, "panic: %v\n\ngoroutine 1 [running]:\n%s", r, ownStack())
				result <- exitPanic
			}
		}()
		result <- program.Run(ctx, p)
	}()
	select {
	case code := <-result:
		if ctx.Err() != nil {
			return exitKilled
		}
		return code & 0xff
	case <-ctx.Done():
		timer := time.NewTimer(killGrace)
		defer timer.Stop()
		select {
		case <-result:
		case <-timer.C:
		}
		return exitKilled
	}
}

// killGrace is how long a killed program may take to return before its
// container is reported as exited without it.
const killGrace = 2 * time.Second

// ownStack is the stack of a panic without the frames of the runtime.
func ownStack() []byte {
	stack := debug.Stack()
	// The first line names the goroutine; the frames down to panic are ours.
	if i := bytes.Index(stack, []byte("\npanic(")); i >= 0 {
		rest := stack[i+1:]
		for range 2 { // the call of panic and its position
			if j := bytes.IndexByte(rest, '\n'); j >= 0 {
				rest = rest[j+1:]
			}
		}
		return rest
	}
	return stack
}

// killableReader gives EOF as soon as its context ends, even in the middle of
// a read that nothing will answer any more.
type killableReader struct {
	ctx    context.Context
	chunks chan []byte
	rest   []byte
}

// newKillableReader reads from r in a goroutine that ends when r does or, if
// nobody takes what was read, when ctx does.
func newKillableReader(ctx context.Context, r io.Reader) io.Reader {
	k := &killableReader{ctx: ctx, chunks: make(chan []byte)}
	go func() {
		defer close(k.chunks)
		buf := make([]byte, 32*1024)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				select {
				case k.chunks <- slices.Clone(buf[:n]):
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return k
}

func (k *killableReader) Read(p []byte) (int, error) {
	for len(k.rest) == 0 {
		select {
		case chunk, ok := <-k.chunks:
			if !ok {
				return 0, io.EOF
			}
			k.rest = chunk
		case <-k.ctx.Done():
			return 0, io.EOF
		}
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}

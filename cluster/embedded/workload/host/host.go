//go:build unix

package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Main runs program as this process and returns its exit code. With raw, a
// terminal on standard input is set raw while the program runs, which is what
// workload.Process promises with TTY; a program that has nothing to do with
// terminals leaves it as it is and sees TTY false.
func Main(program workload.Program, raw bool) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals, stop := forwardSignals(ctx)
	defer stop()

	p, err := process()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	p.Signals = signals
	if fd := int(os.Stdin.Fd()); raw && term.IsTerminal(fd) && term.IsTerminal(int(os.Stdout.Fd())) {
		state, err := term.MakeRaw(fd)
		if err == nil {
			p.TTY = true
			resize, stopResize := watchSize(ctx, fd)
			p.Resize = resize
			defer stopResize()
			defer func() { _ = term.Restore(fd, state) }() // the process ends here, there is nobody to tell
		}
	}
	return program.Run(ctx, p)
}

func process() (*workload.Process, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("working directory: %w", err)
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name: %w", err)
	}
	return &workload.Process{
		Args:      os.Args,
		Env:       os.Environ(),
		Dir:       dir,
		Hostname:  name,
		PID:       os.Getpid(),
		Stdin:     os.Stdin,
		Stdout:    os.Stdout,
		Stderr:    os.Stderr,
		FS:        osFS{},
		Net:       osNet{},
		CPU:       meter{},
		Memory:    &memory{},
		Processes: processes,
		Kill: func(pid int, s workload.Signal) error {
			return syscall.Kill(pid, syscall.Signal(s))
		},
	}, nil
}

// forwardSignals hands the process's signals to the program. Where the kernel
// would have stopped the process the program decides now, as package workload
// says.
func forwardSignals(ctx context.Context) (<-chan workload.Signal, func()) {
	in := make(chan os.Signal, 8)
	out := make(chan workload.Signal, 8)
	signal.Notify(in, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case s := <-in:
				n, ok := s.(syscall.Signal)
				if !ok {
					continue
				}
				select {
				case out <- workload.Signal(n):
				case <-ctx.Done():
				case <-done:
				}
			}
		}
	})
	return out, func() {
		signal.Stop(in)
		close(done)
		wg.Wait()
	}
}

// watchSize reports the terminal's size at the start and whenever the kernel
// says that it changed.
func watchSize(ctx context.Context, fd int) (<-chan workload.Size, func()) {
	in := make(chan os.Signal, 1)
	out := make(chan workload.Size, 1)
	signal.Notify(in, syscall.SIGWINCH)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if w, h, err := term.GetSize(fd); err == nil {
				select {
				case out <- workload.Size{Columns: clamp(w), Rows: clamp(h)}:
				case <-ctx.Done():
					return
				case <-done:
					return
				}
			}
			select {
			case <-in:
			case <-ctx.Done():
				return
			case <-done:
				return
			}
		}
	})
	return out, func() {
		signal.Stop(in)
		close(done)
		wg.Wait()
	}
}

func clamp(n int) uint16 { return uint16(min(max(n, 0), 65535)) }

// osNet is the network of the container as the kernel gives it.
type osNet struct{}

func (osNet) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func (osNet) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}

func (osNet) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

func (osNet) LookupHost(ctx context.Context, host string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, host)
}

// Addrs are the addresses of all interfaces but loopback.
func (osNet) Addrs() []string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return out
}

// meter does nothing: the kernel's cgroup accounts and throttles.
type meter struct{}

func (meter) Do(f func())          { f() }
func (meter) Charge(time.Duration) {}

// memory really takes what is declared, so that the kernel's OOM killer does
// what the runtime of the embedded cluster does.
type memory struct {
	mu     sync.Mutex
	blocks [][]byte
}

const block = 1 << 20

// Alloc takes memory in blocks of 1 MiB and writes to every page, because the
// kernel counts only pages that were touched.
func (m *memory) Alloc(n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n < 0 {
		drop := min(int(-n/block), len(m.blocks))
		clear(m.blocks[len(m.blocks)-drop:])
		m.blocks = m.blocks[:len(m.blocks)-drop]
		debug.FreeOSMemory()
		return nil
	}
	for ; n > 0; n -= block {
		b := make([]byte, min(n, block))
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		m.blocks = append(m.blocks, b)
	}
	return nil
}

// Usage asks the cgroup; both are 0 where there is none.
func (m *memory) Usage() (used, limit int64) {
	used, err := cgroupNumber("memory.current")
	if err != nil {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		used = int64(stats.Sys)
	}
	limit, err = cgroupNumber("memory.max")
	if err != nil {
		limit = 0
	}
	return used, limit
}

func cgroupNumber(name string) (int64, error) {
	b, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", name))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// processes reads /proc; the list is empty where there is none.
func processes() []workload.ProcessInfo {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []workload.ProcessInfo
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue // gone, or a thread of the kernel
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		out = append(out, workload.ProcessInfo{
			PID:     pid,
			Command: strings.TrimSpace(strings.ReplaceAll(string(cmdline), "\x00", " ")),
			Started: info.ModTime(),
		})
	}
	return out
}

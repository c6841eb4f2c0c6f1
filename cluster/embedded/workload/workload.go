// Package workload defines what a "container" of the embedded cluster is: a Go
// function with the surroundings of a process. It imports nothing of
// Kubernetes, so that the same programs also compile into small static
// binaries for the images that kind runs.
package workload

import (
	"context"
	"io"
	"io/fs"
	"net"
	"time"
)

// Program is the code an image holds. Run is called once for each container
// start and returns the exit code (0 to 255). A cancelled ctx is SIGKILL: Run
// must return at once and whatever it returns is reported as 137. A panic in
// Run is reported as exit code 2 with the stack on stderr, as Go does.
type Program interface {
	Run(ctx context.Context, p *Process) int
}

// ProgramFunc adapts a function to Program.
type ProgramFunc func(ctx context.Context, p *Process) int

// Run calls f.
func (f ProgramFunc) Run(ctx context.Context, p *Process) int { return f(ctx, p) }

// Process is what a Program sees of its container. Its fields are set before
// Run and not changed afterwards; the values behind them are safe for
// concurrent use.
type Process struct {
	Args     []string // argv, the program's own name first
	Env      []string // KEY=value, later entries win
	Dir      string   // working directory, absolute, inside FS
	Hostname string

	PID int // in the container; 1 for the container's own program, 0 if not known

	// TTY says that the streams are an attached terminal. They are raw then:
	// Stdin is what the client's keyboard sends and Stdout goes to the screen
	// as it is. Line editing, echo, Ctrl-C and "\r\n" are the program's work;
	// package workload/tty does for it what a kernel's terminal does.
	TTY bool
	// Stdin is never nil; it is at EOF when the container has no stdin. A
	// Read returns io.EOF at the latest when Run has returned or its context
	// is done.
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Resize <-chan Size // nil without a terminal

	// Signals delivers TERM, INT and the like. KILL is not delivered: it
	// cancels the context of Run.
	Signals <-chan Signal

	FS  FS
	Net Net
	CPU Meter
	// Memory is the container's memory account. It may be nil, then nothing
	// is counted.
	Memory Memory
	// Processes lists what runs in the container, for ps and top.
	Processes func() []ProcessInfo
	// Kill sends a signal to a process of the container by its PID in
	// Processes. It may be nil, then no signal can be sent. Errors are
	// syscall.ESRCH for an unknown PID and syscall.EPERM.
	Kill func(pid int, s Signal) error
}

// Size is a terminal's size in cells.
type Size struct{ Columns, Rows uint16 }

// Signal is a POSIX signal number, such as 15 for TERM.
type Signal int

// Signals that workloads know.
const (
	SIGHUP  Signal = 1
	SIGINT  Signal = 2
	SIGKILL Signal = 9
	SIGTERM Signal = 15
)

// ProcessInfo is one line of ps.
type ProcessInfo struct {
	PID     int
	Command string
	Started time.Time
}

// FS is a container's file system. Names are absolute, slash-separated and
// cleaned by the callee; nothing outside the container can be reached through
// it, by ".." or by a symbolic link.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	Readlink(name string) (string, error)
	Mkdir(name string, perm fs.FileMode) error
	Remove(name string) error
	RemoveAll(name string) error
	Rename(from, to string) error
	Symlink(target, name string) error
	Chmod(name string, mode fs.FileMode) error
	Chtimes(name string, atime, mtime time.Time) error
}

// File is an open file of an FS.
type File interface {
	fs.File
	io.Writer
	io.Seeker
}

// Net is the network as one Pod sees it. Addresses are "host:port"; network is
// "tcp" or "udp". Dial resolves names as the Pod's /etc/resolv.conf says.
// Errors are *net.OpError with the texts of Linux ("connect: connection
// refused", "i/o timeout", "no such host").
type Net interface {
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
	// Addrs are the Pod's own addresses.
	Addrs() []string
}

// Meter is the container's CPU account.
type Meter interface {
	// Do runs f on the calling goroutine and charges the CPU time that it
	// used to the container. While the container is above its CPU limit, Do
	// waits before it runs f (throttling), as the kernel's CFS quota does.
	Do(f func())
	// Charge adds CPU time measured by the caller.
	Charge(d time.Duration)
}

// Memory is the container's memory account. What a Go function really uses
// can't be told apart from its neighbours, so programs declare it.
type Memory interface {
	// Alloc adds n bytes to the account; a negative n gives them back. If
	// that takes the container over its memory limit, the runtime kills it as
	// the kernel would: the context of Run is cancelled and the container
	// ends with 137 and the reason OOMKilled. Alloc then returns
	// syscall.ENOMEM.
	Alloc(n int64) error
	// Usage is what the container holds and its limit in bytes; limit is 0
	// where there is none.
	Usage() (used, limit int64)
}

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

	TTY    bool
	Stdin  io.Reader // never nil; at EOF when the container has no stdin
	Stdout io.Writer
	Stderr io.Writer
	Resize <-chan Size // nil without a terminal

	// Signals delivers TERM, INT and the like. KILL is not delivered: it
	// cancels the context of Run.
	Signals <-chan Signal

	FS  FS
	Net Net
	CPU Meter
	// Processes lists what runs in the container, for ps and top.
	Processes func() []ProcessInfo
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

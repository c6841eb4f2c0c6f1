//go:build unix

package embedded

import (
	"os"
	"os/exec"
	"syscall"
)

// ownSignals keeps the terminal's Ctrl-C from the child: it would get the signal
// beside us and begin its rollback while we still decide what to do.
func ownSignals(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interrupt asks a child to undo what it began and end.
func interrupt(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

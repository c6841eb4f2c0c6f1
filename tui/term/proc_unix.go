//go:build !windows

package term

import (
	"os/exec"
	"syscall"

	"github.com/charmbracelet/x/xpty"
)

// setSession makes the program the leader of a new session whose controlling
// terminal is its standard input, the pty.
func setSession(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
}

// closeSlave closes the program's side of the pty here, so that reading ends
// when the last program has closed it.
func closeSlave(p xpty.Pty) {
	if u, ok := p.(*xpty.UnixPty); ok {
		_ = u.Slave().Close()
	}
}

// hangUp sends what closing a terminal window sends. SIGCONT wakes what was
// stopped with Ctrl-Z, so that it can go.
func hangUp(cmd *exec.Cmd) {
	for _, group := range sessionGroups(cmd.Process.Pid) {
		_ = syscall.Kill(-group, syscall.SIGHUP)
		_ = syscall.Kill(-group, syscall.SIGCONT)
	}
}

// killSession kills what is left of the session. The session's ID is free for
// reuse only when its last process is gone, so this never hits a stranger.
func killSession(cmd *exec.Cmd) {
	for _, group := range sessionGroups(cmd.Process.Pid) {
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
}

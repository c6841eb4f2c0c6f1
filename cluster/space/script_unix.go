//go:build unix

package space

import (
	"os/exec"
	"syscall"
)

// wholeGroup makes the command the head of a process group, so that cancelling
// ends what it had started too.
func wholeGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

//go:build unix

package cluster

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the command the head of a process group, so that cancelling
// ends what it had started too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

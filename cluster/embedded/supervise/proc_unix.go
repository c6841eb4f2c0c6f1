//go:build unix && !linux

package supervise

import (
	"os/exec"
	"syscall"
)

// setDeathSignal keeps a terminal's signals from the child. This system has no
// parent-death signal: the end of standard input has to do.
func setDeathSignal(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

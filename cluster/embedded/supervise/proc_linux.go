package supervise

import (
	"os/exec"
	"syscall"
)

// setDeathSignal makes the kernel kill the child when this process dies, and
// keeps a terminal's signals from it.
func setDeathSignal(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

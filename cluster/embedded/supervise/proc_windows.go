package supervise

import (
	"os"
	"os/exec"
	"syscall"
)

// setDeathSignal does nothing here: the end of standard input has to do.
func setDeathSignal(*exec.Cmd) {}

// terminate kills: Windows has no signal that asks a process without a console
// to stop, and the parts survive being killed.
func terminate(p *os.Process) error { return p.Kill() }

// Detach makes cmd outlive the console it is started from.
func Detach(cmd *exec.Cmd) {
	const detachedProcess = 0x00000008
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}

// exitStatus is the exit code of an ended process.
func exitStatus(st *os.ProcessState) int { return st.ExitCode() }

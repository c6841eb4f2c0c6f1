package term

import (
	"os/exec"

	"github.com/charmbracelet/x/xpty"
)

// On Windows closing the ConPTY ends the console's programs.

func setSession(*exec.Cmd) {}

func closeSlave(xpty.Pty) {}

func hangUp(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func killSession(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

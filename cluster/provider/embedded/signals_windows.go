package embedded

import (
	"os"
	"os/exec"
)

// ownSignals has nothing to do here: the embedded cluster does not run on
// Windows (the kubelet there needs containerd), only its errors do.
func ownSignals(*exec.Cmd) {}

// interrupt ends a child. Windows has no signal to ask it politely.
func interrupt(p *os.Process) error { return p.Kill() }

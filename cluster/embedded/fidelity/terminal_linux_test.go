package fidelity

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is kubectl on a pseudo terminal of 100 by 30 cells.
type terminal struct {
	t      *testing.T
	master *os.File
	output *syncBuffer
	read   chan struct{} // closed when there is no more output
	cmd    *exec.Cmd
}

// openTerminal starts kubectl as a person would, see pty(7).
func (s *space) openTerminal(args ...string) *terminal {
	s.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 100}))
	if err != nil {
		s.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer slave.Close()
	term := &terminal{t: s.t, master: master, output: &syncBuffer{}, read: make(chan struct{}), cmd: s.command(args...)}
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = slave, slave, slave
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := term.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(term.read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			_, _ = term.output.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	s.t.Cleanup(func() {
		_ = term.cmd.Process.Kill() // it may have ended
		master.Close()
		<-term.read
	})
	return term
}

func (x *terminal) send(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

func (x *terminal) expect(text string) {
	x.t.Helper()
	deadline := time.Now().Add(patience)
	for !strings.Contains(x.output.String(), text) {
		if time.Now().After(deadline) {
			x.t.Fatalf("the terminal never showed %q, but:\n%s", text, x.output)
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // between two looks at the screen
	}
}

// end waits for kubectl and returns its exit code.
func (x *terminal) end() int {
	x.t.Helper()
	done := make(chan error, 1)
	go func() { done <- x.cmd.Wait() }()
	select {
	case <-done:
		return x.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		x.t.Fatalf("kubectl did not end:\n%s", x.output)
		return -1
	}
}

// https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/
func TestRunInteractive(t *testing.T) {
	s := newSpace(t)
	term := s.openTerminal("run", "shell", "--rm", "-it", "--image=toolbox:1.0", "--restart=Never", "--", "sh")
	term.expect("#")
	term.send("echo on $HOSTNAME\r")
	term.expect("on shell\r\n")
	term.send("exit 3\r")
	if code := term.end(); code != 3 {
		t.Errorf("exit code %d, want the shell's 3\n%s", code, term.output)
	}
	s.waitGone("shell")
}

// https://kubernetes.io/docs/tasks/debug/debug-application/get-shell-running-container/
func TestExecInteractive(t *testing.T) {
	s := newSpace(t)
	s.kubectl("run", "box", "--image=toolbox:1.0")
	s.waitReady("box")
	shell := s.openTerminal("exec", "-it", "box", "--", "sh")
	shell.expect("#")
	shell.send("sleep 600\r")
	shell.expect("sleep 600")
	shell.send("\x03") // Ctrl-C ends the command, not the shell
	shell.send("echo still $((40+2))\r")
	shell.expect("still 42")
	shell.send("\x04") // Ctrl-D
	if code := shell.end(); code != 0 && code != 130 {
		t.Errorf("exit code %d\n%s", code, shell.output)
	}
	command := s.openTerminal("exec", "-it", "box", "--", "cat")
	command.send("hello\r")
	command.expect("hello\r\nhello\r\n") // the terminal's echo, then cat's
	command.send("\x03")
	if code := command.end(); code != 130 {
		t.Errorf("exit code %d after Ctrl-C, want 130\n%s", code, command.output)
	}
}

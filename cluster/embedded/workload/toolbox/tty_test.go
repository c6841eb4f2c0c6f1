package toolbox_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/toolbox"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

// terminal is a shell at a terminal, with a keyboard and a screen.
type terminal struct {
	t        *testing.T
	p        *workloadtest.Process
	keyboard *io.PipeWriter
	seen     int
	done     chan int
}

func newTerminal(t *testing.T, args ...string) *terminal {
	p := workloadtest.New(t, args...)
	in, keyboard := io.Pipe()
	resize := make(chan workload.Size, 2)
	resize <- workload.Size{Columns: 100, Rows: 30}
	resize <- workload.Size{Columns: 1, Rows: 1} // kubectl attach without a size
	p.TTY, p.Stdin, p.Resize = true, in, resize
	x := &terminal{t: t, p: p, keyboard: keyboard, done: make(chan int, 1)}
	go func() { x.done <- toolbox.New("toolbox").Run(t.Context(), p.Process) }()
	t.Cleanup(func() { _ = keyboard.Close() })
	return x
}

// press types keys and waits until the screen shows want.
func (x *terminal) press(keys, want string) {
	x.t.Helper()
	if _, err := io.WriteString(x.keyboard, keys); err != nil {
		x.t.Fatal(err)
	}
	x.expect(want)
}

func (x *terminal) expect(want string) {
	x.t.Helper()
	x.seen = x.p.Out.WaitFor(x.t, x.seen, want)
}

func (x *terminal) end(code int) {
	x.t.Helper()
	select {
	case got := <-x.done:
		if got != code {
			x.t.Errorf("exit code %d, want %d; screen %q", got, code, x.p.Out)
		}
	case <-time.After(10 * time.Second):
		x.t.Fatalf("still running; screen %q", x.p.Out)
	}
}

const (
	up    = "\x1b[A"
	left  = "\x1b[D"
	ctrlC = "\x03"
	ctrlD = "\x04"
)

func TestTerminal(t *testing.T) {
	x := newTerminal(t, "sh")
	x.expect("/ # ")
	x.press("echo helo"+left+"l\r", "hello\r\n/ # ")
	x.press(up+"\r", "hello\r\n/ # ") // history
	x.press("cd /tm\t\r", "/tmp # ")  // completion of a file
	x.press("hostn\t\r", "toolbox-1\r\n/tmp # ")
	x.press("cd\r", "~ # ")
	x.press("if true\r", "> ")
	x.press("then echo yes; fi\r", "yes\r\n~ # ")
	x.press("garbage"+ctrlC, "^C\r\n~ # ")
	x.press("sleep 1000\r", "sleep 1000\r\n")
	x.press(ctrlC, "^C\r\n~ # ")
	x.press("echo $?\r", "130\r\n~ # ")
	x.press("while true; do :; done\r", "done\r\n")
	x.press(ctrlC, "~ # ")
	x.press("cat\r", "cat\r\n")
	x.press("line\r", "line\r\nline\r\n") // echoed, then printed
	x.press(ctrlD, "~ # ")
	x.press("read x; echo \"[$x]\"\r", "\r\n")
	x.press("wrogn\x7f\x7fng\r", "[wrong]\r\n~ # ")
	x.press("sleep 0.2; echo first\recho second\r", "second\r\n~ # ") // typed ahead
	x.press("echo )\r", "syntax error")
	x.press("exit 4\r", "exit 4")
	x.end(4)
}

func TestTerminalEndOfInput(t *testing.T) {
	x := newTerminal(t, "sh")
	x.expect("# ")
	x.press("sleep 1000 &\r", "/ # ")
	x.press("jobs\r", "Running")
	x.press("", "/ # ")
	x.press(ctrlD, "")
	x.end(0)
}

func TestTerminalHangUp(t *testing.T) {
	x := newTerminal(t, "sh", "-c", "cat; echo end")
	x.press("abc\r", "abc\r\nabc\r\n")
	_ = x.keyboard.Close()
	x.expect("end")
	x.end(0)
}

func TestTerminalDirectCommand(t *testing.T) {
	x := newTerminal(t, "cat")
	x.press("abc\r", "abc\r\nabc\r\n")
	x.press(ctrlC, "^C")
	x.end(130)
}

func TestTerminalScreenIsRaw(t *testing.T) {
	x := newTerminal(t, "sh", "-c", "echo a; echo b")
	x.end(0)
	if got := x.p.Out.String(); got != "a\r\nb\r\n" || strings.Contains(got, "\r\r") {
		t.Errorf("screen %q", got)
	}
}

//go:build !windows

package term

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
)

const patience = 20 * time.Second

func start(t testing.TB, w, h int, argv ...string) *Term {
	t.Helper()
	tm, err := Start(Spec{Argv: argv, Env: []string{"PATH=" + os.Getenv("PATH"), "PS1=$ ", "LANG=C.UTF-8"}, Dir: t.TempDir(), Width: w, Height: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	return tm
}

// wait waits until the text of the screen satisfies ok.
func wait(t testing.TB, tm *Term, what string, ok func(text string) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		text := strings.Join(tm.Text(), "\n")
		if ok(text) {
			return
		}
		select {
		case <-tm.Dirty():
		case <-deadline:
			t.Fatalf("no %s within %s; the screen:\n%s", what, patience, text)
		}
	}
}

func contains(want string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, want) }
}

func send(t testing.TB, tm *Term, text string) {
	t.Helper()
	if err := tm.Type(text); err != nil {
		t.Fatal(err)
	}
}

// alive reports whether a process is there and not a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !errors.Is(err, os.ErrNotExist)
	}
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	return len(rest) > 1 && rest[1] != 'Z'
}

// gone waits until the process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d still runs", pid)
		}
		<-time.After(2 * time.Millisecond) // there is nothing to be told by for a stranger's child
	}
}

func TestShell(t *testing.T) {
	tm := start(t, 60, 10, "sh")
	send(t, tm, "echo one$((1+1))three\r")
	wait(t, tm, "output", contains("one2three"))
	send(t, tm, "stty size; tty; echo $TERM\r")
	wait(t, tm, "size", contains("10 60"))
	wait(t, tm, "a terminal", contains("/dev/"))
	wait(t, tm, "TERM", contains("xterm-256color"))
	if err := tm.Resize(100, 20); err != nil {
		t.Fatal(err)
	}
	send(t, tm, "stty size\r")
	wait(t, tm, "the new size", contains("20 100"))
	send(t, tm, "printf '叢集%s\\n' 映像檔\r")
	wait(t, tm, "wide characters", contains("叢集映像檔"))
	checkWidths(t, tm.Screen, 0)
	send(t, tm, "exit 7\r")
	<-tm.Done()
	if e, ok := tm.Exit(); !ok || e.Code != 7 {
		t.Errorf("exit %+v, %v", e, ok)
	}
}

func TestKeysReachTheProgram(t *testing.T) {
	tm := start(t, 60, 10, "sh", "-c", "stty raw -echo; echo ready; od -An -tx1 -N9 | tr -d ' \n'; stty sane; echo; echo done")
	wait(t, tm, "the program", contains("ready"))
	for _, k := range []Key{{Code: 'g', Mod: uv.ModCtrl}, {Code: uv.KeyUp}, {Code: 'x', Mod: uv.ModAlt}, {Code: uv.KeyExtended, Text: "集"}} {
		if err := tm.Key(k); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, tm, "the bytes", contains("071b5b411b78e99b86"))
}

func TestControlC(t *testing.T) {
	tm := start(t, 60, 10, "sh")
	send(t, tm, "trap 'echo caught; exit' INT; while :; do echo yyyyyyyy; done\r")
	wait(t, tm, "a flood", contains("yyyyyyyy\nyyyyyyyy\nyyyyyyyy"))
	if err := tm.Key(Key{Code: 'c', Mod: uv.ModCtrl}); err != nil {
		t.Fatal(err)
	}
	wait(t, tm, "the interrupt", contains("caught"))
}

// TestAnswersGoBackToTheProgram: the program asks where the cursor is and
// reads the answer from its input.
func TestAnswersGoBackToTheProgram(t *testing.T) {
	tm := start(t, 60, 10, "sh", "-c", `stty raw -echo min 1; printf 'abc\033[6n'; dd bs=1 count=6 2>/dev/null | od -An -c; stty sane`)
	wait(t, tm, "the answer", contains("[   1   ;   4   R"))
}

func TestProgramThatDoesNotRead(t *testing.T) {
	tm := start(t, 60, 10, "sh", "-c", "stty raw -echo; echo ready; sleep 100")
	wait(t, tm, "the program", contains("ready"))
	var err error
	for range 40 {
		if err = tm.Paste(strings.Repeat("x", 64*1024)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrInputFull) {
		t.Errorf("error %v", err)
	}
}

// TestCloseEndsEverything: Close takes the shell, a program in the foreground,
// a job in the background, a stopped one, and one that ignores hangups.
func TestCloseEndsEverything(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		bash = "sh"
	}
	tm := start(t, 80, 20, bash, "-i")
	send(t, tm, "sleep 300 & echo bg=$!.\r")
	send(t, tm, "(trap '' HUP; exec sleep 301) & echo hup=$!.\r")
	send(t, tm, "sleep 302 & kill -STOP $!; echo stopped=$!.; sleep 303\r")
	pids := []int{tm.PID()}
	for _, name := range []string{"bg=", "hup=", "stopped="} {
		wait(t, tm, name, func(text string) bool { _, ok := number(text, name); return ok })
		pid, _ := number(strings.Join(tm.Text(), "\n"), name)
		pids = append(pids, pid)
	}
	tm.Close()
	for _, pid := range pids {
		gone(t, pid)
	}
	tm.Close() // again is fine
	if err := tm.Type("x"); err == nil {
		t.Error("typing into a closed terminal worked")
	}
}

// number finds name123. in the text.
func number(text, name string) (int, bool) {
	for _, part := range strings.Split(text, name)[1:] {
		digits, _, ok := strings.Cut(part, ".")
		if n, err := strconv.Atoi(digits); ok && err == nil {
			return n, true
		}
	}
	return 0, false
}

func TestStartErrors(t *testing.T) {
	if _, err := Start(Spec{}); err == nil {
		t.Error("no program, no error")
	}
	if _, err := Start(Spec{Argv: []string{"/nowhere/sh"}, Width: 80, Height: 24}); err == nil || !strings.Contains(err.Error(), "/nowhere/sh") {
		t.Errorf("error %v", err)
	}
}

func TestTermResizeStorm(t *testing.T) {
	tm := start(t, 80, 24, "sh", "-c", "while :; do printf '一二three\\033[31m%s\\n' four; done")
	for i := range 300 {
		if err := tm.Resize(10+i*7%180, 3+i*5%50); err != nil {
			t.Fatal(err)
		}
		checkWidths(t, tm.Screen, 0)
	}
}

// TestKilledScreen: when the process that holds the terminal is killed with
// SIGKILL, the programs in it get a hangup from the kernel.
func TestKilledScreen(t *testing.T) {
	if os.Getenv("TERM_TEST_HOLDER") == "1" {
		holdTerminal()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledScreen$")
	cmd.Env = append(os.Environ(), "TERM_TEST_HOLDER=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(text.String(), "fg.") {
		n, err := out.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			t.Fatalf("the holder ended: %v\n%s", err, text.String())
		}
	}
	shell, ok1 := number(text.String(), "shell=")
	job, ok2 := number(text.String(), "job=")
	if !ok1 || !ok2 || !alive(shell) || !alive(job) {
		t.Fatalf("the holder said %q", text.String())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	gone(t, shell)
	gone(t, job)
}

// holdTerminal is the process that TestKilledScreen kills. It listens to
// hangups as the screen does: without that, under nohup, the programs in the
// terminal would inherit that hangups are ignored.
func holdTerminal() {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tm, err := Start(Spec{Argv: []string{"sh", "-c", "sleep 300 & echo job=$!.; wait"}, Env: os.Environ(), Width: 80, Height: 24})
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		<-tm.Dirty()
		if job, ok := number(strings.Join(tm.Text(), "\n"), "job="); ok {
			fmt.Printf("shell=%d. job=%d. fg.\n", tm.PID(), job)
			break
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	<-tm.Done()
}

func BenchmarkTermThroughput(b *testing.B) {
	const lines = 200_000
	b.SetBytes(lines * 3)
	for b.Loop() {
		tm := start(b, 120, 20, "sh", "-c", fmt.Sprintf("yes | head -n %d", lines))
		<-tm.Done()
		tm.Close()
	}
}

// BenchmarkEcho is the time from a key press to its echo on the screen.
func BenchmarkEcho(b *testing.B) {
	tm := start(b, 80, 24, "cat")
	send(b, tm, "go\r")
	wait(b, tm, "cat", func(s string) bool { return strings.Count(s, "go") == 2 })
	for b.Loop() {
		before := tm.Cursor()
		if err := tm.Key(Key{Code: 'x', Text: "x"}); err != nil {
			b.Fatal(err)
		}
		for tm.Cursor() == before {
			<-tm.Dirty()
		}
		if before.X == 60 {
			send(b, tm, "\x15") // kill the line
			for tm.Cursor().X != 0 {
				<-tm.Dirty()
			}
		}
	}
}

// Bubble Tea asks for synchronized updates, and begins with the answer that they
// are off; whoever looks at the screen sees whole ones.
func TestSynchronizedUpdates(t *testing.T) {
	tm := start(t, 40, 5, "sh", "-c", `stty -echo raw; printf '\033[?2026$p'; dd bs=1 count=11 2>/dev/null | od -An -c | tr -d ' \n'; `+
		`printf '\033[?2026h\033[H\033[Jone'; read -r _; printf ' two\033[?2026l'; read -r _`)
	wait(t, tm, "the answer", contains(`033[?2026;2$y`))
	send(t, tm, "\n")
	wait(t, tm, "the update", func(text string) bool {
		if strings.Contains(text, "one") && !strings.Contains(text, "one two") {
			t.Fatalf("half of an update is shown:\n%s", text)
		}
		return strings.Contains(text, "one two")
	})
}

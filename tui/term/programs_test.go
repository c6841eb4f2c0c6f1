//go:build !windows

package term

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
)

// need skips a test, loudly, on a machine without the program.
func need(t *testing.T, program, debian string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("NOT TESTED: %s is not on this machine (apt-get install %s)", program, debian)
	}
}

func press(t *testing.T, tm *Term, keys ...Key) {
	t.Helper()
	for _, k := range keys {
		if err := tm.Key(k); err != nil {
			t.Fatal(err)
		}
	}
}

// TestVim: a file is edited, with wide characters, a paste that is not taken for
// keys, and a resize; then the screen is as before.
func TestVim(t *testing.T) {
	need(t, "vim", "vim")
	tm := start(t, 60, 12, "sh")
	file := filepath.Join(t.TempDir(), "note.txt")
	send(t, tm, "echo before; vim -u NONE -N --cmd 'set title' "+file+"\r")
	wait(t, tm, "vim", func(string) bool { return tm.AltScreen() })
	wait(t, tm, "its title in the pane's own", func(string) bool { return strings.Contains(tm.Title(), "note.txt") })
	send(t, tm, "ione 叢集\x1b")
	wait(t, tm, "what was typed", contains("one 叢集"))
	if err := tm.Resize(90, 20); err != nil {
		t.Fatal(err)
	}
	send(t, tm, "o")
	if err := tm.Paste("two\n  three\nfour"); err != nil {
		t.Fatal(err)
	}
	send(t, tm, "\x1b")
	wait(t, tm, "the paste", contains("four"))
	checkWidths(t, tm.Screen, 0)
	send(t, tm, ":wq\r")
	wait(t, tm, "the screen as before", func(s string) bool { return !tm.AltScreen() && strings.Contains(s, "before") })
	got, err := os.ReadFile(file)
	if err != nil || string(got) != "one 叢集\ntwo\n  three\nfour\n" {
		t.Errorf("the file holds %q, %v", got, err)
	}
}

// TestLess: keys, searching and the end of less.
func TestLess(t *testing.T) {
	need(t, "less", "less")
	tm := start(t, 60, 12, "sh")
	send(t, tm, "seq -f row-%g 1 1000 >f; less f\r")
	wait(t, tm, "less", contains("row-11"))
	press(t, tm, Key{Code: 'G', Text: "G"})
	wait(t, tm, "the end", contains("row-1000"))
	send(t, tm, "?row-5$\r")
	wait(t, tm, "the match", contains("row-5\n"))
	send(t, tm, "q")
	wait(t, tm, "the prompt", func(s string) bool { return !tm.AltScreen() && strings.Contains(s, "less f") })
}

// TestTop: a screen that is drawn again and again, by htop, or top where there
// is no htop.
func TestTop(t *testing.T) {
	program := "htop"
	if _, err := exec.LookPath(program); err != nil {
		program = "top"
		need(t, program, "procps")
		t.Log("NOT TESTED: htop is not on this machine (apt-get install htop); top stands for it")
	}
	tm := start(t, 100, 20, "sh", "-c", program)
	wait(t, tm, program, contains("PID"))
	checkWidths(t, tm.Screen, 0)
	send(t, tm, "q")
	<-tm.Done()
}

// TestWatch: watch and Ctrl-C.
func TestWatch(t *testing.T) {
	need(t, "watch", "procps")
	tm := start(t, 60, 12, "sh")
	prompt := func(s string) bool { return !tm.AltScreen() && strings.HasSuffix(strings.TrimSpace(s), "$") }
	wait(t, tm, "the first prompt", prompt)
	send(t, tm, "watch -n 0.2 'echo tick; cat n; echo x >>n'\r")
	wait(t, tm, "some ticks", func(s string) bool { return strings.Count(s, "\nx") >= 3 })
	press(t, tm, Key{Code: 'c', Mod: uv.ModCtrl})
	// What is typed before watch has ended is lost, and it leaves its screen before that.
	wait(t, tm, "the prompt", prompt)
	send(t, tm, "echo back\r")
	wait(t, tm, "the shell", func(s string) bool { return strings.Count(s, "back") == 2 })
}

//go:build !windows

package tui

import (
	"os"
	"strings"
	"testing"

	"github.com/k8stutor/k8stutor/tui/term"
)

// TestSuspend: Ctrl-Z after the prefix key, and a SIGTSTP from elsewhere, give
// the terminal back to the learner's shell; continued, the screen is as it was,
// and the shell pane has gone on.
func TestSuspend(t *testing.T) {
	dir := t.TempDir()
	tm, err := term.Start(term.Spec{Argv: []string{"sh", "-i"}, Dir: dir, Width: 120, Height: 40, Env: []string{
		"PATH=" + os.Getenv("PATH"), "PS1=outer> ", "LANG=C.UTF-8", "HOME=" + dir,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	see(t, tm, "outer>")
	keys(t, tm, "PS1='$ ' TUI_DEMO=lesson "+os.Args[0]+"\r")
	see(t, tm, "Three endpoints are ready")
	see(t, tm, "$ ")
	keys(t, tm, "outer=$PPID\r") // the screen's process, seen from its shell
	for _, stop := range []string{"\x07\x1a", "kill -TSTP $outer; echo went-on-$((1+1))\r"} {
		keys(t, tm, stop)
		see(t, tm, "Stopped")
		if text := strings.Join(tm.Text(), "\n"); tm.AltScreen() || strings.Contains(text, "LESSON") || !tm.Cursor().Visible {
			t.Errorf("stopped, the terminal is not as it was:\n%s", text)
		}
		if buttons, _ := tm.MouseWanted(); buttons {
			t.Error("stopped, the screen keeps the mouse")
		}
		keys(t, tm, "clear; fg\r")
		see(t, tm, "Three endpoints are ready")
		if !tm.AltScreen() {
			t.Error("continued, the screen is not on the alternate screen")
		}
	}
	see(t, tm, "went-on-2")
	keys(t, tm, "echo again$((2+2))\r")
	see(t, tm, "again4")
	keys(t, tm, "\x07qy")
	see(t, tm, "Run: nil")
}

// TestLeavesTheTerminalAsItWas: what was on the terminal before is there after
// the screen, and what is said then goes below it.
func TestLeavesTheTerminalAsItWas(t *testing.T) {
	dir := t.TempDir()
	tm, err := term.Start(term.Spec{Argv: []string{"sh", "-i"}, Dir: dir, Width: 120, Height: 40, Env: []string{
		"PATH=" + os.Getenv("PATH"), "PS1=outer> ", "LANG=C.UTF-8", "HOME=" + dir,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	see(t, tm, "outer>")
	keys(t, tm, "clear; seq 100 110; TUI_DEMO=lesson "+os.Args[0]+"\r")
	see(t, tm, "Three endpoints are ready")
	keys(t, tm, "\x07qy")
	see(t, tm, "Run: nil")
	lines := strings.Fields(strings.Join(tm.Text(), "\n"))
	if len(lines) < 13 || strings.Join(lines[:13], " ") != "100 101 102 103 104 105 106 107 108 109 110 Run: nil" {
		t.Errorf("afterwards the terminal shows\n%s", strings.Join(tm.Text(), "\n"))
	}
}

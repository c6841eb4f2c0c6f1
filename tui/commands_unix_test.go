//go:build !windows

package tui

import (
	"strings"
	"testing"

	"github.com/k8stutor/k8stutor/tui/term"
)

// TestInsertReachesTheShell: what arrives at the program is the command and
// nothing more.
func TestInsertReachesTheShell(t *testing.T) {
	tm, err := term.Start(term.Spec{Argv: []string{"cat"}, Dir: t.TempDir(), Width: 80, Height: 5, Env: []string{"PATH=/bin:/usr/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	s := newScreen(t, "en", 120, 40, 3)
	u := update("en")
	u.Hints = 2
	s.send(lessonMsg(u))
	s.frame()
	s.shell.term = tm
	s.press("ctrl+g", "l", ".", "enter")
	if s.focus != paneShell {
		t.Error("the focus did not go to the shell")
	}
	see(t, tm, "kubectl delete pod go-api-65577fc4f9-aaajk")
	if text := strings.TrimSpace(strings.Join(tm.Text(), "\n")); text != "kubectl delete pod go-api-65577fc4f9-aaajk" {
		t.Errorf("the program shows %q", text) // cat would have written the line once more after Enter
	}
}

//go:build !windows

package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui/term"
)

// TestMain runs the tests, or, as a child of one, the screen on a made-up
// cluster.
func TestMain(m *testing.M) {
	if how := os.Getenv("TUI_DEMO"); how != "" {
		os.Exit(demo(how))
	}
	goleak.VerifyTestMain(m)
}

// demo runs the screen with a real shell and a fake cluster, whose lesson is
// met when the file tick appears in the folder.
func demo(how string) int {
	lang := os.Getenv("TUI_LANG")
	if lang == "" {
		lang = "en"
	}
	session, view := newFakeSession(), newFakeView(3)
	shift := time.Since(began)
	for _, e := range view.objects[gvrEvents] {
		t, _ := time.Parse(time.RFC3339Nano, stringAt(e, "lastTimestamp"))
		e.Object["lastTimestamp"] = t.Add(shift).Format(time.RFC3339Nano)
	}
	current := update(lang)
	current.Began = time.Now()
	done := make(chan struct{})
	err := Run(context.Background(), Options{Lang: lang, Start: func(ctx context.Context, report cluster.Progress) (*Running, error) {
		for i, title := range []string{"Certificates", "Control plane", "Node", "System Pods"} {
			id := fmt.Sprint(i)
			report(cluster.Phase{ID: id, Title: title, Detail: "working on it"})
			wait := 30 * time.Millisecond
			if how == "slow" {
				wait = time.Hour
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				<-time.After(300 * time.Millisecond) // a rollback takes its time
				_ = os.WriteFile("rolled-back", nil, 0o644)
				return nil, ctx.Err()
			}
			if how == "broken" {
				err := errors.New("start the control plane: port 6443 is in use by another program")
				report(cluster.Phase{ID: id, Title: title, Done: true, Err: err, Elapsed: wait})
				return nil, err
			}
			report(cluster.Phase{ID: id, Title: title, Done: true, Elapsed: wait})
		}
		session.updates <- current
		go func() {
			defer close(done)
			for {
				select {
				case <-ctx.Done():
					return
				case asked := <-session.asked:
					switch asked {
					case "hint":
						current.Hints++
					case "next":
						current.Index, current.Step, current.Entry = current.Index+1, "after", current.Entry+1
						current.Outcome = lessons.Outcome{Step: "after"}
					}
				case <-time.After(50 * time.Millisecond):
					if os.Remove("tick") != nil {
						continue
					}
					hints := current.Hints
					current = met(lang)
					current.Hints, current.Began = hints, time.Now()
				}
				session.updates <- current
			}
		}()
		shell := []string{"sh"}
		if s := os.Getenv("TUI_SHELL"); s != "" {
			shell = []string{s}
		}
		return &Running{
			Access: cluster.Access{Provider: "embedded", Name: "k8stutor", Version: "v1.36.3"}, Title: "Service",
			Session: session, View: view, Namespace: "tutor-service", Shell: ShellSpec{Argv: shell, Env: os.Environ()},
			Close: func() { <-done },
		}, nil
	}})
	if err != nil {
		fmt.Println("Run:", err)
		return 1
	}
	fmt.Println("Run: nil")
	return 0
}

// play runs the demo on a pty of its own, with more of the environment.
func play(t testing.TB, how string, w, h int, more ...string) (*term.Term, string) {
	t.Helper()
	dir := t.TempDir()
	tm, err := term.Start(term.Spec{Argv: []string{os.Args[0]}, Dir: dir, Width: w, Height: h, Env: append([]string{
		"TUI_DEMO=" + how, "PATH=" + os.Getenv("PATH"), "PS1=$ ", "LANG=C.UTF-8", "HOME=" + dir,
	}, more...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	return tm, dir
}

const patience = 20 * time.Second

// see waits until the screen shows the text.
func see(t testing.TB, tm *term.Term, want string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(strings.Join(tm.Text(), "\n"), want) {
		select {
		case <-tm.Dirty():
		case <-deadline:
			t.Fatalf("%q did not come; the screen:\n%s", want, strings.Join(tm.Text(), "\n"))
		}
	}
}

func keys(t testing.TB, tm *term.Term, text string) {
	t.Helper()
	if err := tm.Type(text); err != nil {
		t.Fatal(err)
	}
}

// end waits until the program has ended.
func end(t testing.TB, tm *term.Term) term.Exit {
	t.Helper()
	select {
	case <-tm.Done():
	case <-time.After(patience):
		t.Fatalf("the screen did not end:\n%s", strings.Join(tm.Text(), "\n"))
	}
	e, _ := tm.Exit()
	return e
}

func TestRunALesson(t *testing.T) {
	tm, _ := play(t, "lesson", 120, 40)
	see(t, tm, "Three endpoints are ready")
	see(t, tm, "$")
	keys(t, tm, "echo one$((1+1))three; stty size\r")
	see(t, tm, "one2three")
	see(t, tm, "12 116")
	keys(t, tm, "\x07h")
	see(t, tm, "Hint 1 of 2")
	keys(t, tm, "\x07?")
	see(t, tm, "open the next hint")
	keys(t, tm, "x")
	keys(t, tm, "touch tick\r")
	see(t, tm, "Press ^G n for the next one")
	see(t, tm, "step 3 of 7") // a tick never moves the learner on
	keys(t, tm, "\x07n")
	see(t, tm, "step 4 of 7")
	if err := tm.Resize(80, 24); err != nil {
		t.Fatal(err)
	}
	see(t, tm, "^G c cluster")
	keys(t, tm, "stty size\r")
	see(t, tm, "7 76")
	keys(t, tm, "exit 3\r")
	see(t, tm, "The shell has ended (status 3)")
	keys(t, tm, "\r")
	keys(t, tm, "echo again$((2+2))\r")
	see(t, tm, "again4")
	keys(t, tm, "\x07qy")
	if e := end(t, tm); e.Code != 0 {
		t.Errorf("exit %+v", e)
	}
	text := strings.Join(tm.Text(), "\n")
	if tm.AltScreen() || !strings.Contains(text, "Run: nil") || strings.Contains(text, "LESSON") || !tm.Cursor().Visible {
		t.Errorf("the terminal is not as it was:\n%s", text)
	}
}

// TestNoColor: with NO_COLOR nothing on the screen has a colour, also not what
// programs in the shell print, and what has the meaning is still there.
func TestNoColor(t *testing.T) {
	coloured := regexp.MustCompile("\x1b\\[[0-9;:]*\\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])\\b[0-9;:]*m")
	for _, env := range []string{"NO_COLOR=1", "NOTHING="} {
		tm, _ := play(t, "calm", 120, 40, env)
		see(t, tm, "$ ")
		keys(t, tm, "printf '\\033[31mred-%s\\033[m\\n' text\r")
		see(t, tm, "red-text")
		see(t, tm, "○")
		rows := strings.Join(tm.Frame(term.Follow()).Rows, "\n")
		if got, want := coloured.MatchString(rows), env == "NOTHING="; got != want {
			t.Errorf("%s: colours on the screen: %v, want %v:\n%q", env, got, want, rows)
		}
		tm.Close()
	}
}

// TestPrefixWorksInsideAFullScreenProgram: the program reads raw keys, as vim
// does, and the prefix reaches it only when it is pressed twice.
func TestPrefixWorksInsideAFullScreenProgram(t *testing.T) {
	tm, _ := play(t, "lesson", 120, 40)
	see(t, tm, "$")
	keys(t, tm, `stty raw -echo; printf '\033[?1049h\033[Hfull\040screen'; k=$(od -An -tx1 -N3); stty sane; printf '\033[?1049l'; echo left$k.`+"\r")
	see(t, tm, "full screen")
	keys(t, tm, "\x07?")
	see(t, tm, "open the next hint")
	keys(t, tm, "x") // closes the help
	keys(t, tm, "\x03")
	keys(t, tm, "\x07\x07")
	keys(t, tm, "z")
	see(t, tm, "left 03 07 7a.")
	keys(t, tm, "\x07qy")
	end(t, tm)
}

func TestCancelTheStart(t *testing.T) {
	tm, dir := play(t, "slow", 100, 30)
	see(t, tm, "Certificates")
	keys(t, tm, "\x03")
	see(t, tm, "cleaning up")
	if e := end(t, tm); e.Code != 1 {
		t.Errorf("exit %+v", e)
	}
	see(t, tm, "Run: context canceled")
	if _, err := os.Stat(filepath.Join(dir, "rolled-back")); err != nil {
		t.Errorf("the rollback was not awaited: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	tm, _ := play(t, "broken", 100, 30)
	see(t, tm, "port 6443 is in use")
	keys(t, tm, "\r")
	if e := end(t, tm); e.Code != 1 {
		t.Errorf("exit %+v", e)
	}
	see(t, tm, "Run: start the control plane")
}

// TestSignals: a signal, and the hangup of a closed terminal, end the screen
// and the shell in it.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			tm, _ := play(t, "lesson", 120, 40)
			see(t, tm, "$")
			keys(t, tm, "echo pid=$$.\r")
			pid := 0
			deadline := time.After(patience)
			for pid == 0 {
				for part := range strings.SplitSeq(strings.Join(tm.Text(), "\n"), "pid=") {
					var n int
					if k, _ := fmt.Sscanf(part, "%d.", &n); k == 1 {
						pid = n
					}
				}
				if pid == 0 {
					select {
					case <-tm.Dirty():
					case <-deadline:
						t.Fatal("no shell")
					}
				}
			}
			if err := syscall.Kill(tm.PID(), sig); err != nil {
				t.Fatal(err)
			}
			if e := end(t, tm); e.Code != 0 {
				t.Errorf("exit %+v", e)
			}
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("the shell %d is still there: %v", pid, err)
			}
			if tm.AltScreen() {
				t.Error("the terminal is still in the alternate screen")
			}
		})
	}
}

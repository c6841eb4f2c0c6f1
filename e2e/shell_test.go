//go:build linux

package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
)

// has reports whether a program is on this machine; when it is not, the log says
// loudly what was not tested.
func has(t *testing.T, program, debian string) bool {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Logf("NOT TESTED: %s is not on this machine (apt-get install %s)", program, debian)
		return false
	}
	return true
}

// TestShellPane works in the shell pane as learners do, with the programs that
// they use there.
func TestShellPane(t *testing.T) {
	l := newLearner(t)
	r := l.sit(t, 120, 44, "start", "service")
	r.see("CHECKS")
	// What is typed before the prompt is there is echoed twice, or lost.
	prompt := regexp.MustCompile(`│ \$ +│\n(│ +│\n)*╰`).MatchString
	atPrompt := func() {
		t.Helper()
		r.await("the prompt on the last line", prompt)
	}
	atPrompt()
	// The learner's own locale may not be on this machine.
	r.shell("export LC_ALL=C.UTF-8; clear; echo ready-$((40+2))")
	r.see("ready-42")
	r.seeNot("LC_ALL")
	atPrompt()
	vim := has(t, "vim", "vim")

	if vim {
		r.shell("vim -u NONE -N note.txt")
		r.see("[New]")
		r.keys("ione 叢集")
		r.see("INSERT")
		r.see("one 叢集")
		r.keys("\x1b")
		r.seeNot("INSERT") // Escape and the next key at once would be Alt and that key
		r.command("?")     // the prefix key works inside
		r.see("insert the command into the shell")
		r.keys("\x1b")
		r.seeNot("insert the command into the shell")
		r.keys(":wq\r")
		r.seeNot("one 叢集")
		atPrompt()
		r.shell("clear; cat note.txt; echo left-$((40+2))")
		r.see("left-42")
		r.see("one 叢集")
	}
	if has(t, "less", "less") {
		r.shell("clear; seq -f row-%g 1 1000 >rows; less rows")
		r.see("row-5 ")
		r.keys("G")
		r.see("row-1000")
		// The wheel goes to less as arrow keys.
		if err := r.Mouse(uv.MouseWheelEvent{X: 10, Y: 40, Button: uv.MouseWheelUp}); err != nil {
			t.Fatal(err)
		}
		r.seeNot("row-1000 ")
		r.keys("q")
		atPrompt()
	}
	if vim {
		r.shell("clear; kubectl create configmap note --from-literal=text=before")
		r.see("configmap/note created")
		r.shell("clear; EDITOR='vim -u NONE -N' kubectl edit configmap note")
		r.see("text: before")
		r.keys(":%s/before/after/\r")
		r.see("text: after")
		r.keys(":wq\r")
		r.see("configmap/note edited")
		r.shell("clear; kubectl get configmap note -o jsonpath='{.data.text}={.kind}'; echo")
		r.see("after=ConfigMap")
	}
	r.shell("clear; kubectl run box --image=toolbox:1.0 --restart=Never --command -- sleep 1000; kubectl wait --for=condition=Ready pod/box --timeout=80s")
	r.see("pod/box condition met")
	r.shell("clear; kubectl exec -it box -- sh; echo out-$((40+4))")
	r.shell("echo in-$((40+3))-$HOSTNAME")
	r.see("in-43-")
	r.shell("exit")
	r.see("out-44")
	atPrompt()
	if has(t, "watch", "procps") {
		r.shell("clear; watch -n 1 kubectl get pod box")
		r.see("Every 1.0s")
		r.see("Running")
		r.keys("\x03")
		r.seeNot("Every 1.0s")
		atPrompt()
	}

	// The history: prefix [, search, and back.
	r.shell("clear; seq -f number-%g. 1 300; echo end-$((300+1))")
	r.see("end-301")
	r.command("[")
	r.keys("/number-17$\r") // not a pattern: it is not found
	r.see("not found")
	r.keys("/number-17.\r")
	r.see("│ number-17.") // there, and not where it is typed
	r.keys("\x1b")
	r.seeNot("lines back") // Escape and the prefix key at once would be Alt and that key
	r.see("end-301")

	// A line for one's own terminal.
	r.command("e")
	r.see("KUBECONFIG=")
	r.keys("x")
	r.seeNot("KUBECONFIG=")

	// The shell ends; a new one is offered.
	r.shell("exit 3")
	r.see("The shell has ended (status 3)")
	r.keys("\r")
	r.shell("clear; export SH=$$; sh -c 'echo child=$$=shell=$SH=; sleep 1000'")

	// The terminal window is closed: what runs in the pane ends with it.
	child := regexp.MustCompile(`child=(\d+)=shell=(\d+)=`)
	m := child.FindStringSubmatch(r.await("the PIDs", child.MatchString))
	if err := syscall.Kill(r.PID(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.ended()
	for _, pid := range m[1:] {
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		gone(t, n)
	}
	left, err := processes(t.Context(), filepath.Join(l.home, "note.txt"))
	if err != nil || len(left) > 0 {
		t.Errorf("processes are left: %s, %v", strings.Join(left, ", "), err)
	}
}

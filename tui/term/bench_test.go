//go:build !windows

package term

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// loads are outputs to measure throughput with: what a learner floods a terminal
// with by mistake, and what kubectl prints.
func loads(b *testing.B) map[string]string {
	b.Helper()
	dir := b.TempDir()
	var pods, chinese strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&pods, "\x1b[32mgo-api-65577fc4f9-%05d\x1b[0m   1/1     Running   0          4m12s   10.244.0.8   k8stutor-control-plane\n", i)
		fmt.Fprintf(&chinese, "第 %d 行：叢集裡的 Pod 正在執行，映像檔已經下載完成。\n", i)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		return "cat " + path
	}
	return map[string]string{
		"yes":     "yes | head -n 5000000",
		"pods":    write("pods", pods.String()),
		"chinese": write("chinese", chinese.String()),
	}
}

// BenchmarkThroughput is the time from the start of a program to the end of its
// output, on a terminal of ours, and on one of tmux in the same run: metric
// tmux-ratio is ours divided by tmux's. Neither is being looked at.
func BenchmarkThroughput(b *testing.B) {
	if _, err := exec.LookPath("tmux"); err != nil {
		b.Fatal("this compares with tmux, which is not there: apt-get install tmux")
	}
	for name, command := range loads(b) {
		b.Run(name, func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				began := time.Now()
				tm := start(b, 120, 20, "sh", "-c", command)
				<-tm.Done()
				ours += time.Since(began)
				tm.Close()
				theirs += inTmux(b, command)
			}
			b.ReportMetric(ours.Seconds()/float64(b.N), "ours-s/op")
			b.ReportMetric(theirs.Seconds()/float64(b.N), "tmux-s/op")
			b.ReportMetric(ours.Seconds()/theirs.Seconds(), "tmux-ratio")
		})
	}
}

// inTmux is how long the command takes in tmux, whose server runs already.
func inTmux(b *testing.B, command string) time.Duration {
	b.Helper()
	socket := filepath.Join(b.TempDir(), "tmux")
	tmux := func(args ...string) *exec.Cmd {
		return exec.Command("tmux", append([]string{"-f", "/dev/null", "-S", socket}, args...)...)
	}
	if out, err := tmux("new-session", "-d", "-x", "120", "-y", "20", "cat").CombinedOutput(); err != nil {
		b.Fatalf("start tmux: %v: %s", err, out)
	}
	defer func() { _ = tmux("kill-server").Run() }()
	// The pane stays when its program has ended, so that its end is the end of
	// reading; a hook tells.
	if out, err := tmux("set-hook", "-g", "pane-exited", "wait-for -S done").CombinedOutput(); err != nil {
		b.Fatalf("prepare tmux: %v: %s", err, out)
	}
	began := time.Now()
	if out, err := tmux("new-window", "sh -c '"+command+"'", ";", "wait-for", "done").CombinedOutput(); err != nil {
		b.Fatalf("run in tmux: %v: %s", err, out)
	}
	return time.Since(began)
}

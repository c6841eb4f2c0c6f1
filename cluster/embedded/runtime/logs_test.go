package runtime

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/cri-client/pkg/logs"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// waitForLog waits until a log file holds text.
func waitForLog(t *testing.T, path, text string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), text) {
			return
		}
		time.Sleep(time.Millisecond) //nolint:forbidigo // a file has no condition to wait on
	}
	t.Fatalf("%s never said %q", path, text)
}

// readBack reads a log file with the kubelet's own reader.
func readBack(t *testing.T, path string) (stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	if err := logs.ReadLogs(context.Background(), path, "id", &logs.LogOptions{}, nil, &out, &errOut); err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String()
}

func TestLogRoundTrip(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 3000) // 48,000 bytes: three parts
	tests := map[string][]string{
		"lines":           {"one\ntwo\n"},
		"split writes":    {"on", "e\ntw", "o\n"},
		"empty lines":     {"\n\na\n\n"},
		"no end of line":  {"prompt$ "},
		"long line":       {long + "\n"},
		"long, in pieces": {long[:17000], long[17000:], "\n"},
		"exactly a part":  {long[:maxLogLine] + "\n"},
		"carriage return": {"a\r\n"},
	}
	for name, writes := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dir", "0.log")
			log, err := openLog(path)
			if err != nil {
				t.Fatal(err)
			}
			out, errOut := newOutputStream("stdout", log), newOutputStream("stderr", log)
			for _, s := range writes {
				if n, err := out.Write([]byte(s)); n != len(s) || err != nil {
					t.Fatalf("Write: %d, %v", n, err)
				}
			}
			fmt.Fprintln(errOut, "to stderr")
			out.flush()
			errOut.flush()
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			gotOut, gotErr := readBack(t, path)
			if gotOut != strings.Join(writes, "") || gotErr != "to stderr\n" {
				t.Errorf("read %d bytes %.60q and %q", len(gotOut), gotOut, gotErr)
			}
		})
	}
}

func TestReopenLog(t *testing.T) {
	next := make(chan struct{})
	w := newWorld(t, programs{"main": func(ctx context.Context, p *workload.Process) int {
		fmt.Fprintln(p.Stdout, "before")
		<-next
		fmt.Fprintln(p.Stdout, "after")
		return 0
	}})
	id := w.run(nil)
	waitForLog(t, w.logPath(), "before")
	if err := os.Rename(w.logPath(), w.logPath()+".1"); err != nil {
		t.Fatal(err)
	}
	if err := w.runtime.ReopenContainerLog(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	close(next)
	w.exited(id)
	if out, _ := readBack(t, w.logPath()); out != "after\n" {
		t.Errorf("new log: %q", out)
	}
	if err := w.runtime.ReopenContainerLog(context.Background(), id); err == nil {
		t.Error("the log of an exited container was reopened")
	}
}

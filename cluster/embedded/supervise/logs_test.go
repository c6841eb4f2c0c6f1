package supervise

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLastLines(t *testing.T) {
	long := strings.Repeat("x", lastLogBytes)
	tests := []struct {
		name, text string
		n          int
		want       []string
	}{
		{"empty", "", 3, nil},
		{"fewer", "a\nb\n", 3, []string{"a", "b"}},
		{"more", "a\nb\nc\nd\n", 2, []string{"c", "d"}},
		{"no newline at the end", "a\nb", 1, []string{"b"}},
		{"large file", long + "\nlast\n", 1, []string{"last"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := LastLines(path, tt.n); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := LastLines(filepath.Join(t.TempDir(), "none"), 3); got != nil {
		t.Errorf("a missing file has lines %q", got)
	}
}

func TestLargeLogIsSetAside(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{LogDir: dir, Parts: []Part{{Name: "a"}, {Name: "b"}}, Log: slog.New(slog.DiscardHandler)})
	log, err := openLog(s.logPath("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	big := strings.Repeat("line\n", maxLogBytes/5+1)
	for _, text := range []string{big, "after\n"} {
		if _, err := log.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if text == big {
			s.rotateLogs()
		}
	}
	if data, err := os.ReadFile(s.logPath("a")); err != nil || string(data) != "after\n" {
		t.Errorf("the log holds %d bytes, %v", len(data), err)
	}
	if data, err := os.ReadFile(s.logPath("a") + ".1"); err != nil || string(data) != big {
		t.Errorf("what was set aside holds %d bytes, %v", len(data), err)
	}
	// The next run starts a new file.
	next, err := openLog(s.logPath("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	if data, err := os.ReadFile(s.logPath("a") + ".1"); err != nil || string(data) != "after\n" {
		t.Errorf("the run before is %q, %v", data, err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Lock(path); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a second lock: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	asked := 0
	if _, err := LockWait(ctx, path, func(*HeldError) { asked++ }); !errors.As(err, &held) || asked != 1 {
		t.Errorf("waiting: %v, told %d times", err, asked)
	}
	release()
	again, err := LockWait(t.Context(), path, nil)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again()
	if _, err := Lock(filepath.Join(path, "no", "folder")); err == nil || errors.As(err, &held) {
		t.Errorf("where no file can be: %v", err)
	}
}

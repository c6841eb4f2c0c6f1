package lessons

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestProgressIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "progress.json")
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p, err := OpenProgress(path, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		p.Enter("service", "create", 0, now), p.Hints("service", "create", 2), p.Hints("service", "create", 1),
		p.Met("service", "create", "", now.Add(time.Minute)), p.Met("service", "create", "", now.Add(time.Hour)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	again, err := OpenProgress(path, now)
	if err != nil {
		t.Fatal(err)
	}
	got := again.Lesson("service")
	if s := got.Steps["create"]; got.Step != "create" || !got.Entered.Equal(now) || s.Hints != 2 || !s.Met.Equal(now.Add(time.Minute)) {
		t.Fatalf("progress is %+v", got)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("the file's mode is %v %v, wanted 0600", info.Mode(), err)
	}
}

func TestDamagedProgressIsSetAside(t *testing.T) {
	for name, text := range map[string]string{"half": `{"version":1,"lessons":{"ser`, "empty": "", "no version": `{"lessons":{}}`} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "progress.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := OpenProgress(path, time.Now())
			var damaged *DamagedError
			if !errors.As(err, &damaged) || !strings.HasPrefix(damaged.Aside, path+".damaged-") {
				t.Fatalf("error is %v", err)
			}
			if kept, err := os.ReadFile(damaged.Aside); err != nil || string(kept) != text {
				t.Fatalf("set aside is %q %v", kept, err)
			}
			if err := p.Met("a", "b", "", time.Now()); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenProgress(path, time.Now()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestProgressOfANewerProgramIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress.json")
	text := `{"version":99,"lessons":{}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenProgress(path, time.Now()); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Fatalf("error is %v", err)
	}
	if kept, _ := os.ReadFile(path); string(kept) != text {
		t.Fatalf("the file was changed to %q", kept)
	}
}

package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/k8stutor/k8stutor/tui"
)

// TestTourIsShownOnce: the note that it was seen stays.
func TestTourIsShownOnce(t *testing.T) {
	a := &app{state: filepath.Join(t.TempDir(), "state")}
	seen := a.tourSeen()
	if seen == nil {
		t.Fatal("a newcomer gets no tour")
	}
	if err := seen(); err != nil {
		t.Fatal(err)
	}
	if a.tourSeen() != nil {
		t.Error("the tour is shown again")
	}
	if left, err := filepath.Glob(filepath.Join(a.state, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLayoutIsKept(t *testing.T) {
	a := &app{state: filepath.Join(t.TempDir(), "state")}
	if got := a.layout(); got != (tui.Layout{}) {
		t.Errorf("without a file: %+v", got)
	}
	for _, want := range []tui.Layout{{Arrange: "side", Lesson: 300, Shell: 500, Zoomed: true}, {}} {
		if err := a.saveLayout(want); err != nil {
			t.Fatal(err)
		}
		if got := a.layout(); got != want {
			t.Errorf("%+v came back as %+v", want, got)
		}
	}
	info, err := os.Stat(a.layoutFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	files, _ := os.ReadDir(a.state)
	if len(files) != 1 {
		t.Errorf("files are left over: %v", files)
	}
	if err := os.WriteFile(a.layoutFile(), []byte("{damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := a.layout(); got != (tui.Layout{}) {
		t.Errorf("of a damaged file: %+v", got)
	}
	a.state = filepath.Join(a.layoutFile(), "no-folder")
	if err := a.saveLayout(tui.Layout{}); err == nil {
		t.Error("what can't be written is no error")
	}
}

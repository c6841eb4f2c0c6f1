//go:build unix

package cluster

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func ignore(Phase) {}

// TestHomeNames: the embedded cluster's module, which gets the name from here,
// has the same rule and is tested against the same names.
func TestHomeNames(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "wire", "names.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names struct{ Good, Bad []string }
	if err := json.Unmarshal(data, &names); err != nil {
		t.Fatal(err)
	}
	for _, bad := range names.Bad {
		if _, err := NewHome("/s", bad); err == nil {
			t.Errorf("NewHome accepted %q", bad)
		}
	}
	for _, good := range names.Good {
		if _, err := NewHome("/s", good); err != nil {
			t.Error(err)
		}
	}
}

func TestUseNamesTheHolder(t *testing.T) {
	home, _ := NewHome(t.TempDir(), "x")
	release, err := home.Use("k8stutor start")
	if err != nil {
		t.Fatal(err)
	}
	_, err = home.Use("k8stutor start")
	var held *HeldError
	if !errors.As(err, &held) || !strings.Contains(held.By, "k8stutor start (process ") {
		t.Fatalf("err = %v, want a HeldError that names the process", err)
	}
	release()
	again, err := home.Use("k8stutor start")
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestLockWaitsAndSaysForWhom(t *testing.T) {
	home, _ := NewHome(t.TempDir(), "x")
	release, err := home.Lock(t.Context(), "the first", ignore)
	if err != nil {
		t.Fatal(err)
	}
	var phases []Phase
	second, err := home.Lock(t.Context(), "the second", func(p Phase) {
		phases = append(phases, p)
		if !p.Done {
			release()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	second()
	if len(phases) != 2 || !strings.Contains(phases[0].Detail, "the first (process ") || !phases[1].Done {
		t.Errorf("phases = %+v", phases)
	}
}

func TestDamagedRecordIsSaid(t *testing.T) {
	home, _ := NewHome(t.TempDir(), "x")
	if err := home.Ensure(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home.sibling(".json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := home.Access(); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("err = %v", err)
	}
}

func TestStateFolderNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	home, _ := NewHome(file, "x")
	if err := home.Ensure(); err == nil || !strings.Contains(err.Error(), "XDG_STATE_HOME") {
		t.Errorf("err = %v, want one that says what to do", err)
	}
}

package cli

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestLayOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work", "hpa")
	files := fstest.MapFS{"a.yaml": {Data: []byte("new")}, "more/b.yaml": {Data: []byte("b")}}
	if err := layOut(files, dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("the learner's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "more", "b.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := layOut(files, dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.yaml": "the learner's", "more/b.yaml": "b"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, want %q (%v)", name, got, want, err)
		}
	}
}

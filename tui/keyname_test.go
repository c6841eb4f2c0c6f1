package tui

import (
	"strings"
	"testing"
)

func TestParsePrefix(t *testing.T) {
	good := map[string]string{
		"ctrl+g": "ctrl+g", "Ctrl-G": "ctrl+g", "C-b": "ctrl+b", "^A": "ctrl+a", " ctrl+] ": "ctrl+]", "f12": "f12", "F5": "f5",
		"alt+x": "alt+x", "M-x": "alt+x", "ctrl+space": "ctrl+space", `ctrl+\`: `ctrl+\`, "insert": "insert",
	}
	for in, want := range good {
		if got, err := ParsePrefix(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	bad := map[string]string{
		"g": "needed for typing", "ctrl+c": "interrupts", "ctrl+m": "Enter", "enter": "needed for typing", "": "no key",
		"ctrl+": "no key", "hyper+g": "no modifier", "banana": "no key", "f99": "no key", "ctrl+up": "can't send", "ctrl+1": "can't send", "shift+g": "needed for typing",
	}
	for in, want := range bad {
		if got, err := ParsePrefix(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want an error with %q", in, got, err, want)
		}
	}
}

// TestKeysOfTheTableParse: every key of the table is named as ParseKey would.
func TestKeysOfTheTableParse(t *testing.T) {
	for _, bound := range defaultBindings() {
		for _, b := range bound {
			for _, k := range b.keys {
				if got, err := ParseKey(k); err != nil || got != k {
					t.Errorf("%s: key %q parses as %q, %v", b.action, k, got, err)
				}
			}
		}
	}
}

package tui

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ParseKey reads the name of a key as people write it ("Ctrl-G", "C-g", "^G",
// "alt+x", "f12", "PgUp", "?") and returns Bubble Tea's name for it. It does not
// know which keys a terminal can really send.
func ParseKey(name string) (string, error) {
	rest := strings.TrimSpace(name)
	mods := map[string]bool{}
	if c, ok := strings.CutPrefix(rest, "^"); ok && utf8.RuneCountInString(c) == 1 {
		mods["ctrl"], rest = true, strings.ToLower(c)
	}
	long := map[string]string{"c": "ctrl", "ctrl": "ctrl", "control": "ctrl", "m": "alt", "a": "alt", "alt": "alt", "meta": "alt", "s": "shift", "shift": "shift"}
	for {
		i := strings.IndexAny(rest, "+-")
		if i < 1 || i+1 == len(rest) {
			break
		}
		mod, known := long[strings.ToLower(rest[:i])]
		if !known {
			return "", fmt.Errorf("key %q: %q is no modifier; use ctrl, alt or shift", name, rest[:i])
		}
		mods[mod], rest = true, rest[i+1:]
	}
	key, err := plainKey(rest)
	if err != nil {
		return "", fmt.Errorf("key %q: %w", name, err)
	}
	if mods["shift"] && len(mods) == 1 && utf8.RuneCountInString(key) == 1 { // its capital is what is sent
		capital := strings.ToUpper(key)
		if capital == strings.ToLower(key) {
			return "", fmt.Errorf("key %q: write the character that Shift makes of it", name)
		}
		return capital, nil
	}
	out := ""
	for _, mod := range []string{"ctrl", "alt", "shift"} {
		if mods[mod] {
			out += mod + "+"
		}
	}
	if out != "" {
		key = strings.ToLower(key)
	}
	return out + key, nil
}

// plainKey is the name of a key without modifiers.
func plainKey(s string) (string, error) {
	if utf8.RuneCountInString(s) == 1 {
		if s == " " {
			return "space", nil
		}
		return s, nil
	}
	other := map[string]string{"return": "enter", "escape": "esc", "pageup": "pgup", "pagedown": "pgdown", "pgdn": "pgdown", "del": "delete"}
	lower := strings.ToLower(s)
	if name, ok := other[lower]; ok {
		return name, nil
	}
	named := []string{"enter", "esc", "tab", "space", "backspace", "delete", "insert", "up", "down", "left", "right", "home", "end", "pgup", "pgdown"}
	if slices.Contains(named, lower) {
		return lower, nil
	}
	var n int
	if _, err := fmt.Sscanf(lower, "f%d", &n); err == nil && n >= 1 && n <= 24 && lower == fmt.Sprintf("f%d", n) {
		return lower, nil
	}
	return "", fmt.Errorf("there is no key %q; write it like ctrl+g, alt+x, f12 or ?", s)
}

// ParsePrefix reads the name of a prefix key. A key that programs in the shell
// can't do without, or that terminals send for another one, is an error.
func ParsePrefix(name string) (string, error) {
	key, err := ParseKey(name)
	if err != nil {
		return "", err
	}
	why := neverSent(key)
	switch base := strings.TrimPrefix(key, "ctrl+"); {
	case why != "":
	case key == "ctrl+c":
		why = "it interrupts programs in the shell"
	case len(base) > 1 && base[0] == 'f' && key == base: // f1 to f24
	case strings.HasPrefix(key, "alt+"), key == "insert":
	case key == base:
		why = "it is needed for typing"
	case utf8.RuneCountInString(base) > 1 && base != "space":
		why = "many terminals can't send it"
	}
	if why != "" {
		return "", fmt.Errorf("%s can't be the prefix key: %s; take one such as ctrl+g, ctrl+b, alt+g or f12", key, why)
	}
	return key, nil
}

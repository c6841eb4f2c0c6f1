package main

import (
	"fmt"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"

	"github.com/k8stutor/k8stutor/tui/term"
)

// parseKey reads the name of a key.
func parseKey(name string) (term.Key, error) {
	var k term.Key
	for {
		mod, rest, ok := strings.Cut(name, "+")
		if !ok || rest == "" {
			break
		}
		switch mod {
		case "ctrl":
			k.Mod |= uv.ModCtrl
		case "alt":
			k.Mod |= uv.ModAlt
		case "shift":
			k.Mod |= uv.ModShift
		default:
			return k, fmt.Errorf("unknown modifier %q", mod)
		}
		name = rest
	}
	special := map[string]rune{
		"enter": uv.KeyEnter, "esc": uv.KeyEscape, "tab": uv.KeyTab, "space": uv.KeySpace, "backspace": uv.KeyBackspace,
		"up": uv.KeyUp, "down": uv.KeyDown, "left": uv.KeyLeft, "right": uv.KeyRight, "home": uv.KeyHome, "end": uv.KeyEnd,
		"pgup": uv.KeyPgUp, "pgdown": uv.KeyPgDown,
	}
	if code, ok := special[name]; ok {
		k.Code = code
		return k, nil
	}
	runes := []rune(name)
	if len(runes) != 1 {
		return k, fmt.Errorf("unknown key %q", name)
	}
	k.Code = runes[0]
	if k.Mod == 0 {
		k.Text = name
	}
	return k, nil
}

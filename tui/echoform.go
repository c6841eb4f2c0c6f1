package tui

import (
	"bytes"

	"github.com/charmbracelet/x/ansi"
)

// Bubble Tea has no interface to its frames: echoWriter sees bytes. All that it
// reads from them is here. TestBubbleTeaOutput fails when another version writes
// in another form.

// written is what is recognised of one write of Bubble Tea.
type written struct {
	enters  bool // begins the use of the screen
	leaves  bool // ends it
	redraws bool // draws everything, because the terminal has another size
	scrolls bool // may move lines; text may look as if it did
	frame   bool // is a frame, not a question to the terminal or the clipboard
}

// recognise looks at one write of Bubble Tea.
func recognise(p []byte) written {
	return written{
		enters:  bytes.Contains(p, []byte(ansi.SetModeAltScreenSaveCursor)),
		leaves:  bytes.Contains(p, []byte(ansi.ResetModeAltScreenSaveCursor)),
		redraws: bytes.Contains(p, []byte(ansi.EraseEntireScreen)),
		// Line feeds, and the ends of IL, DL, SU, SD and RI.
		scrolls: bytes.ContainsAny(p, "\nLMST"),
		frame:   !bytes.HasPrefix(p, []byte("\x1b]")) && !bytes.Contains(p, []byte("$p")),
	}
}

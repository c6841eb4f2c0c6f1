package main

import (
	"os"
	"runtime/debug"
	"time"
)

// trimAfter is when what the start needed is given back: once the first pictures
// have been drawn.
const trimAfter = 10 * time.Second

// screenGC is the garbage collector's GOGC for the screen, which holds little and
// makes next to no garbage while nothing changes: it collects twice as often as
// it would, and needs 10 MB less.
const screenGC = 50

// frugal makes the process small for a screen, which stays open for hours: what
// every start needs, whatever it is a start of, is given back at once. GOGC of
// the environment comes first.
func frugal() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(screenGC)
	}
	trimMemory()
}

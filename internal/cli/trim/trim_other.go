//go:build !linux

package trim

import "runtime/debug"

// Memory gives back what only the start needed.
func Memory() { debug.FreeOSMemory() }

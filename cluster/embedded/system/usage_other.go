//go:build !linux

package system

import "time"

// processUsage is known on Linux only; elsewhere a container that
// stands for a process counts as using nothing.
func processUsage(int) (cpu time.Duration, rss int64, ok bool) { return 0, 0, false }

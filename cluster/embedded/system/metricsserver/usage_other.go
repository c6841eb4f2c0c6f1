//go:build !linux

package metricsserver

import "time"

// processUsage is known on Linux only; elsewhere metrics-server's container
// counts as using nothing.
func processUsage(int) (cpu time.Duration, rss int64, ok bool) { return 0, 0, false }

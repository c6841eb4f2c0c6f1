//go:build !windows

package tui

import (
	"syscall"
	"testing"
	"time"
)

// processorTime is what the process has used so far. On a busy machine it says
// more than the clock on the wall.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportProcessor adds the processor's time of an operation, garbage collection
// included, to what a benchmark reports.
func reportProcessor(b *testing.B, began time.Duration) {
	b.Helper()
	b.ReportMetric(float64((processorTime(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

//go:build !linux

package runtime

import "time"

// threadCPU runs f and takes the time that passed for the CPU time it used:
// there is no account for one thread to read here.
func threadCPU(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

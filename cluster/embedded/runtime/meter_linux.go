package runtime

import (
	goruntime "runtime"
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU runs f on a thread of its own and returns the CPU time it used.
func threadCPU(f func()) time.Duration {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	start := threadTime()
	f()
	return threadTime() - start
}

func threadTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

package supervise

import (
	"os"

	"golang.org/x/sys/windows"
)

// errLocked is what tryLock returns when another process has the lock.
var errLocked error = windows.ERROR_LOCK_VIOLATION

// tryLock locks a byte far behind the content, which stays readable.
func tryLock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{Offset: 1 << 30})
}

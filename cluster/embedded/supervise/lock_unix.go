//go:build unix

package supervise

import (
	"errors"
	"os"
	"syscall"
)

// errLocked is what tryLock returns when another process has the lock.
var errLocked = syscall.EWOULDBLOCK

func tryLock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

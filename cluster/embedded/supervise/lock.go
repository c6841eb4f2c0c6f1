package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// HeldError says that another process holds a lock.
type HeldError struct {
	Path string
	PID  int // 0 when the holder did not leave it
}

// Error says who holds the lock.
func (e *HeldError) Error() string {
	if e.PID == 0 {
		return e.Path + " is held by another process"
	}
	return fmt.Sprintf("%s is held by process %d", e.Path, e.PID)
}

// Lock takes the lock file at path for this process until release is called or
// the process ends, in whatever way. It fails with a *HeldError at once when
// another process has it.
func Lock(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	err = tryLock(f)
	// The holder before may have removed the file together with the cluster:
	// then this lock is on a file that nobody else can find.
	if err == nil && !isStill(f, path) {
		err = errLocked
	}
	if err != nil {
		data, _ := os.ReadFile(path)
		_ = f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
		return nil, &HeldError{Path: path, PID: pid}
	}
	// The number is for people who ask who holds the lock; the lock itself is
	// the kernel's.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return func() { _ = f.Close() }, nil
}

// isStill reports whether path still names the open file f.
func isStill(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}

// LockWait is Lock that waits for the holder until ctx ends. It calls waiting
// once, when it has to wait.
func LockWait(ctx context.Context, path string, waiting func(*HeldError)) (release func(), err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		release, err := Lock(path)
		var held *HeldError
		if !errors.As(err, &held) {
			return release, err
		}
		if waiting != nil {
			waiting(held)
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), held)
		case <-tick.C:
		}
	}
}

//go:build unix

package controlplane

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs says whether a file belongs to the user who runs this process.
func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

// freeSpace is how many bytes an unprivileged user may still write in dir.
func freeSpace(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:unconvert // Bavail is signed on FreeBSD
}

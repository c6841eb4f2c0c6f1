//go:build unix

// Package disk asks how much room there is.
package disk

import "golang.org/x/sys/unix"

// Free is how many bytes an ordinary user may still write at dir.
func Free(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:gosec,unconvert // a size; its type differs between systems
}

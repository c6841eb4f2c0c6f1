//go:build unix

package node

import (
	"fmt"

	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"golang.org/x/sys/unix"
)

// diskInfo is the space of the file system that holds path.
func diskInfo(path string) (cadvisorapiv2.FsInfo, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return cadvisorapiv2.FsInfo{}, fmt.Errorf("file system of %s: %w", path, err)
	}
	block := uint64(st.Bsize)
	inodes, free := st.Files, st.Ffree
	return cadvisorapiv2.FsInfo{
		Capacity:   st.Blocks * block,
		Available:  uint64(st.Bavail) * block,
		Usage:      (st.Blocks - st.Bfree) * block,
		Inodes:     &inodes,
		InodesFree: &free,
	}, nil
}

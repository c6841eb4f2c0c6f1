package node

import (
	"fmt"

	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"golang.org/x/sys/windows"
)

// diskInfo is the space of the file system that holds path.
func diskInfo(path string) (cadvisorapiv2.FsInfo, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return cadvisorapiv2.FsInfo{}, err
	}
	var available, total, free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &available, &total, &free); err != nil {
		return cadvisorapiv2.FsInfo{}, fmt.Errorf("file system of %s: %w", path, err)
	}
	return cadvisorapiv2.FsInfo{Capacity: total, Available: available, Usage: total - free}, nil
}

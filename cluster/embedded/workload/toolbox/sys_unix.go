//go:build unix

package toolbox

import (
	"io/fs"
	"syscall"
)

// withSys gives info a system part: the interpreter takes it for granted in
// `[[ -O file ]]` and panics without.
func withSys(info fs.FileInfo) fs.FileInfo {
	if _, ok := info.Sys().(*syscall.Stat_t); ok {
		return info
	}
	return sysInfo{info}
}

type sysInfo struct{ fs.FileInfo }

func (sysInfo) Sys() any { return new(syscall.Stat_t) }

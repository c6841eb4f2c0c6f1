//go:build !unix

package controlplane

import (
	"io/fs"
	"math"
)

// private is left to the access rights of the user's own temporary folder.
func private(fs.FileInfo) bool { return true }

// freeSpace is not asked on this system; a full disk shows when writing.
func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }

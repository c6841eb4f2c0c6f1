// Package content carries the lessons themselves, as files.
package content

import (
	"embed"
	"io/fs"
)

//go:embed *
var files embed.FS

// FS holds a folder for each lesson (and this source file, which no loader
// takes for one).
func FS() fs.FS { return files }

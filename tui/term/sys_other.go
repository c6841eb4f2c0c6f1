//go:build !linux

package term

import (
	"io"

	"github.com/charmbracelet/x/xpty"
)

// ioFile is the pty itself: where this builds for, ending the program also
// ends blocked calls.
func ioFile(p xpty.Pty) (io.ReadWriteCloser, error) { return p, nil }

// sessionGroups is, where the processes of a session can't be listed cheaply,
// the group of the session leader; the shell passes a hangup on to its jobs.
func sessionGroups(session int) []int { return []int{session} }

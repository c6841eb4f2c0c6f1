package term

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/charmbracelet/x/xpty"
	"golang.org/x/sys/unix"
)

// ioFile is the pty for reading and writing so that closing it wakes a blocked
// call: the library leaves the descriptor in blocking mode, where a write to a
// program that does not read would hold its goroutine for ever.
func ioFile(p xpty.Pty) (io.ReadWriteCloser, error) {
	u, ok := p.(*xpty.UnixPty)
	if !ok {
		return p, nil
	}
	var dup int
	var dupErr error
	err := u.Control(func(fd uintptr) {
		if dup, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3); dupErr == nil {
			dupErr = unix.SetNonblock(dup, true)
		}
	})
	if err == nil {
		err = dupErr
	}
	if err != nil {
		return nil, fmt.Errorf("prepare the pseudo-terminal: %w", err)
	}
	return os.NewFile(uintptr(dup), "pty"), nil
}

// sessionGroups lists the process groups of a session, from /proc (proc(5),
// /proc/pid/stat: state, ppid, pgrp and session follow the name in brackets).
// A shell puts each of its jobs into a group of its own.
func sessionGroups(session int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []int{session}
	}
	seen := map[int]bool{}
	var groups []int
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has just ended
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 4 || string(fields[3]) != strconv.Itoa(session) {
			continue
		}
		if g, err := strconv.Atoi(string(fields[2])); err == nil && g > 1 && !seen[g] {
			seen[g] = true
			groups = append(groups, g)
		}
	}
	return groups
}

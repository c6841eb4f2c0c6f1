package node

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func totalMemory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 8 << 30
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}

func kernelVersion() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// clusterUsage sums up this process and its siblings: the supervisor starts
// each part of the cluster as a child of its own. See proc(5).
func clusterUsage() usage {
	u := usage{at: time.Now()}
	self := os.Getpid()
	parent := os.Getppid()
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return u
	}
	for _, dir := range entries {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // ended just now
		}
		ppid, cpu, memory, ok := parseStat(stat)
		// A parent of 1 means that nobody supervises: its children are
		// everybody's.
		if ok && (pid == self || parent > 1 && (pid == parent || ppid == parent)) {
			u.cpu += cpu
			u.memory += memory
		}
	}
	return u
}

// parseStat reads the parent, the CPU time and the resident memory out of
// /proc/PID/stat.
func parseStat(stat []byte) (ppid int, cpu time.Duration, memory uint64, ok bool) {
	// The second field is the command in parentheses and may hold anything.
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, 0, 0, false
	}
	fields := strings.Fields(string(stat[i+1:]))
	if len(fields) < 22 {
		return 0, 0, 0, false
	}
	const ticks = 100 // USER_HZ is 100 on every architecture that Go runs on
	ppid, err1 := strconv.Atoi(fields[1])
	utime, err2 := strconv.ParseInt(fields[11], 10, 64)
	stime, err3 := strconv.ParseInt(fields[12], 10, 64)
	rss, err4 := strconv.ParseUint(fields[21], 10, 64)
	ok = err1 == nil && err2 == nil && err3 == nil && err4 == nil
	return ppid, time.Duration(utime+stime) * time.Second / ticks, rss * uint64(os.Getpagesize()), ok
}

package system

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of times in /proc: USER_HZ is 100 on every
// architecture that Go has.
const clockTick = time.Second / 100

// processUsage reads the CPU time and the resident memory in bytes of a
// process from /proc/PID/stat (proc(5)).
func processUsage(pid int) (cpu time.Duration, rss int64, ok bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, false
	}
	// The name in the second field may hold anything, the rest follows it.
	_, rest, found := bytes.Cut(data[max(bytes.LastIndexByte(data, ')'), 0):], []byte(") "))
	f := bytes.Fields(rest)
	if !found || len(f) < 22 {
		return 0, 0, false
	}
	var n [3]int64 // utime, stime, rss: fields 14, 15 and 24
	for i, field := range []int{11, 12, 21} {
		if n[i], err = strconv.ParseInt(string(f[field]), 10, 64); err != nil {
			return 0, 0, false
		}
	}
	return time.Duration(n[0]+n[1]) * clockTick, n[2] * int64(os.Getpagesize()), true
}

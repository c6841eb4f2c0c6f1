//go:build linux

package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
)

// usage is what processes use: bytes, and CPU time since they started.
type usage struct {
	pss, rss, private int64
	cpu               time.Duration
}

// usageOf is what the supervisor and its parts use together.
func usageOf(st supervise.Status) usage {
	sum := sample(st.PID)
	for _, p := range st.Parts {
		u := sample(p.PID)
		sum.pss += u.pss
		sum.rss += u.rss
		sum.private += u.private
		sum.cpu += u.cpu
	}
	return sum
}

// userHz is the unit of CPU times in /proc: 1/100 s on every Linux that Go
// supports.
const userHz = 100

// sample reads what a process uses from /proc (see proc(5)). What can't be
// read counts as nothing.
func sample(pid int) usage {
	var u usage
	rollup, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(rollup)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[2] != "kB" {
			continue
		}
		kb, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "Pss:":
			u.pss = kb << 10
		case "Rss:":
			u.rss = kb << 10
		case "Private_Clean:", "Private_Dirty:":
			u.private += kb << 10
		}
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// The command's name, in brackets, may hold spaces; utime and stime are the
	// 12th and 13th fields after it.
	if _, rest, ok := strings.Cut(string(stat), ") "); ok {
		if fields := strings.Fields(rest); len(fields) > 12 {
			user, _ := strconv.ParseInt(fields[11], 10, 64)
			system, _ := strconv.ParseInt(fields[12], 10, 64)
			u.cpu = time.Duration(user+system) * time.Second / userHz
		}
	}
	return u
}

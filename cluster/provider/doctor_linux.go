package provider

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryAvailable is what programs may still take without swapping, in bytes;
// 0 when it is not known (proc(5), MemAvailable).
func memoryAvailable() uint64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "MemAvailable:" {
			kib, _ := strconv.ParseUint(f[1], 10, 64) // zero: not known
			return kib << 10
		}
	}
	return 0
}

// inotifyLimits are those of inotify(7) for one user, and how many instances
// this user's processes have.
func inotifyLimits() (instances, watches, inUse int) {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err == nil {
		for _, p := range processes {
			inUse += inotifyOf(p)
		}
	}
	return number("/proc/sys/fs/inotify/max_user_instances"), number("/proc/sys/fs/inotify/max_user_watches"), inUse
}

// inotifyOf counts the instances of a process of this user. A process that
// ends meanwhile has none.
func inotifyOf(process string) int {
	var st unix.Stat_t
	if err := unix.Stat(process, &st); err != nil || int(st.Uid) != os.Getuid() {
		return 0
	}
	files, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return 0
	}
	n := 0
	for _, f := range files {
		if to, err := os.Readlink(filepath.Join(process, "fd", f.Name())); err == nil && to == "anon_inode:inotify" {
			n++
		}
	}
	return n
}

func number(file string) int {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(data))) // zero: not known
	return n
}

// cgroupVersion is "2" where only cgroup2 is mounted, "1" otherwise, and ""
// when it is not known.
func cgroupVersion() string {
	var st unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &st); err != nil {
		return ""
	}
	if st.Type == unix.CGROUP2_SUPER_MAGIC {
		return "2"
	}
	return "1"
}

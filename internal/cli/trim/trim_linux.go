package trim

import (
	"bufio"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// pageWindow is how many bytes of the program a page fault may bring in at most.
// Linux brings in 64 KiB; from 6.18 on all of what the page cache holds in one
// piece, which is 2 MiB after the program was copied to where it is. The screen
// uses little of many places: of 80 MiB it would hold 43 instead of 12.
const pageWindow = 64 << 10

// Memory gives back what only the start needed: freed heap, and the pages of
// the program itself. Registering all of Kubernetes' types and kubectl's
// commands touches 70 MB of a program of which the screen then uses a sixth.
// Pages that are needed again come from the page cache, a pageWindow at a time.
// Where that can't be done, nothing happens.
func Memory() {
	debug.FreeOSMemory()
	exe, err := os.Executable()
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	var from, to uintptr // of the program, else 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if name, rest, _ := strings.Cut(line, " "); !strings.HasSuffix(name, ":") {
			from, to = 0, 0
			if strings.HasSuffix(rest, " "+exe) && (strings.HasPrefix(rest, "r-xp ") || strings.HasPrefix(rest, "r--p ")) {
				from, to = addresses(name)
			}
			continue
		}
		// A page of which there is a private copy would lose it.
		if rest, ok := strings.CutPrefix(line, "Anonymous:"); ok && from < to && strings.TrimSpace(rest) == "0 kB" {
			madvise(from, to, unix.MADV_NOHUGEPAGE)
			divide(from, to)
			madvise(from, to, unix.MADV_DONTNEED)
		}
	}
}

// divide cuts a mapping into windows. The kernel brings in nothing beyond a
// mapping, and keeps neighbours of different advice apart. This advice is one
// that changes nothing else: pages of a file are in no core dump.
func divide(from, to uintptr) {
	for at := (from + pageWindow) &^ (2*pageWindow - 1); to-from > pageWindow && at < to; at += 2 * pageWindow {
		madvise(max(at, from), min(at+pageWindow, to), unix.MADV_DONTDUMP)
	}
}

// addresses are the two of a line of /proc/self/smaps, 0 when it has none.
func addresses(s string) (from, to uintptr) {
	begin, end, _ := strings.Cut(s, "-")
	a, errA := strconv.ParseUint(begin, 16, 64)
	b, errB := strconv.ParseUint(end, 16, 64)
	if errA != nil || errB != nil {
		return 0, 0
	}
	return uintptr(a), uintptr(b)
}

// madvise is unix.Madvise for memory that no slice stands for. An error leaves
// everything as it was.
func madvise(from, to uintptr, advice int) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, uintptr(advice))
}

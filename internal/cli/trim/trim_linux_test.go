package trim

import (
	"os"
	"strings"
	"testing"
)

// TestMemoryDividesTheProgram: what the kernel brings in at once is bounded
// by the mapping, on every kernel.
func TestMemoryDividesTheProgram(t *testing.T) {
	Memory()
	Memory() // of what is divided already
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	code := 0
	for line := range strings.Lines(string(maps)) {
		where, rest, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(rest, "r-xp ") || !strings.HasSuffix(rest, " "+exe+"\n") {
			continue
		}
		from, to := addresses(where)
		code += int(to - from)
		if to-from > pageWindow {
			t.Errorf("a mapping of %d kB: %s", (to-from)>>10, line)
		}
	}
	if code < 4*pageWindow {
		t.Errorf("found %d kB of the program's code", code>>10)
	}
}

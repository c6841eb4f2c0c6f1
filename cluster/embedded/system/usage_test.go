package system

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"
)

type meter struct{ used time.Duration }

func (m *meter) Do(f func())            { f() }
func (m *meter) Charge(d time.Duration) { m.used += d }

type memory struct{ used int64 }

func (m *memory) Alloc(n int64) error   { m.used += n; return nil }
func (m *memory) Usage() (int64, int64) { return m.used, 0 }

func TestAccount(t *testing.T) {
	if _, _, ok := processUsage(os.Getpid()); !ok {
		t.Skip("the use of another process is known on Linux only")
	}
	var a Account
	cpu, mem := &meter{}, &memory{}
	before, _, _ := processUsage(os.Getpid())
	for used := before; used < before+50*time.Millisecond; used, _, _ = processUsage(os.Getpid()) {
		json.Valid(bytes.Repeat([]byte("1"), 1000)) // some CPU time to see
	}
	a.Update(os.Getpid(), cpu, mem)
	if cpu.used < 50*time.Millisecond || mem.used < 1<<20 {
		t.Errorf("booked %s and %d bytes", cpu.used, mem.used)
	}
	booked := cpu.used
	a.Update(-1, cpu, mem)
	if cpu.used != booked {
		t.Error("a process that does not exist was booked")
	}
	a.Close(mem)
	if mem.used != 0 {
		t.Errorf("%d bytes are not given back", mem.used)
	}
}

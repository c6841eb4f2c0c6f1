package node

import (
	"os"
	"testing"
	"time"

	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
)

func TestParseStat(t *testing.T) {
	// proc(5); the command holds a space and a parenthesis.
	stat := "42 (a) b) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 5 0 12345 1000000 256 18446744073709551615 0"
	ppid, cpu, memory, ok := parseStat([]byte(stat))
	if !ok || ppid != 7 || cpu != 2*time.Second || memory != 256*uint64(os.Getpagesize()) {
		t.Errorf("got %d, %v, %d, %v", ppid, cpu, memory, ok)
	}
	for _, bad := range []string{"", "1 (x)", "1 (x) S 1 2 3"} {
		if _, _, _, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestMachine(t *testing.T) {
	dir := t.TempDir()
	m := newMachine("node", dir, 4, 1<<30, "boot")
	info, err := m.MachineInfo()
	if err != nil || info.NumCores != 4 || info.MemoryCapacity != 1<<30 || info.MachineID == "" || info.MachineID == info.SystemUUID {
		t.Errorf("%+v, %v", info, err)
	}
	all := newMachine("node", dir, 0, 0, "boot")
	if all.cores < 1 || all.memory < 1<<28 {
		t.Errorf("defaults: %d cores, %d bytes", all.cores, all.memory)
	}
	first, err := m.ContainerInfoV2("/", cadvisorapiv2.RequestOptions{})
	if err != nil || len(first["/"].Stats) != 1 || first["/"].Stats[0].Memory.WorkingSet == 0 {
		t.Errorf("%+v, %v", first, err)
	}
	disk, err := m.GetDirFsInfo(dir + "/none")
	if err != nil || disk.Capacity == 0 || disk.Inodes == nil {
		t.Errorf("%+v, %v", disk, err)
	}
}

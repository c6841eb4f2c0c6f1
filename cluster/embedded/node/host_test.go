package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
)

func TestMounter(t *testing.T) {
	m := newMounter()
	dir := t.TempDir()
	if err := m.Mount("tmpfs", dir, "tmpfs", nil); err != nil {
		t.Fatal(err)
	}
	if is, err := m.IsMountPoint(dir + "/"); !is || err != nil {
		t.Errorf("mounted: %v, %v", is, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.Unmount(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("what was in memory is still there: %v, %v", left, err)
	}
	if is, err := m.IsLikelyNotMountPoint(dir); !is || err != nil {
		t.Errorf("unmounted: %v, %v", is, err)
	}
	if err := m.Mount("/dev/sda1", dir, "ext4", nil); err == nil || !strings.Contains(err.Error(), "privileges") {
		t.Errorf("a disk: %v", err)
	}
	if _, err := m.IsMountPoint(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("no such directory: %v", err)
	}
}

// The kubelet dereferences every field.
func TestPodCgroupConfigIsComplete(t *testing.T) {
	config, err := newContainerManager(1).NewPodContainerManager().GetPodCgroupConfig(&v1.Pod{}, v1.ResourceCPU)
	if err != nil || config.Memory == nil || config.CPUShares == nil || config.CPUQuota == nil || config.CPUPeriod == nil {
		t.Errorf("%+v, %v", config, err)
	}
}

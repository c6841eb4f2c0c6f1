//go:build !linux

package provider

// Elsewhere containers run in a virtual machine, whose memory and cgroup
// version the engine says, and there is no inotify.

func memoryAvailable() uint64                        { return 0 }
func inotifyLimits() (instances, watches, inUse int) { return 0, 0, 0 }
func cgroupVersion() string                          { return "" }

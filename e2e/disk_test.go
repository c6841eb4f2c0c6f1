//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/k8stutor/k8stutor/cluster"
)

// disk is a small file system of its own in place of the state folder.
type disk struct {
	t   *testing.T
	dir string
}

// stateDisk mounts a disk at the learner's state folder. Only root may.
func stateDisk(t *testing.T, l *learner, size string) *disk {
	t.Helper()
	d := &disk{t, filepath.Join(l.home, "state")}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := unix.Mount("tmpfs", d.dir, "tmpfs", 0, "mode=700,size="+size)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skip("NOT SHOWN: what happens on a full and on a read-only state folder. Mounting a small disk needs root; run make e2e as root to see it.")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Before the disk goes: the cluster is found by what is on it.
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if out, err := l.command(ctx, "cluster", "delete").CombinedOutput(); err != nil && !strings.Contains(string(out), "does not exist") {
			t.Errorf("delete the cluster: %v: %s", err, out)
		}
		if err := unix.Unmount(d.dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", d.dir, err)
		}
	})
	return d
}

func (d *disk) remount(flags uintptr, options string) {
	d.t.Helper()
	if err := unix.Mount("tmpfs", d.dir, "tmpfs", unix.MS_REMOUNT|flags, options); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) filler() string { return filepath.Join(d.dir, "filler") }

// fill writes until nothing more goes.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.Create(d.filler())
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			d.t.Fatal(err)
		}
	}
}

func (d *disk) free() {
	d.t.Helper()
	if err := os.Remove(d.filler()); err != nil {
		d.t.Fatal(err)
	}
}

// refused runs the commands that write to the state folder: each must fail and
// say what is wrong, where, and what to do.
func refused(t *testing.T, l *learner, d *disk, want ...string) {
	t.Helper()
	for _, args := range [][]string{{"start", "service"}, {"check"}, {"cluster", "up"}, {"reset"}} {
		_, stderr, err := l.run(t, append([]string{"--cluster", "embedded"}, args...)...)
		if err == nil {
			t.Errorf("%v did not fail", args)
		}
		for _, w := range append(want, d.dir, "XDG_STATE_HOME") {
			if !strings.Contains(stderr, w) {
				t.Errorf("%v says nothing of %q: %s", args, w, stderr)
			}
		}
	}
	if out := l.must(t, "list"); !strings.Contains(out, "service") {
		t.Errorf("list needs no state, but says %s", out)
	}
}

// progress is what is recorded of the Service lesson, which must be readable
// at any time.
func (d *disk) progress() (raw []byte, hints int) {
	d.t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.dir, "k8stutor", "progress", cluster.DefaultName+".json"))
	if err != nil {
		d.t.Fatal(err)
	}
	var file struct {
		Lessons map[string]struct {
			Step  string
			Steps map[string]struct{ Hints int }
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		d.t.Fatalf("the progress file is damaged: %v\n%s", err, raw)
	}
	at := file.Lessons["service"]
	if at.Step == "" {
		d.t.Errorf("the progress file has no step: %s", raw)
	}
	return raw, at.Steps[at.Step].Hints
}

// TestStateFolder shows what happens when the state folder can't be written or
// its disk is full: before anything is there, while a cluster is made, and while
// somebody learns. The parts follow each other on one disk.
func TestStateFolder(t *testing.T) {
	l := newLearner(t)
	d := stateDisk(t, l, "1m")

	t.Run("read only", func(t *testing.T) {
		d.remount(unix.MS_RDONLY, "")
		refused(t, l, d, "is not writable", "read-only file system")
	})

	t.Run("full from the start", func(t *testing.T) {
		d.remount(0, "size=1m")
		d.fill()
		refused(t, l, d, "is full", "no space left on device", "free some space")
		d.free()
	})

	t.Run("full while the cluster is made", func(t *testing.T) {
		d.remount(0, "size=4m") // certificates go, etcd's data does not
		_, stderr, err := l.run(t, "--cluster", "embedded", "cluster", "up")
		if err == nil || !strings.Contains(stderr, d.dir) || !strings.Contains(stderr, "make room") {
			t.Errorf("%v: %s", err, stderr)
		}
		if out, _, _ := l.run(t, "cluster", "status"); strings.Contains(out, "running") {
			t.Errorf("something still runs: %s", out)
		}
	})

	t.Run("full while somebody learns", func(t *testing.T) {
		d.remount(0, "size=300m")
		l.must(t, "--cluster", "embedded", "cluster", "up")
		l.write(t, tourSeen, "") // the disk came over the first
		r := l.sit(t, 120, 40, "start", "service")
		r.see("CHECKS")
		before, _ := d.progress()
		d.fill()
		r.command("h")
		r.see("device;") // … no space left on device; make room …: one word, since lines are wrapped
		if now, _ := d.progress(); !bytes.Equal(now, before) {
			t.Errorf("the progress file was changed on a full disk:\n%s\nbefore:\n%s", now, before)
		}
		d.free()
		r.command("h")
		r.seeNot("device;")
		// What could not be written then is written now.
		if _, hints := d.progress(); hints != 2 {
			t.Errorf("%d hints are recorded, want the one from the full disk too", hints)
		}
		r.command("q")
		r.see("Quit?")
		r.keys("y")
		r.ended()

		d.fill()
		before, _ = d.progress()
		_, stderr, err := l.run(t, "start")
		if err == nil || !strings.Contains(stderr, "is full") {
			t.Errorf("start: %v: %s", err, stderr)
		}
		d.free()
		if now, _ := d.progress(); !bytes.Equal(now, before) {
			t.Errorf("a start that was refused changed the progress file:\n%s\nbefore:\n%s", now, before)
		}
		if out := l.must(t, "start"); !strings.Contains(out, "step 1 of") {
			t.Errorf("start does not go on: %s", out)
		}
	})
}

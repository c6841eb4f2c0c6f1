package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A folder is a cluster's when cluster.json is in it, or this note: the cluster
// is being made or being removed. It is written first and removed last, so that
// what was interrupted, at whatever moment, is known as such: files of a cluster
// are removed from such folders only, and a new cluster never begins with the
// data of an old one.
//
//	             Begin                Save, Settle
//	no cluster ─────────▶ unfinished ───────────────▶ cluster
//	    ▲                  │      ▲                      │
//	    └──────────────────┘      └──────────────────────┘
//	           Clear                  Clear (its first step)

// unfinished is the note's path.
func (l Layout) unfinished() string { return filepath.Join(l.Dir, "cluster.unfinished") }

// Unfinished reports whether making or removing the cluster was interrupted.
func (l Layout) Unfinished() bool { return exists(l.unfinished()) }

// Begin marks the folder as one in which a cluster is being made. It fails when
// something is in the way: whose it is, nobody knows.
func (l Layout) Begin() error {
	var inTheWay []string
	for _, path := range append(l.owned(), l.State()) {
		if exists(path) {
			inTheWay = append(inTheWay, filepath.Base(path))
		}
	}
	if len(inTheWay) > 0 {
		return fmt.Errorf("the folder %s holds no cluster, but %s: remove that if it is left from a cluster, or choose another folder",
			l.Dir, strings.Join(inTheWay, ", "))
	}
	return WriteFile(l.unfinished(), []byte("A cluster is being made or removed here. `up` and `delete` of the same folder finish that.\n"))
}

// Settle says that the cluster is made.
func (l Layout) Settle() error {
	if err := os.Remove(l.unfinished()); err != nil {
		return fmt.Errorf("finishing the cluster: %w", err)
	}
	return nil
}

// Clear removes everything that k8stutor wrote for the cluster, but for the
// locks. Where no cluster is, and none was being made or removed, it removes
// nothing. Interrupted, it is to be called again.
func (l Layout) Clear() error {
	if !exists(l.State()) && !l.Unfinished() {
		return nil
	}
	if err := WriteFile(l.unfinished(), nil); err != nil {
		return fmt.Errorf("removing the cluster in %s: %w", l.Dir, err)
	}
	var errs []error
	if err := l.CheckRun(); err == nil {
		errs = append(errs, os.RemoveAll(l.Run))
	}
	for _, path := range l.owned() {
		errs = append(errs, os.RemoveAll(path))
	}
	logs, _ := filepath.Glob(filepath.Join(l.Dir, "audit*.log")) // the rotated ones too
	for _, path := range append(logs, l.State()) {
		errs = append(errs, removeFile(path))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing the cluster in %s: %w", l.Dir, err)
	}
	return removeFile(l.unfinished())
}

// Remove is Clear, and removes the locks and the folder itself when nothing else
// is in it. The caller holds the locks.
func (l Layout) Remove() error {
	if err := l.Clear(); err != nil {
		return err
	}
	if err := errors.Join(removeFile(l.Lock()), removeFile(l.UpLock())); err != nil {
		return fmt.Errorf("removing the cluster in %s: %w", l.Dir, err)
	}
	// Fails when something else is in it, which is then not ours to remove.
	_ = os.Remove(l.Dir)
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

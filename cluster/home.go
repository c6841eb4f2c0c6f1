package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2/maybe"
)

// DefaultName is the cluster that is used when none is named.
const DefaultName = "default"

// ErrAbsent is returned for a cluster that does not exist.
var ErrAbsent = errors.New("the cluster does not exist")

// nameRule keeps names usable as folder, container and context names alike.
// The length leaves room in the paths of Unix sockets (about 100 bytes).
var nameRule = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Home is the part of k8stutor's state folder that belongs to one cluster:
//
//	clusters/NAME/       the provider's own folder: data, sockets, kubeconfig
//	clusters/NAME.json   the Access of the cluster, written when it came up
//	clusters/NAME.lock   held while the cluster is being changed
//	clusters/NAME.use    held by the screen that uses it
//
// A Home is a value; its methods may be called from several processes.
type Home struct {
	state string
	name  string
}

// NewHome is the home of the named cluster under k8stutor's state folder.
func NewHome(state, name string) (Home, error) {
	if !nameRule.MatchString(name) {
		return Home{}, fmt.Errorf("%q is not a cluster name: use 1 to 32 of a-z, 0-9 and -, starting and ending with a letter or digit", name)
	}
	return Home{state: state, name: name}, nil
}

// Name of the cluster.
func (h Home) Name() string { return h.name }

// State is k8stutor's state folder, which all clusters share.
func (h Home) State() string { return h.state }

// Dir is the folder of the cluster's provider.
func (h Home) Dir() string { return filepath.Join(h.state, "clusters", h.name) }

func (h Home) sibling(ext string) string { return h.Dir() + ext }

// Ensure creates the folders, readable by their owner alone.
func (h Home) Ensure() error {
	if err := os.MkdirAll(h.Dir(), 0o700); err != nil {
		return StateError(err)
	}
	return nil
}

// StateError says what to do when something in the state folder can't be
// written.
func StateError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk of the state folder is full: %w; free some space there, or set XDG_STATE_HOME to a folder on another disk", err)
	}
	return fmt.Errorf("the state folder is not writable: %w; set XDG_STATE_HOME to a folder that is", err)
}

// Access is what was recorded when the cluster last came up, or ErrAbsent.
func (h Home) Access() (Access, error) {
	data, err := os.ReadFile(h.sibling(".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Access{}, fmt.Errorf("cluster %q: %w; create it with `k8stutor cluster up`", h.name, ErrAbsent)
	}
	if err != nil {
		return Access{}, err
	}
	var a Access
	if err := json.Unmarshal(data, &a); err != nil {
		return Access{}, fmt.Errorf("%s is damaged (%w); `k8stutor cluster up` rewrites it", h.sibling(".json"), err)
	}
	return a, nil
}

// Save records the Access of a cluster that has come up.
func (h Home) Save(a Access) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := WritePrivate(h.sibling(".json"), append(data, '\n')); err != nil {
		return fmt.Errorf("record the cluster's address: %w", StateError(err))
	}
	return nil
}

// WritePrivate replaces a file at once, readable by its owner alone.
func WritePrivate(path string, data []byte) error { return maybe.WriteFile(path, data, 0o600) }

// Forget removes the record and the provider's folder. The lock files stay: a
// lock file that is removed while another process waits on it locks nothing.
func (h Home) Forget() error {
	if err := os.Remove(h.sibling(".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(h.Dir())
}

// Homes lists the clusters that have a folder or a record, by name.
func Homes(state string) ([]Home, error) {
	entries, err := os.ReadDir(filepath.Join(state, "clusters"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name, record := strings.CutSuffix(e.Name(), ".json")
		if (record || e.IsDir()) && nameRule.MatchString(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	homes := make([]Home, len(names))
	for i, n := range names {
		homes[i] = Home{state: state, name: n}
	}
	return homes, nil
}

// HeldError says who holds a lock.
type HeldError struct {
	What string // what is locked, for a person
	By   string // who holds it, such as "k8stutor start (process 42, since 10:03)"
}

// Error names the holder.
func (e *HeldError) Error() string { return e.What + " is in use by " + e.By }

// Use claims the cluster for a screen until release is called or the process
// ends, whichever way it ends. It does not wait: a *HeldError names the holder.
func (h Home) Use(who string) (release func(), err error) {
	if err := h.Ensure(); err != nil {
		return nil, err
	}
	l := flock.New(h.sibling(".use"), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), StateError(err))
	}
	if !ok {
		return nil, &HeldError{What: fmt.Sprintf("cluster %q", h.name), By: holder(h.sibling(".use"))}
	}
	return h.claim(l, who)
}

// Lock waits until no other process changes the cluster. While it waits,
// report says who holds it.
func (h Home) Lock(ctx context.Context, who string, report Progress) (release func(), err error) {
	if err := h.Ensure(); err != nil {
		return nil, err
	}
	l := flock.New(h.sibling(".lock"), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), StateError(err))
	}
	if !ok {
		start := time.Now()
		p := Phase{ID: "lock", Title: "Waiting for another k8stutor", Detail: holder(h.sibling(".lock"))}
		report(p)
		_, err := l.TryLockContext(ctx, 100*time.Millisecond)
		p.Done, p.Err, p.Elapsed = true, err, time.Since(start)
		report(p)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", &HeldError{What: fmt.Sprintf("cluster %q", h.name), By: p.Detail}, err)
		}
	}
	return h.claim(l, who)
}

// claim writes who we are into the lock that was just taken. Nobody else
// writes the file while the lock is held, and a reader takes a torn line for
// what it is: a hint.
func (h Home) claim(l *flock.Flock, who string) (func(), error) {
	line := fmt.Sprintf("%s (process %d, since %s)", who, os.Getpid(), time.Now().Format("15:04:05"))
	if err := os.WriteFile(l.Path(), []byte(line+"\n"), 0o600); err != nil {
		return nil, errors.Join(StateError(err), l.Unlock())
	}
	return func() { _ = l.Unlock() }, nil
}

func holder(path string) string {
	data, err := os.ReadFile(path)
	who := strings.TrimSpace(string(data))
	if err != nil || who == "" {
		return "another process"
	}
	return who
}

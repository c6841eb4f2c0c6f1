package lessons

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2/maybe"

	"github.com/k8stutor/k8stutor/cluster/watch"
)

// A journal keeps the inputs of the open step, so that the step survives its
// session: replayed through a fresh engine they give the same verdicts, with
// the same baseline, history and answers. It is a file of JSON lines: a head,
// and traces as TraceWriter writes them, the old state of changed objects left
// out. It is not safe for concurrent use.
type journal struct {
	file *os.File
	size int
	full bool // only what the learner did is still added
}

// journalVersion is the version of the format; maxJournal is how many bytes a
// journal may have. What the cluster does after that is found at the return by
// comparing, as changes that nobody saw.
const (
	journalVersion = 1
	maxJournal     = 5 << 20
)

// journalHead says what a journal is of. Entry is noted on the namespace as
// well: another cluster, or another entry of the step, has another one.
type journalHead struct {
	Version int    `json:"version"`
	Lesson  string `json:"lesson"` // digest of lesson.yaml
	Step    string `json:"step"`
	Seed    int    `json:"seed,omitempty"`
	Entry   string `json:"entry"`
}

// digest tells versions of a lesson apart.
func (l *Lesson) digest() string {
	data, err := fs.ReadFile(l.files, "lesson.yaml")
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// beginJournal writes a new journal to path in one piece: the head, what the
// cluster holds, and the beginning of the step. Later inputs are appended.
func beginJournal(path string, head journalHead, now time.Time, held *store, begin Begin) (*journal, error) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(head); err != nil {
		return nil, err
	}
	trace := NewTraceWriter(&b)
	for _, in := range append(held.inputs(), begin) {
		if err := trace.Write(now, in); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := maybe.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return openJournal(path)
}

// openJournal opens a journal for appending.
func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &journal{file: file, size: int(info.Size())}, nil
}

// add appends an input; what the learner did is on the disk when it returns.
func (j *journal) add(at time.Time, in Input) error {
	synced := false
	switch x := in.(type) {
	case Answered, Retry:
		synced = true
	case Change:
		if x.Type == watch.Modified {
			x.Old = nil // the one before, which the replay knows
			in = x
		}
	}
	if _, asked := in.(Requested); j.full && !synced && !asked {
		return nil
	}
	var b bytes.Buffer
	if err := NewTraceWriter(&b).Write(at, in); err != nil {
		return err
	}
	n, err := j.file.Write(b.Bytes())
	j.size += n
	j.full = j.size >= maxJournal
	if err == nil && synced {
		err = j.file.Sync()
	}
	return err
}

func (j *journal) close() error { return j.file.Close() }

// inputs are what makes a store of an empty one.
func (s *store) inputs() []Input {
	var out []Input
	for gvr, objects := range s.objects {
		for key, u := range objects {
			out = append(out, Change{watch.Event{Type: watch.Added, Resource: gvr, Namespace: key.namespace, New: u, Initial: true}})
		}
	}
	for spec := range s.synced {
		out = append(out, Change{watch.Event{Type: watch.Synced, Resource: spec.Resource, Namespace: spec.Namespace}})
	}
	return out
}

// errStaleJournal says that a journal is of another entry, or of another
// version of the lesson.
var errStaleJournal = errors.New("it is of another version of the lesson")

// resumeJournal replays the journal at path into an engine. The error says that
// there is none (fs.ErrNotExist), that it is stale, or that it is damaged.
func resumeJournal(path string, wanted journalHead, engine *Engine) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// A line that was cut short when the program was killed says nothing.
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	lines := bufio.NewReader(bytes.NewReader(raw))
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("it has no head: %w", err)
	}
	var head journalHead
	if err := json.Unmarshal(first, &head); err != nil {
		return fmt.Errorf("its head can't be read: %w", err)
	}
	switch {
	case head.Entry != wanted.Entry:
		return fs.ErrNotExist // of another cluster or entry: nothing is known of this one
	case head != wanted:
		return errStaleJournal
	}
	entries, err := ReadTrace(lines)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		in := entry.Input()
		if c, ok := in.(Change); ok && c.Type == watch.Modified && c.New != nil {
			c.Old = engine.store.objects[c.Resource][keyOf(c.New)]
			in = c
		}
		if _, err := engine.Handle(entry.At, in); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	if engine.step == nil {
		return errors.New("the step does not begin in it")
	}
	return nil
}

// missed are the inputs that bring an engine from what it last saw to what the
// cluster holds now. The changes are inferred: how they came about was not
// seen. Between them the connection counts as lost.
func (e *Engine) missed(now time.Time, held *store) []Input {
	event := func(t watch.EventType) watch.Event { return watch.Event{Type: t, At: now, Inferred: true} }
	away := event(watch.Lost)
	away.Err = errors.New("the tutor was not running")
	out := []Input{Change{away}}
	change := func(t watch.EventType, of storeObject, back bool) {
		c := event(t)
		c.Resource, c.Namespace, c.Old, c.New = of.gvr, of.key.namespace, of.was, of.is
		if back {
			c.Old, c.New = of.was, nil
		} else if t == watch.Added {
			c.Old = nil
		}
		out = append(out, Change{c})
	}
	for _, o := range differing(e.store, held) {
		switch {
		case o.is == nil:
			change(watch.Deleted, o, true)
		case o.was == nil:
			change(watch.Added, o, false)
		case o.was.GetUID() != o.is.GetUID():
			change(watch.Deleted, o, true)
			change(watch.Added, o, false)
		default:
			change(watch.Modified, o, false)
		}
	}
	return append(out, Change{event(watch.Recovered)})
}

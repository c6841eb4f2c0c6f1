package space

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/internal/queue"
)

// auditPoll is how often the file is looked at even when the file system has
// told of no change (network file systems and bind mounts of containers tell
// of none). One stat a time, no read.
const auditPoll = 250 * time.Millisecond

// AuditTail follows an API server's audit log (JSON lines of
// audit.k8s.io/v1 Event) from its end and delivers what people asked for:
// requests of system users and of k8stutor are left out. A request that goes on
// for long (watch, exec, logs -f) is delivered when its response starts, any
// other when it is complete; each once.
type AuditTail struct {
	path     string
	requests *queue.Queue[Request]
	cancel   context.CancelFunc
	done     sync.WaitGroup
	seen     auditIDs // of long requests already delivered

	file   *os.File
	offset int64
	reader *bufio.Reader // of what is new; one for all times, as the log grows often
	rest   []byte        // an unfinished line
}

// TailAudit starts at the present end of the file, which need not exist yet.
func TailAudit(ctx context.Context, path string) (*AuditTail, error) {
	return followAudit(ctx, path, fsnotify.NewWatcher)
}

func followAudit(ctx context.Context, path string, newWatcher func() (*fsnotify.Watcher, error)) (*AuditTail, error) {
	t := &AuditTail{path: path, requests: queue.New[Request](), reader: bufio.NewReaderSize(nil, 64<<10)}
	if err := t.open(true); err != nil {
		return nil, err
	}
	// A machine has only so many watchers (128 for each user of Linux, unless
	// set otherwise), and editors and containers take them. Without one the
	// poll alone finds what is new, a little later.
	notify, err := newWatcher()
	if err != nil {
		notify = &fsnotify.Watcher{}
	} else if err := notify.Add(filepath.Dir(path)); err != nil {
		// The folder, not the file: a rotation puts a new file in its place.
		notify.Close()
		return nil, fmt.Errorf("watch folder of audit log %s: %w", path, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	t.cancel = cancel
	t.done.Go(func() { t.requests.Run(ctx) })
	watched := err == nil
	t.done.Go(func() {
		if watched {
			defer notify.Close()
		}
		defer t.closeFile()
		t.follow(ctx, notify)
	})
	return t, nil
}

// Requests never drops. It is closed after Close.
func (t *AuditTail) Requests() <-chan Request { return t.requests.Out() }

// Close ends the tail and returns when it has ended.
func (t *AuditTail) Close() {
	t.cancel()
	t.done.Wait()
}

func (t *AuditTail) follow(ctx context.Context, notify *fsnotify.Watcher) {
	poll := time.NewTicker(auditPoll)
	defer poll.Stop()
	for {
		t.read()
		select {
		case <-ctx.Done():
			return
		case e, ok := <-notify.Events:
			if !ok {
				return
			}
			if filepath.Base(e.Name) != filepath.Base(t.path) {
				continue
			}
		case _, ok := <-notify.Errors:
			// An overflow loses notices, not lines: the next read finds them.
			if !ok {
				return
			}
		case <-poll.C:
		}
	}
}

// open opens the file, at its end when that is where the tail begins.
func (t *AuditTail) open(atEnd bool) error {
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	t.file, t.offset, t.rest = f, 0, nil
	if atEnd {
		if t.offset, err = f.Seek(0, io.SeekEnd); err != nil {
			f.Close()
			return fmt.Errorf("audit log %s: %w", t.path, err)
		}
	}
	return nil
}

func (t *AuditTail) closeFile() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
}

// read takes what was appended, and moves on to the new file after a rotation.
func (t *AuditTail) read() {
	if t.file == nil && t.open(false) != nil || t.file == nil {
		return
	}
	t.readLines()
	now, err := os.Stat(t.path)
	if err != nil {
		return
	}
	held, err := t.file.Stat()
	if err != nil {
		return
	}
	switch {
	case !os.SameFile(now, held):
		t.readLines() // what came between the first read and the rotation
		t.closeFile()
		if t.open(false) == nil && t.file != nil {
			t.readLines()
		}
	case held.Size() < t.offset: // truncated in place
		t.offset, t.rest = 0, nil
		t.readLines()
	}
}

func (t *AuditTail) readLines() {
	t.reader.Reset(io.NewSectionReader(t.file, t.offset, 1<<62))
	for {
		part, err := t.reader.ReadBytes('\n')
		t.offset += int64(len(part))
		t.rest = append(t.rest, part...)
		if err != nil {
			return
		}
		if req, ok := t.parse(t.rest); ok {
			t.requests.Push(req)
		}
		t.rest = nil
	}
}

// maxOpenRequests is how many long requests are remembered until they end. A
// request whose end is never logged, because the API server was killed, would
// be remembered for ever.
const maxOpenRequests = 4096

// auditIDs is a set of audit IDs that forgets the oldest beyond
// maxOpenRequests. The zero value is empty.
type auditIDs struct {
	number map[string]uint64 // how many were added before it
	next   uint64
	order  [maxOpenRequests]string // by number, modulo the length
}

// add reports whether id is new.
func (s *auditIDs) add(id string) bool {
	if _, ok := s.number[id]; ok {
		return false
	}
	if s.number == nil {
		s.number = make(map[string]uint64)
	}
	slot := s.next % maxOpenRequests
	if old := s.order[slot]; s.number[old]+maxOpenRequests == s.next {
		delete(s.number, old)
	}
	s.order[slot], s.number[id] = id, s.next
	s.next++
	return true
}

// remove reports whether id was there.
func (s *auditIDs) remove(id string) bool {
	_, ok := s.number[id]
	delete(s.number, id)
	return ok
}

// auditEvent is what is needed of audit.k8s.io/v1 Event.
type auditEvent struct {
	AuditID    string `json:"auditID"`
	Stage      string `json:"stage"`
	RequestURI string `json:"requestURI"`
	Verb       string `json:"verb"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	UserAgent string `json:"userAgent"`
	ObjectRef *struct {
		Resource    string `json:"resource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
		APIGroup    string `json:"apiGroup"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	ResponseStatus *struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

// parse turns a line into a Request; false when it is of no interest.
func (t *AuditTail) parse(line []byte) (Request, bool) {
	line = bytes.TrimSpace(line)
	var e auditEvent
	if len(line) == 0 || json.Unmarshal(line, &e) != nil || e.ObjectRef == nil {
		return Request{}, false
	}
	ours := strings.HasPrefix(e.UserAgent, cluster.UserAgent) && !strings.HasPrefix(e.UserAgent, cluster.ScreenUserAgent)
	if strings.HasPrefix(e.User.Username, "system:") || ours {
		return Request{}, false
	}
	switch e.Stage {
	case "ResponseStarted":
		if !t.seen.add(e.AuditID) {
			return Request{}, false
		}
	case "ResponseComplete", "Panic":
		if t.seen.remove(e.AuditID) {
			return Request{}, false
		}
	default:
		return Request{}, false
	}
	req := Request{
		At: e.Received, User: e.User.Username, UserAgent: e.UserAgent, Verb: e.Verb,
		Group: e.ObjectRef.APIGroup, Resource: e.ObjectRef.Resource, Subresource: e.ObjectRef.Subresource,
		Namespace: e.ObjectRef.Namespace, Name: e.ObjectRef.Name,
	}
	if e.ResponseStatus != nil {
		req.Code = e.ResponseStatus.Code
	}
	if _, query, ok := strings.Cut(e.RequestURI, "?"); ok {
		// A half-broken query still yields its good pairs.
		req.Query, _ = url.ParseQuery(query)
	}
	return req, true
}

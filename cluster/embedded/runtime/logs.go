package runtime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxLogLine is where containerd cuts a long line into parts tagged P.
const maxLogLine = 16 * 1024

// logTime is RFC3339Nano with all nine digits, as the kubelet writes it back.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

// criLog is a container's log file in the CRI format
// (https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md):
// "<RFC3339Nano> <stdout|stderr> <P|F> <text>". It is safe for concurrent use.
type criLog struct {
	path string

	mu   sync.Mutex
	file *os.File
}

// openLog opens a log file for appending. An empty path gives a log that
// discards, for a container without one.
func openLog(path string) (*criLog, error) {
	l := &criLog{path: path}
	if path == "" {
		return l, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("container log: %w", err)
	}
	return l, l.reopen()
}

// reopen opens the path again after the kubelet has renamed the old file away.
func (l *criLog) reopen() error {
	if l.path == "" {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("container log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
	}
	l.file = f
	return nil
}

func (l *criLog) line(stream string, tag byte, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return
	}
	record := make([]byte, 0, len(logTime)+len(stream)+len(text)+5)
	record = time.Now().AppendFormat(record, logTime)
	record = append(record, ' ')
	record = append(record, stream...)
	record = append(record, ' ', tag, ' ')
	record = append(record, text...)
	record = append(record, '\n')
	// A full disk must not stop the container; the kubelet reports it.
	_, _ = l.file.Write(record)
}

// Close closes the file. What is written afterwards is lost.
func (l *criLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// outputStream is a container's stdout or stderr: it goes to the log line by
// line and to whoever is attached byte by byte.
type outputStream struct {
	name string // "stdout" or "stderr"
	log  *criLog

	mu      sync.Mutex
	partial []byte
	taps    map[*tap]struct{}
}

func newOutputStream(name string, log *criLog) *outputStream {
	return &outputStream{name: name, log: log, taps: map[*tap]struct{}{}}
}

// Write never fails: a program does not see what becomes of its output.
func (s *outputStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.taps {
		t.put(p)
	}
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		s.emit(rest[:i], 'F')
		rest = rest[i+1:]
	}
	s.partial = append(s.partial, rest...)
	for len(s.partial) >= maxLogLine {
		s.log.line(s.name, 'P', s.partial[:maxLogLine])
		s.partial = append(s.partial[:0], s.partial[maxLogLine:]...)
	}
	return len(p), nil
}

// emit writes the end of a line, preceded by what was kept of it.
func (s *outputStream) emit(text []byte, tag byte) {
	s.partial = append(s.partial, text...)
	for len(s.partial) > maxLogLine {
		s.log.line(s.name, 'P', s.partial[:maxLogLine])
		s.partial = append(s.partial[:0], s.partial[maxLogLine:]...)
	}
	s.log.line(s.name, tag, s.partial)
	s.partial = s.partial[:0]
}

// flush writes what is left of an unfinished line.
func (s *outputStream) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		s.log.line(s.name, 'P', s.partial)
		s.partial = nil
	}
}

// attach sends everything written from now on to w as well, until detach. A
// client that does not read slows nobody down: see tap. detach gives the client
// drainTime to take what is left for it, at most until ctx ends.
func (s *outputStream) attach(w io.Writer) (detach func(ctx context.Context)) {
	t := newTap()
	go t.run(w) // ends after close, or when w does; the caller closes w
	s.mu.Lock()
	s.taps[t] = struct{}{}
	s.mu.Unlock()
	return func(ctx context.Context) {
		s.mu.Lock()
		delete(s.taps, t)
		s.mu.Unlock()
		t.close()
		timer := time.NewTimer(drainTime)
		defer timer.Stop()
		select {
		case <-t.ended:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

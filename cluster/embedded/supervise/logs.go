package supervise

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// lastLogLines is how many lines status keeps of a part that stopped.
	lastLogLines = 10
	// lastLogBytes bounds what is read of a log file for them.
	lastLogBytes = 16 << 10
	// maxLogBytes is how large a log file gets before it is set aside.
	maxLogBytes    = 8 << 20
	rotateInterval = 30 * time.Second
)

// openLog sets the log of the run before aside as FILE.1 and opens a new one.
// Children write to it directly, in append mode, so that truncating it is safe.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("setting an old log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	return f, nil
}

// rotateLogs sets the content of logs that got too large aside. The process
// that writes keeps its open file, so the content is copied and the file
// emptied; a line written in between is lost, which is what copytruncate does
// everywhere.
func (s *Supervisor) rotateLogs() {
	for _, p := range s.opts.Parts {
		path := s.logPath(p.Name)
		info, err := os.Stat(path)
		if err != nil || info.Size() < maxLogBytes {
			continue
		}
		if err := copyTruncate(path); err != nil {
			s.opts.Log.Warn("rotating a log failed", "part", p.Name, "err", err)
		}
	}
}

func copyTruncate(path string) error {
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(path+".1", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		_ = dst.Close()
		return err
	}
	if err := dst.Close(); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

// LastLines returns up to n last lines of a file, none when it can't be read.
func LastLines(path string, n int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > lastLogBytes {
		if _, err := f.Seek(-lastLogBytes, io.SeekEnd); err != nil {
			return nil
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, lastLogBytes))
	if err != nil {
		return nil
	}
	data = bytes.TrimRight(data, "\n")
	if len(data) == 0 {
		return nil
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return lines
}

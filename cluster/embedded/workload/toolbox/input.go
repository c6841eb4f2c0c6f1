package toolbox

import (
	"context"
	"io"
	"os"
	"slices"
	"sync"
)

// source is an input that can be read for as long as a context lasts and that
// takes back what a command didn't use.
type source interface {
	ReadContext(ctx context.Context, p []byte) (int, error)
	Unread(b []byte)
}

// contextReader is a source as an io.Reader.
type contextReader struct {
	ctx    context.Context
	source source
}

func (r contextReader) Read(p []byte) (int, error) { return r.source.ReadContext(r.ctx, p) }

// input makes a source of a plain reader. Its goroutine starts with the first
// read, so that a command that wants no input takes none, and never holds more
// than one piece that nobody asked for.
type input struct {
	r     io.Reader
	once  sync.Once
	ended chan struct{}
	ch    chan []byte

	mu   sync.Mutex
	left []byte
	err  error // set before ch is closed
}

func newInput(r io.Reader) *input {
	return &input{r: r, ended: make(chan struct{}), ch: make(chan []byte)}
}

// stop lets the goroutine go. One that waits in the reader goes when the
// reader ends, which workload.Process promises for the end of Run.
func (i *input) stop() { close(i.ended) }

func (i *input) pump() {
	defer close(i.ch)
	for {
		buf := make([]byte, 32<<10)
		n, err := i.r.Read(buf)
		if n > 0 {
			select {
			case i.ch <- buf[:n]:
			case <-i.ended:
				err = io.EOF
			}
		}
		if err != nil {
			i.mu.Lock()
			i.err = err
			i.mu.Unlock()
			return
		}
	}
}

func (i *input) ReadContext(ctx context.Context, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	i.once.Do(func() { go i.pump() })
	i.mu.Lock()
	if len(i.left) > 0 {
		n := copy(p, i.left)
		i.left = i.left[n:]
		i.mu.Unlock()
		return n, nil
	}
	i.mu.Unlock()
	select {
	case b, ok := <-i.ch:
		i.mu.Lock()
		defer i.mu.Unlock()
		if !ok {
			return 0, i.err
		}
		n := copy(p, b)
		i.left = append(i.left, b[n:]...)
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (i *input) Unread(b []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left = append(slices.Clone(b), i.left...)
}

// readerSource is a source of a pipe's end, whose reads a deadline ends.
type readerSource struct {
	r    io.Reader
	left []byte
}

func (s *readerSource) ReadContext(ctx context.Context, p []byte) (int, error) {
	if len(s.left) > 0 {
		n := copy(p, s.left)
		s.left = s.left[n:]
		return n, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

func (s *readerSource) Unread(b []byte) { s.left = append(slices.Clone(b), s.left...) }

// sourceOf is the source behind a command's input.
func sourceOf(r io.Reader) source {
	if c, ok := r.(contextReader); ok {
		return c.source
	}
	return &readerSource{r: r}
}

// feed gives a source to a shell as the file that the interpreter needs.
// finish ends it and returns to the source what nobody read.
func feed(ctx context.Context, s source) (f *os.File, finish func(), err error) {
	if rs, ok := s.(*readerSource); ok && len(rs.left) == 0 {
		if file, ok := rs.r.(*os.File); ok {
			return file, func() {}, nil // a pipe already
		}
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan []byte, 1)
	go func() {
		defer pw.Close()
		buf := make([]byte, 4096)
		for {
			n, err := s.ReadContext(ctx, buf)
			if n > 0 {
				if w, werr := pw.Write(buf[:n]); werr != nil {
					done <- buf[w:n]
					return
				}
			}
			if err != nil {
				done <- nil
				return
			}
		}
	}()
	return pr, func() {
		cancel()
		// The feeder may wait in a full pipe: reading what is left lets it go.
		left, _ := io.ReadAll(pr) // a pipe's only end is its end
		left = append(left, <-done...)
		_ = pr.Close() // nobody reads it any more
		s.Unread(left)
	}, nil
}

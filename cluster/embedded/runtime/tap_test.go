package runtime

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// stuckWriter is a client that reads nothing until it is let go.
type stuckWriter struct {
	lockedBuffer
	letGo, reached chan struct{}
	first          bool
}

func newStuckWriter() *stuckWriter {
	return &stuckWriter{letGo: make(chan struct{}), reached: make(chan struct{})}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	if !w.first {
		w.first = true
		close(w.reached)
	}
	<-w.letGo
	return w.lockedBuffer.Write(p)
}

func (w *stuckWriter) Close() error { return nil }

// A client that does not read freezes nobody: the container goes on and ends,
// and what looks at it gets its answer.
func TestAttachUnread(t *testing.T) {
	const lines = 200_000
	begin := make(chan struct{})
	w := newWorld(t, programs{"main": func(_ context.Context, p *workload.Process) int {
		<-begin
		line := []byte("0123456789abcdef\n")
		for range lines {
			if _, err := p.Stdout.Write(line); err != nil {
				return 1
			}
		}
		return 0
	}})
	id := w.run(nil)
	client := newStuckWriter()
	attached := make(chan error, 1)
	c, err := w.runtime.container(id)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		attached <- streamer{w.runtime}.Attach(t.Context(), id, nil, client, nil, false, nil)
	}()
	eventually(t, "the client to be attached", func() bool {
		c.stdout.mu.Lock()
		defer c.stdout.mu.Unlock()
		return len(c.stdout.taps) == 1
	})
	close(begin)
	<-client.reached
	<-c.done // it ends although the client has not read a byte
	if list, err := w.runtime.ListContainers(t.Context(), nil); err != nil || len(list) != 1 {
		t.Errorf("list: %v, %v", list, err)
	}
	if err := w.runtime.RemoveContainer(t.Context(), id); err != nil {
		t.Error(err)
	}
	close(client.letGo)
	if err := <-attached; err != nil {
		t.Error(err)
	}
	eventually(t, "the client to be told", func() bool { return strings.Contains(client.String(), "bytes left out") })
	if got := len(client.String()); got < maxTap/2 || got > 2*maxTap {
		t.Errorf("the client got %d bytes", got)
	}
}

// A client that reads gets every byte, also those written last.
func TestTapDrains(t *testing.T) {
	s := newOutputStream("stdout", &criLog{})
	var client bytes.Buffer
	detach := s.attach(&client)
	var want strings.Builder
	for range 1000 {
		io.WriteString(io.MultiWriter(s, &want), "a line of the container\n")
	}
	detach(context.Background())
	if client.String() != want.String() {
		t.Errorf("%d of %d bytes arrived", client.Len(), want.Len())
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond) //nolint:forbidigo // between two looks
	}
}

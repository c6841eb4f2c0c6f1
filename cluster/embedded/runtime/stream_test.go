package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	remote "k8s.io/cri-client/pkg"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// closer makes a writer a WriteCloser.
type closer struct{ io.Writer }

func (closer) Close() error { return nil }

func TestExecSync(t *testing.T) {
	w := newWorld(t, programs{
		"main": untilKilled,
		"fail": func(_ context.Context, p *workload.Process) int {
			fmt.Fprint(p.Stdout, "out")
			fmt.Fprint(p.Stderr, "err")
			return 3
		},
		"hang": untilKilled,
	})
	id := w.run(nil)
	tests := []struct {
		name    string
		cmd     []string
		timeout time.Duration
		check   func(stdout, stderr []byte, err error) bool
	}{
		{"exit code", []string{"fail"}, 0, func(stdout, stderr []byte, err error) bool {
			var exit utilexec.ExitError
			return errors.As(err, &exit) && exit.ExitStatus() == 3 && string(stdout) == "out" && string(stderr) == "err"
		}},
		{"timeout", []string{"hang", "x"}, 20 * time.Millisecond, func(_, _ []byte, err error) bool {
			return errors.Is(err, remote.ErrCommandTimedOut) && strings.Contains(err.Error(), `"hang x" timed out after 20ms`)
		}},
		{"no such command", []string{"sh"}, 0, func(_, _ []byte, err error) bool {
			return err != nil && strings.Contains(err.Error(), `OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH`)
		}},
		{"no such path", []string{"/bin/sh"}, 0, func(_, _ []byte, err error) bool {
			return err != nil && strings.Contains(err.Error(), `exec: "/bin/sh": stat /bin/sh: no such file or directory`)
		}},
		{"no command", nil, 0, func(_, _ []byte, err error) bool { return err != nil }},
		{"good probe", []string{"secret-marker", "good"}, time.Second, func(stdout, _ []byte, err error) bool {
			return err == nil && string(stdout) == "10.244.0.1"
		}},
		{"bad probe", []string{"secret-marker", "bad"}, time.Second, func(stdout, _ []byte, err error) bool {
			var exit utilexec.ExitError
			return errors.As(err, &exit) && exit.ExitStatus() == 1 && string(stdout) == "10.244.0.1"
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, err := w.runtime.ExecSync(context.Background(), id, test.cmd, test.timeout)
			if !test.check(stdout, stderr, err) {
				t.Errorf("got %q, %q, %v", stdout, stderr, err)
			}
		})
	}
	if n := w.runtime.containers[id].procs.count(); n != 1 {
		t.Errorf("%d processes are left, want the main one", n)
	}
}

// A container that dies takes its exec sessions with it.
func TestExecEndsWithContainer(t *testing.T) {
	started := make(chan struct{})
	w := newWorld(t, programs{
		"main": untilKilled,
		"cat": func(_ context.Context, p *workload.Process) int {
			close(started)
			_, _ = io.Copy(p.Stdout, p.Stdin) // ends only when stdin does
			return 0
		},
	})
	id := w.run(nil)
	in, inWriter := io.Pipe()
	defer inWriter.Close()
	done := make(chan error, 1)
	go func() {
		done <- streamer{w.runtime}.Exec(context.Background(), id, []string{"cat"}, in, closer{io.Discard}, nil, false, nil)
	}()
	<-started
	if err := w.runtime.StopContainer(context.Background(), id, 0); err != nil {
		t.Fatal(err)
	}
	var exit utilexec.ExitError
	if err := <-done; !errors.As(err, &exit) || exit.ExitStatus() != 137 {
		t.Errorf("got %v, want exit code 137", err)
	}
	err := streamer{w.runtime}.Exec(context.Background(), id, []string{"cat"}, nil, closer{io.Discard}, nil, false, nil)
	if err == nil || !strings.Contains(err.Error(), "CONTAINER_EXITED") {
		t.Errorf("exec in a dead container: %v", err)
	}
}

func TestExecTerminal(t *testing.T) {
	w := newWorld(t, programs{
		"main": untilKilled,
		"size": func(_ context.Context, p *workload.Process) int {
			size := <-p.Resize
			fmt.Fprintf(p.Stderr, "%v %dx%d", p.TTY, size.Columns, size.Rows)
			return 0
		},
	})
	id := w.run(nil)
	resize := make(chan remotecommand.TerminalSize, 1)
	resize <- remotecommand.TerminalSize{Width: 120, Height: 40}
	var out bytes.Buffer
	err := streamer{w.runtime}.Exec(context.Background(), id, []string{"size"}, strings.NewReader(""), closer{&out}, nil, true, resize)
	if err != nil || out.String() != "true 120x40" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// lockedBuffer can be read while it is written to.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestAttach(t *testing.T) {
	upper := func(_ context.Context, p *workload.Process) int {
		data, err := io.ReadAll(p.Stdin)
		if err != nil {
			return 1
		}
		fmt.Fprint(p.Stdout, strings.ToUpper(string(data)))
		return 0
	}
	w := newWorld(t, programs{"main": upper})
	id := w.run(func(c *runtimeapi.ContainerConfig) { c.Stdin, c.StdinOnce = true, true })
	var out lockedBuffer
	// With stdinOnce, the end of the client's input ends the program's.
	err := streamer{w.runtime}.Attach(context.Background(), id, strings.NewReader("hello"), closer{&out}, nil, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if st := w.exited(id); st.ExitCode != 0 || out.String() != "HELLO" {
		t.Errorf("exit %d, attached client saw %q", st.ExitCode, out.String())
	}
	if log, _ := readBack(t, w.logPath()); log != "HELLO" {
		t.Errorf("log: %q", log)
	}
	if err := (streamer{w.runtime}).Attach(context.Background(), id, nil, closer{&out}, nil, false, nil); err == nil {
		t.Error("attached to an exited container")
	}
}

// Without stdinOnce, a client that goes away leaves the program's input open
// for the next one.
func TestAttachTwice(t *testing.T) {
	w := newWorld(t, programs{"main": func(_ context.Context, p *workload.Process) int {
		buf := make([]byte, 2)
		if _, err := io.ReadFull(p.Stdin, buf); err != nil {
			return 1
		}
		fmt.Fprintf(p.Stdout, "%s", buf)
		return 0
	}})
	id := w.run(func(c *runtimeapi.ContainerConfig) { c.Stdin, c.Tty = true, true })
	if err := (streamer{w.runtime}).Attach(context.Background(), id, strings.NewReader("a"), nil, nil, true, nil); err != nil {
		t.Fatal(err)
	}
	var out lockedBuffer
	if err := (streamer{w.runtime}).Attach(context.Background(), id, &blockingAfter{data: "b"}, closer{&out}, nil, true, nil); err != nil {
		t.Fatal(err)
	}
	if st := w.exited(id); st.ExitCode != 0 || out.String() != "ab" {
		t.Errorf("exit %d, output %q", st.ExitCode, out.String())
	}
}

// blockingAfter is a keyboard: after data nothing comes, until it is released
// at the end of the test.
type blockingAfter struct {
	data string
	sent bool
}

func (b *blockingAfter) Read(p []byte) (int, error) {
	if !b.sent {
		b.sent = true
		return copy(p, b.data), nil
	}
	time.Sleep(50 * time.Millisecond) //nolint:forbidigo // a reader that can't be interrupted
	return 0, io.EOF
}

func TestKillEndsStdin(t *testing.T) {
	w := newWorld(t, programs{"main": func(_ context.Context, p *workload.Process) int {
		_, _ = io.Copy(io.Discard, p.Stdin) // nobody will ever write
		return 0
	}})
	id := w.run(func(c *runtimeapi.ContainerConfig) { c.Stdin = true })
	start := time.Now()
	if err := w.runtime.StopContainer(context.Background(), id, 0); err != nil {
		t.Fatal(err)
	}
	if st := w.exited(id); st.ExitCode != 137 {
		t.Errorf("exit code %d", st.ExitCode)
	}
	if time.Since(start) >= killGrace {
		t.Error("the program was given up instead of seeing the end of its input")
	}
}

func TestPortForward(t *testing.T) {
	ready := make(chan struct{})
	w := newWorld(t, programs{"main": func(ctx context.Context, p *workload.Process) int {
		l, err := p.Net.Listen("tcp", ":8080")
		if err != nil {
			return 1
		}
		close(ready)
		conn, err := l.Accept()
		if err != nil {
			return 2
		}
		buf := make([]byte, 4)
		if _, err := io.ReadFull(conn, buf); err != nil {
			return 3
		}
		fmt.Fprintf(conn, "you said %s", buf)
		conn.Close()
		<-ctx.Done()
		return 0
	}})
	id := w.run(nil)
	sandboxID := w.runtime.containers[id].SandboxID
	<-ready
	near, far := io.Pipe()
	var out lockedBuffer
	go fmt.Fprint(far, "ping")
	stream := struct {
		io.Reader
		io.Writer
		io.Closer
	}{near, &out, near}
	if err := (streamer{w.runtime}).PortForward(context.Background(), sandboxID, 8080, stream); err != nil {
		t.Fatal(err)
	}
	if out.String() != "you said ping" {
		t.Errorf("got %q", out.String())
	}
	err := streamer{w.runtime}.PortForward(context.Background(), sandboxID, 9, stream)
	if err == nil || !strings.Contains(err.Error(), "failed to connect to localhost:9") {
		t.Errorf("nothing listens: %v", err)
	}
}

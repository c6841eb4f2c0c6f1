package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	remote "k8s.io/cri-client/pkg"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// serveStreams starts the server to which the kubelet forwards exec, attach
// and port-forward. It listens on loopback, and each URL it hands out holds a
// token that works once.
func (r *Runtime) serveStreams() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	config := streaming.DefaultConfig
	config.Addr = listener.Addr().String()
	config.BaseURL = &url.URL{Scheme: "http", Host: config.Addr, Path: "/"}
	if r.stream, err = streaming.NewServer(config, streamer{r}); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: r.stream, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends by Close below
	}()
	r.streamStop = func() error {
		err := server.Close()
		<-served
		return err
	}
	return nil
}

// Exec hands out a URL to run a command at.
func (r *Runtime) Exec(_ context.Context, req *runtimeapi.ExecRequest) (*runtimeapi.ExecResponse, error) {
	if err := r.running(req.GetContainerId()); err != nil {
		return nil, err
	}
	return r.stream.GetExec(req)
}

// Attach hands out a URL to attach at.
func (r *Runtime) Attach(_ context.Context, req *runtimeapi.AttachRequest) (*runtimeapi.AttachResponse, error) {
	if err := r.running(req.GetContainerId()); err != nil {
		return nil, err
	}
	return r.stream.GetAttach(req)
}

// PortForward hands out a URL to forward ports at.
func (r *Runtime) PortForward(_ context.Context, req *runtimeapi.PortForwardRequest) (*runtimeapi.PortForwardResponse, error) {
	s, err := r.sandbox(req.GetPodSandboxId())
	if err != nil {
		return nil, err
	}
	if _, err := s.net(); err != nil {
		return nil, err
	}
	return r.stream.GetPortForward(req)
}

func (r *Runtime) running(id string) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	if state := c.state(); state != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return status.Errorf(codes.FailedPrecondition, "container is in %s state", state)
	}
	return nil
}

// ExecSync runs a command to its end and returns what it wrote. Exit codes and
// time-outs are the errors that the kubelet's own CRI client makes of them.
func (r *Runtime) ExecSync(ctx context.Context, id string, cmd []string, timeout time.Duration) ([]byte, []byte, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	if r.cfg.NodeProbeMarker != "" && len(cmd) > 0 && cmd[0] == r.cfg.NodeProbeMarker {
		return r.probe(ctx, id, cmd[1:], timeout)
	}
	var stdout, stderr cappedBuffer
	code, err := r.exec(ctx, id, cmd, streams{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, nil, fmt.Errorf("%w: %q timed out after %s", remote.ErrCommandTimedOut, strings.Join(cmd, " "), timeout)
	}
	if err != nil {
		return nil, nil, status.Error(codes.Unknown, err.Error())
	}
	return stdout.Bytes(), stderr.Bytes(), exitError(cmd, code, stderr.Bytes())
}

func exitError(cmd []string, code int, stderr []byte) error {
	if code == 0 {
		return nil
	}
	return utilexec.CodeExitError{
		Err:  fmt.Errorf("command '%s' exited with %d: %s", strings.Join(cmd, " "), code, stderr),
		Code: code,
	}
}

// probe lets the node probe the Pod of a container.
func (r *Runtime) probe(ctx context.Context, id string, args []string, timeout time.Duration) ([]byte, []byte, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, nil, err
	}
	s, err := r.sandbox(c.SandboxID)
	if err != nil {
		return nil, nil, err
	}
	network, err := s.net()
	if err != nil {
		return nil, nil, err
	}
	// The probe keeps the time itself: its own words for a time-out are the
	// ones that belong into the Event.
	ok, output, err := r.cfg.NodeProbe(context.WithoutCancel(ctx), network, args, timeout)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		err = utilexec.CodeExitError{Err: errors.New(output), Code: 1}
	}
	return []byte(output), nil, err
}

// maxExecOutput is how much ExecSync keeps of each stream, as containerd does.
const maxExecOutput = 16 << 20

// cappedBuffer drops what is written above maxExecOutput.
type cappedBuffer struct{ bytes.Buffer }

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if room := maxExecOutput - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// exec runs one more program in a running container and returns its exit code.
// It ends with the container or with ctx.
func (r *Runtime) exec(ctx context.Context, id string, cmd []string, io streams) (int, error) {
	c, err := r.container(id)
	if err != nil {
		return 0, err
	}
	s, err := r.sandbox(c.SandboxID)
	if err != nil {
		return 0, err
	}
	network, err := s.net()
	if err != nil {
		return 0, err
	}
	if err := r.running(id); err != nil {
		return 0, fmt.Errorf("failed to exec in container: %w", err)
	}
	var program workload.Program
	if len(cmd) > 0 {
		program = c.image.Find(cmd[0])
	}
	if program == nil {
		argv0 := strings.Join(cmd[:min(1, len(cmd))], "")
		return 0, fmt.Errorf("failed to exec in container: failed to start exec %q: OCI runtime exec failed: exec failed: unable to start container process: %w", newID(), notFound(argv0))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(c.ctx, cancel)
	defer stop()
	p := c.procs.add(cmd, cancel)
	defer c.procs.remove(p)
	return runProgram(ctx, program, c.workload(s, network, p, io)), nil
}

// streamer answers the streaming server.
type streamer struct{ r *Runtime }

var _ streaming.Runtime = streamer{}

// Exec runs a command with the client's streams.
func (s streamer) Exec(ctx context.Context, id string, cmd []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	io := streams{stdin: strings.NewReader(""), stdout: writerOrDiscard(out), stderr: writerOrDiscard(errOut), tty: tty}
	if in != nil {
		io.stdin = newKillableReader(ctx, in)
	}
	if tty {
		io.stderr = io.stdout
		io.resize = sizes(ctx, resize)
	}
	code, err := s.r.exec(ctx, id, cmd, io)
	if err != nil {
		return err
	}
	return exitError(cmd, code, nil)
}

func writerOrDiscard(w io.Writer) io.Writer {
	// A nil io.WriteCloser arrives here as a nil io.Writer.
	if w == nil {
		return io.Discard
	}
	return w
}

// sizes passes on a terminal's sizes; only the newest counts, so an unread one
// is replaced.
func sizes(ctx context.Context, in <-chan remotecommand.TerminalSize) <-chan workload.Size {
	out := make(chan workload.Size, 1)
	go forwardSizes(ctx, in, out)
	return out
}

func forwardSizes(ctx context.Context, in <-chan remotecommand.TerminalSize, out chan workload.Size) {
	for {
		select {
		case size, ok := <-in:
			if !ok {
				return
			}
			select {
			case <-out:
			default:
			}
			select {
			case out <- workload.Size{Columns: size.Width, Rows: size.Height}:
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}

// Attach connects a client with the streams of the container's own program
// until either is gone.
func (s streamer) Attach(ctx context.Context, id string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	c, err := s.r.container(id)
	if err != nil {
		return err
	}
	if err := s.r.running(id); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if out != nil {
		detach := c.stdout.attach(out)
		defer func() { detach(ctx) }()
	}
	if errOut != nil && !tty {
		detach := c.stderr.attach(errOut)
		defer func() { detach(ctx) }()
	}
	if tty && resize != nil && c.resize != nil {
		go forwardSizes(ctx, resize, c.resize)
	}
	gone := make(chan struct{})
	if in != nil && c.stdin != nil {
		go func() {
			_, err := io.Copy(c.stdin, newKillableReader(ctx, in))
			if c.Config.GetStdinOnce() && ctx.Err() == nil {
				c.stdin.Close()
			}
			// A terminal whose keyboard is gone has been closed; without a
			// terminal the end of input says nothing about the output.
			if tty || err != nil {
				close(gone)
			}
		}()
	}
	select {
	case <-c.done:
	case <-ctx.Done():
	case <-gone:
	}
	return nil
}

// PortForward connects a client's stream with a port on the Pod's own loopback.
func (s streamer) PortForward(ctx context.Context, sandboxID string, port int32, stream io.ReadWriteCloser) error {
	sb, err := s.r.sandbox(sandboxID)
	if err != nil {
		return err
	}
	network, err := sb.net()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := network.DialFromNode(ctx, "tcp", net.JoinHostPort("localhost", strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("failed to execute portforward in network namespace of sandbox %q: failed to connect to localhost:%d inside namespace %q: %w", sandboxID, port, sandboxID, err)
	}
	defer conn.Close()
	fromPod := make(chan error, 1)
	fromClient := make(chan error, 1)
	go func() {
		_, err := io.Copy(stream, conn)
		fromPod <- err
	}()
	go func() {
		_, err := io.Copy(conn, stream)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // the peer may be gone already
		}
		fromClient <- err
	}()
	// The Pod's end of the connection ends the forwarding. When the client is
	// done first, the answer is still to be sent.
	select {
	case err := <-fromPod:
		stream.Close()
		return ignoreClosed(err)
	case err := <-fromClient:
		if err != nil {
			return ignoreClosed(err)
		}
	}
	return ignoreClosed(<-fromPod)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

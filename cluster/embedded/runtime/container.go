package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/k8stutor/k8stutor/cluster/embedded/rootfs"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// exitNoStart is the exit code of a container whose command can't be started,
// as containerd reports it.
const exitNoStart = 128

// containerRecord is what is kept of a container over a restart.
type containerRecord struct {
	ID         string                      `json:"id"`
	SandboxID  string                      `json:"sandboxID"`
	Config     *runtimeapi.ContainerConfig `json:"config"`
	ImageName  string                      `json:"imageName"`
	LogPath    string                      `json:"logPath"`
	State      runtimeapi.ContainerState   `json:"state"`
	CreatedAt  int64                       `json:"createdAt"` // nanoseconds, as the next two
	StartedAt  int64                       `json:"startedAt,omitempty"`
	FinishedAt int64                       `json:"finishedAt,omitempty"`
	ExitCode   int                         `json:"exitCode"`
	Reason     string                      `json:"reason,omitempty"`
	Message    string                      `json:"message,omitempty"`
	// Resources are the limits now; Config keeps those it was made with.
	Resources *runtimeapi.LinuxContainerResources `json:"resources,omitempty"`
}

// container is one container: a program in a goroutine with its surroundings.
type container struct {
	containerRecord // guarded by mu once the container is known to the runtime
	runtime         *Runtime
	dir             string
	done            chan struct{} // closed when it has exited

	mu        sync.Mutex
	oomKilled bool
	kill      context.CancelFunc // ends ctx
	ctx       context.Context

	image     Image
	argv      []string
	files     *rootfs.FS
	log       *criLog
	stdout    *outputStream
	stderr    *outputStream
	stdin     *io.PipeWriter // nil without stdin
	stdinRead *io.PipeReader
	resize    chan workload.Size // nil without a terminal
	procs     processTable
	cpu       *cpuMeter
	memory    *memoryAccount
}

func newContainer(r *Runtime, record containerRecord, dir string) *container {
	return &container{containerRecord: record, runtime: r, dir: dir, done: make(chan struct{})}
}

func (c *container) recordPath() string { return filepath.Join(c.dir, "container.json") }

// CreateContainer prepares a container: its file system, log and accounts.
func (r *Runtime) CreateContainer(_ context.Context, sandboxID string, config *runtimeapi.ContainerConfig, sandboxConfig *runtimeapi.PodSandboxConfig) (string, error) {
	s, err := r.sandbox(sandboxID)
	if err != nil {
		return "", err
	}
	if _, err := s.net(); err != nil {
		return "", err
	}
	name, image, ok := r.cfg.Images.lookup(config.GetImage().GetImage())
	if !ok {
		return "", errNotPresent(config.GetImage().GetImage())
	}
	c := newContainer(r, containerRecord{
		ID: newID(), SandboxID: sandboxID, Config: config, ImageName: name,
		State: runtimeapi.ContainerState_CONTAINER_CREATED, CreatedAt: time.Now().UnixNano(),
		Resources: config.GetLinux().GetResources(),
	}, "")
	c.dir = filepath.Join(r.cfg.StateDir, "containers", c.ID)
	c.image = image
	c.argv = commandLine(config, image)
	if dir := sandboxConfig.GetLogDirectory(); dir != "" && config.GetLogPath() != "" {
		c.LogPath = filepath.Join(dir, config.GetLogPath())
	}
	if err := c.prepare(s); err != nil {
		c.release()
		return "", status.Errorf(codes.Unknown, "failed to create container: %v", errors.Join(err, os.RemoveAll(c.dir)))
	}
	r.mu.Lock()
	r.containers[c.ID] = c
	r.mu.Unlock()
	return c.ID, nil
}

// commandLine puts a Pod's command and args over an image's, as
// https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
// says.
func commandLine(config *runtimeapi.ContainerConfig, image Image) []string {
	switch {
	case len(config.GetCommand()) > 0:
		return slices.Concat(config.GetCommand(), config.GetArgs())
	case len(config.GetArgs()) > 0:
		return slices.Concat(image.Entrypoint, config.GetArgs())
	}
	return slices.Concat(image.Entrypoint, image.Cmd)
}

// prepare makes everything that the program will see.
func (c *container) prepare(s *sandbox) error {
	if len(c.argv) == 0 {
		return errors.New("no command specified")
	}
	// The folder above is closed to others; this one is "/" in the container.
	if err := errors.Join(os.Mkdir(c.dir, 0o700), os.Mkdir(filepath.Join(c.dir, "rootfs"), 0o755)); err != nil {
		return err
	}
	if err := c.prepareFiles(s); err != nil {
		return err
	}
	log, err := openLog(c.LogPath)
	if err != nil {
		return err
	}
	c.log = log
	c.stdout, c.stderr = newOutputStream("stdout", log), newOutputStream("stderr", log)
	if c.Config.GetStdin() {
		c.stdinRead, c.stdin = io.Pipe()
	}
	if c.Config.GetTty() {
		c.resize = make(chan workload.Size, 1)
	}
	c.ctx, c.kill = context.WithCancel(context.Background())
	cpu, memory := limits(c.Config.GetLinux().GetResources())
	c.cpu = newCPUMeter(c.ctx, cpu)
	base := c.image.Memory
	if base == 0 {
		base = 8 << 20
	}
	c.memory = &memoryAccount{oom: c.oom, used: base, limit: memory}
	return saveJSON(c.recordPath(), c.containerRecord)
}

// prepareFiles puts the container's file system together.
func (c *container) prepareFiles(s *sandbox) error {
	files, err := rootfs.New(filepath.Join(c.dir, "rootfs"), false)
	if err != nil {
		return err
	}
	c.files = files
	for _, dir := range []string{"/etc", "/tmp", "/dev", "/var/run", c.workingDir()} {
		if err := files.MkdirAll(dir); err != nil {
			return err
		}
	}
	if err := files.Chmod("/tmp", 0o1777); err != nil {
		return err
	}
	if err := lay(files, c.image.Files); err != nil {
		return fmt.Errorf("image files: %w", err)
	}
	mounts := slices.Clone(c.Config.GetMounts())
	for _, name := range []string{"resolv.conf", "hostname"} {
		mounts = append(mounts, &runtimeapi.Mount{HostPath: filepath.Join(s.dir, name), ContainerPath: "/etc/" + name})
	}
	// Outer mounts first, so that inner ones land on them.
	slices.SortStableFunc(mounts, func(a, b *runtimeapi.Mount) int {
		return strings.Count(a.ContainerPath, "/") - strings.Count(b.ContainerPath, "/")
	})
	files.SetReadonly(c.Config.GetLinux().GetSecurityContext().GetReadonlyRootfs())
	for _, m := range mounts {
		if m.GetHostPath() == "" {
			return fmt.Errorf("mount %s: image volumes are not supported by the embedded cluster", m.ContainerPath)
		}
		source, err := c.source(m.HostPath)
		if err != nil {
			return fmt.Errorf("mount %s: %w", m.ContainerPath, err)
		}
		if err := files.Mount(source, m.ContainerPath, m.Readonly); err != nil {
			return err
		}
	}
	return nil
}

// source opens what a mount shows, without following a link that a container
// may have put in the way. One that does not exist becomes a directory, as with
// containerd.
func (c *container) source(name string) (rootfs.Source, error) {
	base := c.runtime.cfg.MountBase
	source, err := rootfs.Open(base, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return source, err
	}
	if err := rootfs.MkdirAll(base, name, 0o755); err != nil {
		return rootfs.Source{}, err
	}
	return rootfs.Open(base, name)
}

// lay puts an image's files into a file system.
func lay(files *rootfs.FS, image []File) error {
	for _, f := range image {
		var err error
		switch {
		case f.Mode.IsDir():
			err = files.MkdirAll(f.Name)
			if err == nil {
				err = files.Chmod(f.Name, f.Mode&^fs.ModeDir)
			}
		case f.Link != "":
			err = files.MkdirAll(path.Dir(path.Clean("/" + f.Name)))
			if err == nil {
				err = files.Symlink(f.Link, f.Name)
			}
		default:
			err = files.WriteFile(f.Name, []byte(f.Data), f.Mode.Perm())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *container) workingDir() string {
	switch {
	case c.Config.GetWorkingDir() != "":
		return c.Config.GetWorkingDir()
	case c.image.WorkingDir != "":
		return c.image.WorkingDir
	}
	return "/"
}

// limits are the CPU limit in cores and the memory limit in bytes; 0 is none.
func limits(res *runtimeapi.LinuxContainerResources) (cores float64, memory int64) {
	if res.GetCpuQuota() > 0 && res.GetCpuPeriod() > 0 {
		cores = float64(res.GetCpuQuota()) / float64(res.GetCpuPeriod())
	}
	return cores, max(0, res.GetMemoryLimitInBytes())
}

// environ is the environment of every process in the container: the image's,
// then the Pod's.
func (c *container) environ(s *sandbox, tty bool) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOSTNAME=" + s.hostname(),
	}
	if tty {
		env = append(env, "TERM=xterm")
	}
	env = append(env, c.image.Env...)
	hasHome := false
	for _, kv := range c.Config.GetEnvs() {
		env = append(env, kv.Key+"="+string(kv.Value))
		hasHome = hasHome || kv.Key == "HOME"
	}
	if !hasHome && !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "HOME=") }) {
		home := "/"
		if c.uid() == 0 {
			home = "/root"
		}
		env = append(env, "HOME="+home)
	}
	return env
}

func (c *container) uid() int64 {
	if user := c.Config.GetLinux().GetSecurityContext().GetRunAsUser(); user != nil {
		return user.Value
	}
	return c.image.User
}

// workload is a process of this container as its program sees it.
func (c *container) workload(s *sandbox, network PodNetwork, p *process, io streams) *workload.Process {
	return &workload.Process{
		Args: p.argv, Env: c.environ(s, io.tty), Dir: c.workingDir(), Hostname: s.hostname(), PID: p.pid,
		TTY: io.tty, Stdin: io.stdin, Stdout: io.stdout, Stderr: io.stderr, Resize: io.resize,
		Signals: p.signals, FS: c.files, Net: network, CPU: c.cpu, Memory: c.memory,
		Processes: c.procs.list, Kill: c.procs.signal,
	}
}

// StartContainer starts the container's program.
func (r *Runtime) StartContainer(_ context.Context, id string) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	s, err := r.sandbox(c.SandboxID)
	if err != nil {
		return err
	}
	network, err := s.net()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State != runtimeapi.ContainerState_CONTAINER_CREATED {
		return status.Errorf(codes.FailedPrecondition, "container %q is in %s state", id, c.State)
	}
	program := c.image.Find(c.argv[0])
	if program == nil {
		err := fmt.Errorf("failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: %w", notFound(c.argv[0]))
		c.StartedAt = 0
		c.finish(exitNoStart, "StartError", err.Error())
		return status.Error(codes.Unknown, err.Error())
	}
	c.State = runtimeapi.ContainerState_CONTAINER_RUNNING
	c.StartedAt = time.Now().UnixNano()
	if err := saveJSON(c.recordPath(), c.containerRecord); err != nil {
		c.finish(exitNoStart, "StartError", err.Error())
		return status.Errorf(codes.Unknown, "failed to start container: %v", err)
	}
	go c.run(s, network, program, c.procs.add(c.argv, c.kill))
	return nil
}

// notFound is runc's error for a command that the image does not hold.
func notFound(argv0 string) error {
	if strings.Contains(argv0, "/") {
		return fmt.Errorf("exec: %q: stat %s: no such file or directory: unknown", argv0, argv0)
	}
	return fmt.Errorf("exec: %q: executable file not found in $PATH: unknown", argv0)
}

// startCPU is what starting a process costs on the container's account.
// metrics-server leaves containers out that have used no CPU time at all, which
// a real one always has.
const startCPU = time.Millisecond

// run is the life of the container's first process. With it every other process
// of the container ends.
func (c *container) run(s *sandbox, network PodNetwork, program workload.Program, p *process) {
	io := streams{stdin: strings.NewReader(""), stdout: c.stdout, stderr: c.stderr, tty: c.Config.GetTty(), resize: c.resize}
	if c.stdin != nil {
		io.stdin = c.stdinRead
		// Whatever waits for a key learns that the container is dead.
		stop := context.AfterFunc(c.ctx, func() { c.stdin.Close() })
		defer stop()
	}
	if io.tty {
		io.stderr = c.stdout // a terminal has one stream
	}
	c.cpu.Charge(startCPU)
	code := runProgram(c.ctx, program, c.workload(s, network, p, io))
	c.procs.remove(p)
	c.kill()
	c.ended(code)
	if c.runtime.cfg.Exited != nil {
		c.runtime.cfg.Exited(s.Config.GetMetadata().GetUid())
	}
}

// ended notes the exit code of the first process, and why.
func (c *container) ended(code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reason := "Completed"
	switch {
	case c.oomKilled:
		reason = "OOMKilled"
	case code != 0:
		reason = "Error"
	}
	c.finish(code, reason, "")
}

// finish notes the end and lets go of what a running container needs. c.mu is
// held.
func (c *container) finish(code int, reason, message string) {
	c.State = runtimeapi.ContainerState_CONTAINER_EXITED
	c.FinishedAt = time.Now().UnixNano()
	c.ExitCode, c.Reason, c.Message = code, reason, message
	c.stdout.flush()
	c.stderr.flush()
	c.release()
	// The record is only of use after a restart, and then "lost" is as good.
	_ = saveJSON(c.recordPath(), c.containerRecord)
	close(c.done)
}

// release closes what prepare opened.
func (c *container) release() {
	if c.kill != nil {
		c.kill()
	}
	if c.stdin != nil {
		c.stdin.Close()
		c.stdinRead.Close()
	}
	if c.log != nil {
		c.log.Close()
	}
	if c.files != nil {
		c.files.Close()
	}
}

// oom kills the container for its use of memory.
func (c *container) oom() {
	c.mu.Lock()
	c.oomKilled = true
	c.mu.Unlock()
	c.kill()
}

// state is the container's state now.
func (c *container) state() runtimeapi.ContainerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.State
}

// killAndWait kills the container if it runs and waits for its end.
func (c *container) killAndWait() {
	if c.state() == runtimeapi.ContainerState_CONTAINER_RUNNING {
		c.kill()
		<-c.done
	}
}

// StopContainer asks the container to end with its stop signal, and kills it
// after timeout seconds.
func (r *Runtime) StopContainer(ctx context.Context, id string, timeout int64) error {
	c, err := r.container(id)
	if err != nil {
		return nil // gone already
	}
	if c.state() != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return nil
	}
	if sig := stopSignal(c.Config.GetStopSignal()); timeout > 0 && sig != workload.SIGKILL {
		_ = c.procs.signal(1, sig) // it may just have ended
		timer := time.NewTimer(time.Duration(timeout) * time.Second)
		defer timer.Stop()
		select {
		case <-c.done:
			return nil
		case <-timer.C:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	c.killAndWait()
	return nil
}

// stopSignal is a Pod's lifecycle.stopSignal; TERM when it has none.
func stopSignal(sig runtimeapi.Signal) workload.Signal {
	switch sig {
	case runtimeapi.Signal_SIGHUP:
		return workload.SIGHUP
	case runtimeapi.Signal_SIGINT:
		return workload.SIGINT
	case runtimeapi.Signal_SIGKILL:
		return workload.SIGKILL
	}
	return workload.SIGTERM
}

// RemoveContainer kills a container if need be and removes its files. The log
// stays: it is the kubelet's.
func (r *Runtime) RemoveContainer(_ context.Context, id string) error {
	c, err := r.container(id)
	if err != nil {
		return nil // gone already
	}
	c.killAndWait()
	c.mu.Lock()
	if c.State == runtimeapi.ContainerState_CONTAINER_CREATED {
		c.finish(0, "", "")
	}
	c.mu.Unlock()
	r.mu.Lock()
	delete(r.containers, id)
	s := r.sandboxes[c.SandboxID]
	r.mu.Unlock()
	if s != nil && c.cpu != nil {
		used, _ := c.cpu.usage(time.Now())
		s.mu.Lock()
		s.ended += used // a Pod's CPU counter never goes back
		s.mu.Unlock()
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return status.Errorf(codes.Unknown, "failed to remove container %q: %v", id, err)
	}
	return nil
}

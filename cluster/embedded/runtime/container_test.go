package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// klog's flush daemon is started by a package's init and lives on.
		goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

func TestExitStatus(t *testing.T) {
	onTerm := func(ctx context.Context, p *workload.Process) int {
		select {
		case s := <-p.Signals:
			return 128 + int(s)
		case <-ctx.Done():
			return 1
		}
	}
	tests := []struct {
		name   string
		main   func(context.Context, *workload.Process) int
		stop   int64 // grace in seconds; negative: do not stop
		code   int32
		reason string
	}{
		{"success", func(context.Context, *workload.Process) int { return 0 }, -1, 0, "Completed"},
		{"failure", func(context.Context, *workload.Process) int { return 3 }, -1, 3, "Error"},
		{"one byte only", func(context.Context, *workload.Process) int { return 256 + 7 }, -1, 7, "Error"},
		{"panic", func(context.Context, *workload.Process) int { panic("boom") }, -1, 2, "Error"},
		{"obeys TERM", onTerm, 30, 143, "Error"},
		{"ignores TERM", untilKilled, 1, 137, "Error"},
		{"no grace", onTerm, 0, 137, "Error"},
		{"out of memory", func(ctx context.Context, p *workload.Process) int {
			if err := p.Memory.Alloc(64 << 20); err == nil {
				return 9
			}
			<-ctx.Done()
			return 1
		}, -1, 137, "OOMKilled"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, programs{"main": test.main})
			id := w.run(func(c *runtimeapi.ContainerConfig) {
				c.Linux = &runtimeapi.LinuxContainerConfig{Resources: &runtimeapi.LinuxContainerResources{MemoryLimitInBytes: 32 << 20}}
			})
			if test.stop >= 0 {
				if err := w.runtime.StopContainer(context.Background(), id, test.stop); err != nil {
					t.Fatal(err)
				}
			}
			st := w.exited(id)
			if st.ExitCode != test.code || st.Reason != test.reason {
				t.Errorf("got %d %s, want %d %s", st.ExitCode, st.Reason, test.code, test.reason)
			}
			if st.State != runtimeapi.ContainerState_CONTAINER_EXITED || st.StartedAt < st.CreatedAt || st.FinishedAt < st.StartedAt {
				t.Errorf("state %v, created %d, started %d, finished %d", st.State, st.CreatedAt, st.StartedAt, st.FinishedAt)
			}
		})
	}
}

func TestPanicStackOnStderr(t *testing.T) {
	w := newWorld(t, programs{"main": func(context.Context, *workload.Process) int { panic("boom") }})
	w.exited(w.run(nil))
	log, err := os.ReadFile(w.logPath())
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^\S+ stderr F panic: boom$`).Match(log) || !strings.Contains(string(log), "container_test.go") {
		t.Errorf("log:\n%s", log)
	}
}

func TestCommandNotInImage(t *testing.T) {
	w := newWorld(t, programs{"main": untilKilled})
	id := w.create(func(c *runtimeapi.ContainerConfig) { c.Command = []string{"sh", "-c", "true"} })
	err := w.runtime.StartContainer(context.Background(), id)
	const want = `exec: "sh": executable file not found in $PATH`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %s", err, want)
	}
	if st := w.status(id); st.ExitCode != 128 || st.Reason != "StartError" || !strings.Contains(st.Message, want) {
		t.Errorf("status: %v", st)
	}
}

func TestCommandLine(t *testing.T) {
	image := Image{Entrypoint: []string{"/ep-1"}, Cmd: []string{"foo", "bar"}}
	// The table of
	// https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/#notes
	tests := []struct{ command, args, want []string }{
		{nil, nil, []string{"/ep-1", "foo", "bar"}},
		{[]string{"/ep-2"}, nil, []string{"/ep-2"}},
		{nil, []string{"zoo", "boo"}, []string{"/ep-1", "zoo", "boo"}},
		{[]string{"/ep-2"}, []string{"zoo", "boo"}, []string{"/ep-2", "zoo", "boo"}},
	}
	for _, test := range tests {
		got := commandLine(&runtimeapi.ContainerConfig{Command: test.command, Args: test.args}, image)
		if !slices.Equal(got, test.want) {
			t.Errorf("command %q, args %q: got %q, want %q", test.command, test.args, got, test.want)
		}
	}
}

func TestSurroundings(t *testing.T) {
	var got strings.Builder
	w := newWorld(t, programs{"main": func(_ context.Context, p *workload.Process) int {
		for _, name := range []string{"/etc/resolv.conf", "/etc/hostname", "/etc/passwd", "/bin/link"} {
			f, err := p.FS.OpenFile(name, os.O_RDONLY, 0)
			if err != nil {
				fmt.Fprintln(&got, err)
				continue
			}
			data, _ := io.ReadAll(f)
			f.Close()
			fmt.Fprintf(&got, "%s: %s", name, data)
		}
		fmt.Fprintln(&got, p.Args, p.Dir, p.Hostname, p.PID, p.Net.Addrs(), len(p.Processes()))
		for _, e := range p.Env {
			if !strings.HasPrefix(e, "PATH=") {
				fmt.Fprintln(&got, e)
			}
		}
		return 0
	}})
	w.exited(w.run(func(c *runtimeapi.ContainerConfig) {
		c.WorkingDir = "/work"
		c.Envs = []*runtimeapi.KeyValue{{Key: "FROM", Value: []byte("pod")}}
	}))
	const want = `/etc/resolv.conf: search default.svc.cluster.local
nameserver 10.96.0.10
options ndots:5
/etc/hostname: pod
/etc/passwd: root:x:0:0:::
/bin/link: root:x:0:0:::
[main arg] /work pod 1 [10.244.0.1] 1
HOSTNAME=pod
FROM=image
FROM=pod
HOME=/root
`
	if got.String() != want {
		t.Errorf("got:\n%swant:\n%s", got.String(), want)
	}
}

func TestKillFromWithin(t *testing.T) {
	w := newWorld(t, programs{
		"main": func(ctx context.Context, p *workload.Process) int {
			if err := p.Kill(1, workload.SIGKILL); err != nil {
				return 90
			}
			if err := p.Kill(1, workload.SIGTERM); err != nil {
				return 91
			}
			select {
			case <-ctx.Done(): // KILL must not reach process 1 from within
				return 92
			case s := <-p.Signals:
				return int(s)
			}
		},
	})
	if st := w.exited(w.run(nil)); st.ExitCode != 15 {
		t.Errorf("exit code %d, want 15", st.ExitCode)
	}
}

func TestProgramThatWillNotDie(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	w := newWorld(t, programs{"main": func(context.Context, *workload.Process) int {
		<-release
		return 0
	}})
	id := w.run(nil)
	if err := w.runtime.StopContainer(context.Background(), id, 0); err != nil {
		t.Fatal(err)
	}
	if st := w.status(id); st.ExitCode != 137 {
		t.Errorf("exit code %d, want 137", st.ExitCode)
	}
}

func TestRemoval(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, programs{"main": untilKilled})
	id := w.run(nil)
	sandboxID := w.runtime.containers[id].SandboxID
	if err := w.runtime.StopPodSandbox(ctx, sandboxID); err != nil {
		t.Fatal(err)
	}
	if st := w.status(id); st.ExitCode != 137 {
		t.Errorf("exit code %d, want 137", st.ExitCode)
	}
	for range 2 { // both are idempotent
		if err := w.runtime.StopPodSandbox(ctx, sandboxID); err != nil {
			t.Fatal(err)
		}
		if err := w.runtime.RemovePodSandbox(ctx, sandboxID); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"sandboxes", "containers"} {
		if left, err := os.ReadDir(filepath.Join(w.state, dir)); err != nil || len(left) > 0 {
			t.Errorf("%s: %v left, %v", dir, left, err)
		}
	}
}

func TestRemoveCreated(t *testing.T) {
	w := newWorld(t, programs{"main": untilKilled})
	id := w.create(nil)
	if err := w.runtime.RemoveContainer(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.runtime.ContainerStatus(context.Background(), id, false); err == nil {
		t.Error("it is still there")
	}
}

func TestList(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, programs{"main": untilKilled})
	running, created := w.run(nil), w.create(nil)
	tests := []struct {
		name   string
		filter *runtimeapi.ContainerFilter
		want   []string
	}{
		{"all", nil, []string{running, created}},
		{"by id", &runtimeapi.ContainerFilter{Id: running}, []string{running}},
		{"by state", &runtimeapi.ContainerFilter{State: &runtimeapi.ContainerStateValue{State: runtimeapi.ContainerState_CONTAINER_CREATED}}, []string{created}},
		{"by sandbox", &runtimeapi.ContainerFilter{PodSandboxId: w.runtime.containers[created].SandboxID}, []string{created}},
		{"by label", &runtimeapi.ContainerFilter{LabelSelector: map[string]string{"name": "d"}}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list, err := w.runtime.ListContainers(ctx, test.filter)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range list {
				got = append(got, c.Id)
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestNoNetwork(t *testing.T) {
	w := newWorld(t, programs{"main": untilKilled})
	config := w.sandboxConfig()
	config.Metadata.Name = "no-network"
	if _, err := w.runtime.RunPodSandbox(context.Background(), config, ""); err == nil || !strings.Contains(err.Error(), "no address left") {
		t.Errorf("got %v", err)
	}
}

// A restart of the node's process is the end of its containers: the kubelet
// must see them as ended, with their attempt, and their sandboxes as not ready.
func TestRestart(t *testing.T) {
	ctx := context.Background()
	progs := programs{"main": untilKilled}
	w := newWorld(t, progs)
	running := w.run(func(c *runtimeapi.ContainerConfig) {
		c.Metadata.Attempt = 4
		c.Annotations = map[string]string{"io.kubernetes.container.restartCount": "4"}
	})
	// A crash leaves the records of running containers behind.
	record := filepath.Join(w.state, "containers", running, "container.json")
	saved, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.runtime.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(record, saved, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(w.state, "containers", "broken")
	if err := errors.Join(os.Mkdir(broken, 0o700), os.WriteFile(filepath.Join(broken, "container.json"), []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}

	w.start(progs)
	st := w.status(running)
	if st.State != runtimeapi.ContainerState_CONTAINER_EXITED || st.ExitCode != 255 || st.Reason != "Unknown" || st.FinishedAt == 0 {
		t.Errorf("status after the restart: %v", st)
	}
	if st.Metadata.Attempt != 4 || st.Annotations["io.kubernetes.container.restartCount"] != "4" || st.LogPath != w.logPath() {
		t.Errorf("the record lost something: %v", st)
	}
	pods, err := w.runtime.ListPodSandbox(ctx, nil)
	if err != nil || len(pods) != 1 || pods[0].State != runtimeapi.PodSandboxState_SANDBOX_NOTREADY {
		t.Errorf("sandboxes: %v, %v", pods, err)
	}
	if _, err := os.Stat(broken); !os.IsNotExist(err) {
		t.Errorf("the damaged record is still there: %v", err)
	}
	if _, err := w.runtime.ListContainerStats(ctx, nil); err != nil {
		t.Error(err)
	}
	if err := w.runtime.RemovePodSandbox(ctx, pods[0].Id); err != nil {
		t.Error(err)
	}
}

func TestStatsOfContainer(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, programs{"main": func(ctx context.Context, p *workload.Process) int {
		p.CPU.Charge(1500*time.Millisecond - startCPU)
		if err := p.Memory.Alloc(2 << 20); err != nil {
			return 1
		}
		fmt.Fprintln(p.Stdout, "done")
		<-ctx.Done()
		return 0
	}})
	id := w.run(nil)
	waitForLog(t, w.logPath(), "done")
	pods, err := w.runtime.ListPodSandboxStats(ctx, nil)
	if err != nil || len(pods) != 1 || len(pods[0].Linux.Containers) != 1 {
		t.Fatalf("got %v, %v", pods, err)
	}
	pod, container := pods[0].Linux, pods[0].Linux.Containers[0]
	if pod.Cpu.UsageCoreNanoSeconds.Value != 1.5e9 || container.Cpu.UsageCoreNanoSeconds.Value != 1.5e9 {
		t.Errorf("CPU: %v, %v", pod.Cpu, container.Cpu)
	}
	if pod.Memory.WorkingSetBytes.Value != 3<<20 || container.Memory.WorkingSetBytes.Value != 3<<20 {
		t.Errorf("memory: %v, %v", pod.Memory, container.Memory)
	}
	if n := pod.Network.DefaultInterface; n.RxBytes.Value != 11 || n.TxBytes.Value != 22 {
		t.Errorf("network: %v", n)
	}
	// A Pod's counter must not go back when a container is removed.
	if err := w.runtime.RemoveContainer(ctx, id); err != nil {
		t.Fatal(err)
	}
	after, err := w.runtime.PodSandboxStats(ctx, pods[0].Attributes.Id)
	if err != nil || after.Linux.Cpu.UsageCoreNanoSeconds.Value != 1.5e9 {
		t.Errorf("after removal: %v, %v", after, err)
	}
}

func TestUpdateResources(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, programs{"main": untilKilled})
	id := w.run(nil)
	update := func(quota, memory int64) error {
		return w.runtime.UpdateContainerResources(ctx, id, &runtimeapi.ContainerResources{
			Linux: &runtimeapi.LinuxContainerResources{CpuPeriod: 100000, CpuQuota: quota, MemoryLimitInBytes: memory},
		})
	}
	if err := update(50000, 4<<20); err != nil {
		t.Fatal(err)
	}
	c := w.runtime.containers[id]
	if _, limit := c.memory.Usage(); limit != 4<<20 || c.cpu.limit != 0.5 {
		t.Errorf("limits: %d bytes, %v cores", limit, c.cpu.limit)
	}
	if err := update(50000, 1<<10); err == nil {
		t.Error("a memory limit below the use was taken")
	}
	if got := w.status(id).Resources.Linux.MemoryLimitInBytes; got != 4<<20 {
		t.Errorf("status says %d", got)
	}
}

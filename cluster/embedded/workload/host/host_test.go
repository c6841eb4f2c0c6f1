//go:build unix

package host_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/host"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/toolbox"
)

// programVariable makes the test binary be one of the programs.
const programVariable = "K8STUTOR_HOST_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch os.Getenv(programVariable) {
	case "toolbox":
		os.Exit(host.Main(toolbox.New("toolbox"), true))
	case "signal":
		os.Exit(host.Main(workload.ProgramFunc(waitForSignal), false))
	}
	goleak.VerifyTestMain(m)
}

func waitForSignal(_ context.Context, p *workload.Process) int {
	if _, err := p.Stdout.Write([]byte("ready\n")); err != nil {
		return 1
	}
	return 100 + int(<-p.Signals)
}

func command(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = args
	cmd.Env = append(os.Environ(), programVariable+"="+program)
	return cmd
}

func TestToolboxAsAProgram(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/f", []byte("from a file\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		in   string
		out  string
		code int
	}{
		{[]string{"sh", "-c", "cat f; cat; exit 3"}, "from input\n", "from a file\nfrom input\n", 3},
		{[]string{"/somewhere/toolbox", "seq", "2"}, "", "1\n2\n", 0},
		{[]string{"sh", "-c", "mkdir d; echo x > d/y; mv d/y z; cat z; ln -s z l; readlink l; chmod 600 z; stat -c %a z; rm -r d; ls"}, "", "x\nz\n600\nf\nl\nz\n", 0},
		{[]string{"sh", "-c", "/bin/echo $$ | grep -c '^[0-9]'; ps | wc -l | grep -v '^0' >/dev/null && echo ps"}, "", "1\nps\n", 0},
		{[]string{"sh"}, "echo one\n", "one\n", 0},
		{[]string{"nope"}, "", "", 127},
	} {
		cmd := command(t, "toolbox", tt.args...)
		cmd.Dir = dir
		cmd.Stdin = strings.NewReader(tt.in)
		var out, problem bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problem
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if out.String() != tt.out || cmd.ProcessState.ExitCode() != tt.code {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", tt.args, cmd.ProcessState.ExitCode(), &out, &problem)
		}
	}
}

func TestSignalsArrive(t *testing.T) {
	cmd := command(t, "signal", "signal")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 115 {
		t.Errorf("ended with %v, want exit code 115", err)
	}
}

package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test scripts run this very program: testscript starts the
// test binary under the names k8stutor and kubectl.
func TestMain(m *testing.M) {
	program := func() { os.Exit(Main()) }
	testscript.Main(m, map[string]func(){
		"k8stutor": program,
		"kubectl":  program,
	})
}

// TestScripts runs the commands that need no cluster. HOME is empty but for a
// kubeconfig that is not one: a program that reads it fails.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
			env.Setenv("LANG", "C.UTF-8")
			// Only testscript's own folder with the programs under test: no
			// engine and no kubectl of this machine.
			env.Setenv("PATH", filepath.SplitList(env.Getenv("PATH"))[0])
			if err := os.MkdirAll(filepath.Join(home, ".kube"), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(home, ".kube", "config"), []byte("{this is not a kubeconfig\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// exits CODE COMMAND [ARGUMENTS] runs a command that must end
			// with this exit code.
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				err = ts.Exec(args[1], args[2:]...)
				code := 0
				var exit *exec.ExitError
				if errors.As(err, &exit) {
					code = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if code != want {
					ts.Fatalf("exit code %d, want %d", code, want)
				}
			},
		},
	})
}

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMergeEnv(t *testing.T) {
	got := mergeEnv([]string{"A=1", "KUBECONFIG=/mine", "B=2"}, map[string]string{"KUBECONFIG": "/ours", "C": "3"})
	if want := []string{"A=1", "B=2", "C=3", "KUBECONFIG=/ours"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLinkKubectl(t *testing.T) {
	state := t.TempDir()
	for range 2 { // the second time it is there
		dir, err := linkKubectl(state)
		if err != nil {
			t.Fatal(err)
		}
		self, _ := os.Executable()
		if to, err := filepath.EvalSymlinks(filepath.Join(dir, "kubectl")); err != nil || to != self {
			t.Errorf("kubectl is %s, %v; want %s", to, err, self)
		}
	}
	if err := os.Remove(filepath.Join(state, "bin", "kubectl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/elsewhere", filepath.Join(state, "bin", "kubectl")); err != nil {
		t.Fatal(err)
	}
	if _, err := linkKubectl(state); err != nil {
		t.Fatalf("an old link is not replaced: %v", err)
	}
}

// TestExportLine: a POSIX shell that runs the line has the variables, whatever
// characters they hold.
func TestExportLine(t *testing.T) {
	set := map[string]string{"KUBECONFIG": "/home/o'neil/a b/$x/kubeconfig", "KUBERC": "off"}
	line := exportLine(set, "/state/it's/bin", "linux")
	if strings.Contains(line, "\n") {
		t.Errorf("more than one line: %q", line)
	}
	cmd := exec.Command("sh", "-c", line+`; printf '%s|%s|%s' "$KUBECONFIG" "$KUBERC" "${PATH##*:}"`)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	if want := "/home/o'neil/a b/$x/kubeconfig|off|/state/it's/bin"; err != nil || string(out) != want {
		t.Errorf("%s\ngives %s, %v", line, out, err)
	}
	if got, want := exportLine(map[string]string{"KUBERC": "off"}, `C:\k8s`, "windows"), `$env:KUBERC = 'off'; $env:PATH += ';C:\k8s'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

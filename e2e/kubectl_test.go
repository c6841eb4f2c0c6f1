package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// kubectl takes its version from variables that only the build of the Makefile
// sets; without them `kubectl version` ends in an error of its own.
func TestKubectlKnowsItsVersion(t *testing.T) {
	kubectl := filepath.Join(t.TempDir(), "kubectl")
	if err := os.Symlink(binary(t, "k8stutor", "K8STUTOR_BIN"), kubectl); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), kubectl, "version", "--client").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !regexp.MustCompile(`(?m)^Client Version: v1\.\d+\.\d+$`).Match(out) {
		t.Errorf("kubectl says\n%s", out)
	}
}

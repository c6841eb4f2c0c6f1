package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// kubectlEnv is what keeps kubectl to the practice cluster: our kubeconfig, a
// discovery cache of our own, and none of the learner's kubectl preferences
// (kuberc), which could change what a lesson's commands do.
func kubectlEnv(kubeconfig, state string) map[string]string {
	return map[string]string{
		"KUBECONFIG":   kubeconfig,
		"KUBECACHEDIR": filepath.Join(state, "kubectl-cache"),
		"KUBERC":       "off",
	}
}

// learnerShell is the learner's shell: $SHELL, or sh.
func learnerShell() []string {
	if runtime.GOOS == "windows" {
		return []string{"powershell.exe", "-NoLogo"}
	}
	if sh := os.Getenv("SHELL"); sh != "" {
		if path, err := exec.LookPath(sh); err == nil {
			return []string{path}
		}
	}
	return []string{"/bin/sh"}
}

// mergeEnv is base with the variables of set in place of its own.
func mergeEnv(base []string, set map[string]string) []string {
	out := make([]string, 0, len(base)+len(set))
	for _, kv := range base {
		name, _, _ := strings.Cut(kv, "=")
		if _, replaced := set[name]; !replaced {
			out = append(out, kv)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		out = append(out, name+"="+set[name])
	}
	return out
}

// linkKubectl puts this program under the name kubectl into a folder of the
// state folder and returns that folder. Started under that name it is kubectl.
func linkKubectl(state string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(state, "bin")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("the state folder is not writable: %w; set XDG_STATE_HOME to a folder that is", err)
	}
	if runtime.GOOS == "windows" {
		return dir, copyProgram(self, filepath.Join(dir, "kubectl.exe"))
	}
	link := filepath.Join(dir, "kubectl")
	if have, err := os.Readlink(link); err == nil && have == self {
		return dir, nil
	}
	// Make the link beside and rename it: another k8stutor may use it now.
	tmp := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(self, tmp); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, os.Rename(tmp, link)
}

func copyProgram(from, to string) error {
	a, err := os.Stat(from)
	if err != nil {
		return err
	}
	if b, err := os.Stat(to); err == nil && b.Size() == a.Size() && !b.ModTime().Before(a.ModTime()) {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// withKubectl is a PATH on which kubectl is found. The learner's own kubectl
// comes first; ours is there for those who have none.
func withKubectl(path, dir string) string {
	if path == "" {
		return dir
	}
	return path + string(os.PathListSeparator) + dir
}

// export is the line that makes kubectl in another terminal use a cluster.
func (a *app) export(kubeconfig string) string {
	return exportLine(kubectlEnv(kubeconfig, a.state), filepath.Join(a.state, "bin"), runtime.GOOS)
}

// exportLine is the one line that sets the same up in a terminal of the
// learner's own, for a POSIX shell, or PowerShell on Windows.
func exportLine(set map[string]string, kubectlDir, goos string) string {
	var out []string
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	assign, join := "%s=%s", " "
	path := "PATH=\"$PATH\":" + quote(kubectlDir)
	if goos == "windows" {
		quote = func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
		assign, join = "$env:%s = %s", "; "
		path = "$env:PATH += " + quote(";"+kubectlDir)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		out = append(out, fmt.Sprintf(assign, name, quote(set[name])))
	}
	line := strings.Join(append(out, path), join)
	if goos == "windows" {
		return line
	}
	return "export " + line
}

// Package embedded runs clusters through the program k8stutor-embedded.
package embedded

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/internal/tail"
)

// Name is the name of the provider.
const Name = "embedded"

// Binary is the file name of the program that holds Kubernetes.
const Binary = "k8stutor-embedded"

// rollbackTime is how long a cancelled subcommand may take to undo what it
// had begun before it is killed.
const rollbackTime = 30 * time.Second

// Provider runs a cluster through the program k8stutor-embedded, which is
// built apart so that Kubernetes itself stays out of this one. The program
// supervises the cluster's parts in the background; this type only starts its
// subcommands and reads what they print.
type Provider struct {
	home   cluster.Home
	binary string
}

// New makes the provider for the cluster of home. An empty binary
// means: look for k8stutor-embedded beside this executable, then on PATH.
func New(home cluster.Home, binary string) (*Provider, error) {
	path, err := Find(binary)
	if err != nil {
		return nil, err
	}
	return &Provider{home: home, binary: path}, nil
}

// Find looks for the program k8stutor-embedded: at want when that is
// given, else beside this executable, else on PATH.
func Find(want string) (string, error) {
	name := Binary
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if want != "" {
		if runnable(want) {
			return want, nil
		}
		return "", fmt.Errorf("K8STUTOR_EMBEDDED is %s, which is not a program: build it with `make build`, or unset the variable", want)
	}
	var beside string
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		beside = filepath.Join(filepath.Dir(self), name)
		if runnable(beside) {
			return beside, nil
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	return "", fmt.Errorf("the embedded cluster needs the program %s, which is neither at %s nor on PATH: run `make build` in the source folder, or set K8STUTOR_EMBEDDED to where it is", name, beside)
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0)
}

// Name implements cluster.Provider.
func (e *Provider) Name() string { return Name }

// Up starts, resumes or joins the cluster. Cancelling ctx stops it and waits
// until what had begun is undone.
func (e *Provider) Up(ctx context.Context, report cluster.Progress) (cluster.Access, error) {
	release, err := e.home.Lock(ctx, "k8stutor cluster up", report)
	if err != nil {
		return cluster.Access{}, err
	}
	defer release()
	access, err := e.run(ctx, report, "up", "--name", e.home.Name())
	if err != nil {
		return cluster.Access{}, err
	}
	if access == nil {
		return cluster.Access{}, fmt.Errorf("%s up ended without saying how the cluster is reached; is it of the same version as this program? Run `make build`", e.binary)
	}
	access.Provider, access.Name = Name, e.home.Name()
	return *access, e.home.Save(*access)
}

// Down pauses the cluster: its processes end, its data stays.
func (e *Provider) Down(ctx context.Context, report cluster.Progress) error {
	release, err := e.home.Lock(ctx, "k8stutor cluster down", report)
	if err != nil {
		return err
	}
	defer release()
	_, err = e.run(ctx, report, "down")
	return err
}

// Delete stops the cluster and removes its folder.
func (e *Provider) Delete(ctx context.Context, report cluster.Progress) error {
	release, err := e.home.Lock(ctx, "k8stutor cluster delete", report)
	if err != nil {
		return err
	}
	defer release()
	if _, err := e.run(ctx, report, "delete"); err != nil {
		return err
	}
	return e.home.Forget()
}

// Status asks the supervisor of the cluster.
func (e *Provider) Status(ctx context.Context) (cluster.Status, error) {
	out := cluster.Status{State: cluster.StateAbsent}
	cmd := e.command(ctx, "status", "--output", "json")
	var stderr tail.Tail
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	if err != nil {
		return out, e.failure("status", err, nil, &stderr)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		return out, fmt.Errorf("%s status did not print JSON: %w", e.binary, err)
	}
	out.Provider, out.Name = Name, e.home.Name()
	return out, nil
}

// line is what the subcommands print, one JSON object a line: a phase, or at
// the very end of `up` the access.
type line struct {
	Phase     string          `json:"phase"`
	Title     string          `json:"title"`
	Detail    string          `json:"detail"`
	Done      bool            `json:"done"`
	ElapsedMs int64           `json:"elapsedMs"`
	Err       string          `json:"err"`
	Access    *cluster.Access `json:"access"`
}

func (e *Provider) command(ctx context.Context, sub string, more ...string) *exec.Cmd {
	args := append([]string{sub, "--dir", e.home.Dir()}, more...)
	cmd := exec.CommandContext(ctx, e.binary, args...)
	ownSignals(cmd)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = rollbackTime
	return cmd
}

func (e *Provider) run(ctx context.Context, report cluster.Progress, sub string, more ...string) (*cluster.Access, error) {
	cmd := e.command(ctx, sub, append(more, "--progress", "json")...)
	var stderr tail.Tail
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", e.binary, err)
	}
	access, failed, readErr := readLines(stdout, report)
	if readErr != nil {
		// Keep the pipe empty, or the child blocks on it for ever.
		_, _ = io.Copy(io.Discard, stdout)
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s was cancelled: %w", sub, ctx.Err())
		}
		return nil, e.failure(sub, err, failed, &stderr)
	}
	return access, readErr
}

// readLines passes the phases on and returns the access and the last phase's
// failure.
func readLines(r io.Reader, report cluster.Progress) (access *cluster.Access, failed error, err error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			return access, failed, fmt.Errorf("%s printed %q, which is not valid progress JSON", Binary, sc.Text())
		}
		if l.Access != nil {
			access = l.Access
		}
		if l.Phase == "" {
			continue
		}
		p := cluster.Phase{
			ID: l.Phase, Title: l.Title, Detail: l.Detail, Done: l.Done,
			Elapsed: time.Duration(l.ElapsedMs) * time.Millisecond,
		}
		if l.Err != "" {
			p.Err = errors.New(l.Err)
			failed = fmt.Errorf("%s: %w", l.Title, p.Err)
		}
		report(p)
	}
	return access, failed, sc.Err()
}

// failure says in one line why a subcommand failed: by its last failed phase,
// else by what it wrote last on stderr.
func (e *Provider) failure(sub string, err, failed error, stderr *tail.Tail) error {
	switch {
	case failed != nil:
		return failed
	case stderr.Last() != "":
		return fmt.Errorf("%s %s: %s", Binary, sub, stderr.Last())
	default:
		return fmt.Errorf("%s %s: %w; its logs are in %s", Binary, sub, err, e.home.Dir())
	}
}

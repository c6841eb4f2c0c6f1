// Package engine drives a container engine (docker, nerdctl or podman) by its
// command.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/internal/tail"
)

// PingTime bounds the question whether an engine answers where nobody asked
// for one: a hung daemon must not hang k8stutor. CommandTime bounds each
// command where one is to be used: a busy machine may take its time.
const (
	PingTime    = 3 * time.Second
	CommandTime = 30 * time.Second
)

// Engine is a container engine that kind can drive, by its command.
type Engine struct{ Name string }

// Find returns the first engine that answers, in kind's order of
// preference. kind's own DetectNodeProvider asks only whether a command is
// installed, without a limit of time; here each is asked to list its
// containers, which needs its daemon.
func Find(ctx context.Context) (Engine, error) { return FindOf(ctx, "", PingTime) }

// FindOf is Find, but asks no other engine than only, unless that
// is empty, and lets each take so long.
func FindOf(ctx context.Context, only string, within time.Duration) (Engine, error) {
	var silent []string
	for _, e := range []Engine{{"docker"}, {"nerdctl"}, {"podman"}} {
		if _, err := exec.LookPath(e.Name); err != nil || only != "" && e.Name != only {
			continue
		}
		if e.answers(ctx, within) {
			return e, nil
		}
		silent = append(silent, e.Name)
	}
	if len(silent) == 0 && only != "" {
		return Engine{}, fmt.Errorf("%s is no longer installed", only)
	}
	if len(silent) == 0 {
		return Engine{}, errors.New("no container engine (docker, podman, nerdctl) is installed")
	}
	verb, them := "is", "it"
	if len(silent) > 1 {
		verb, them = "are", "them"
	}
	return Engine{}, fmt.Errorf("%s %s installed, but no engine answers %s", strings.Join(silent, " and "), verb, them)
}

func (e Engine) answers(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return e.Run(ctx, "ps", "--quiet") == nil
}

// Run runs the engine's command; a failure carries what it wrote last. All but
// stopping and starting, which take as long as they take, is bounded by
// CommandTime.
func (e Engine) Run(ctx context.Context, args ...string) error {
	_, err := e.Output(ctx, args...)
	return err
}

// Output is Run that returns what was written to stdout, trimmed.
func (e Engine) Output(ctx context.Context, args ...string) (string, error) {
	if args[0] != "stop" && args[0] != "start" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, CommandTime)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, e.Name, args...)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	var stderr tail.Tail
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", e.Name, args[0], err, stderr.Lines())
	}
	return strings.TrimSpace(out.String()), nil
}

// HasImage reports whether image can be used without pulling it.
func (e Engine) HasImage(ctx context.Context, image string) bool {
	return e.Run(ctx, "image", "inspect", "--format", "{{.Id}}", image) == nil
}

// Running reports whether the container runs.
func (e Engine) Running(ctx context.Context, container string) bool {
	out, err := e.Output(ctx, "inspect", "--format", "{{.State.Running}}", container)
	return err == nil && out == "true"
}

// DataDir is the folder with the engine's images and containers, "" when the
// engine does not say.
func (e Engine) DataDir(ctx context.Context) (string, error) {
	format := map[string]string{"docker": "{{.DockerRootDir}}", "nerdctl": "{{.DockerRootDir}}", "podman": "{{.Store.GraphRoot}}"}
	return e.Output(ctx, "info", "--format", format[e.Name])
}

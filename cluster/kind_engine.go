package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	kind "sigs.k8s.io/kind/pkg/cluster"
)

// pingTime bounds the question whether an engine answers: a hung daemon must
// not hang k8stutor.
const pingTime = 3 * time.Second

// engine is a container engine that kind can drive, by its command.
type engine struct {
	name   string
	option kind.ProviderOption
}

// findEngine returns the first engine that answers, in kind's order of
// preference. kind's own DetectNodeProvider asks only whether a command is
// installed, without a limit of time; here each is asked to list its
// containers, which needs its daemon.
func findEngine(ctx context.Context) (engine, error) {
	var silent []string
	for _, e := range []engine{
		{"docker", kind.ProviderWithDocker()},
		{"nerdctl", kind.ProviderWithNerdctl("nerdctl")},
		{"podman", kind.ProviderWithPodman()},
	} {
		if _, err := exec.LookPath(e.name); err != nil {
			continue
		}
		if err := e.run(ctx, "ps", "--quiet"); err == nil {
			return e, nil
		}
		silent = append(silent, e.name)
	}
	if len(silent) == 0 {
		return engine{}, errors.New("no container engine (docker, podman, nerdctl) is installed")
	}
	return engine{}, fmt.Errorf("%s is installed, but no engine answers it", strings.Join(silent, " and "))
}

// run runs the engine's command; a failure carries what it wrote last. Only
// `ps` is bounded by pingTime: stopping a node takes as long as it takes.
func (e engine) run(ctx context.Context, args ...string) error {
	_, err := e.output(ctx, args...)
	return err
}

func (e engine) output(ctx context.Context, args ...string) (string, error) {
	if args[0] != "stop" && args[0] != "start" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pingTime)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, e.name, args...)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	var stderr tail
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", e.name, strings.Join(args, " "), err, stderr.last())
	}
	return strings.TrimSpace(out.String()), nil
}

// hasImage says whether image can be used without pulling it.
func (e engine) hasImage(ctx context.Context, image string) bool {
	return e.run(ctx, "image", "inspect", "--format", "{{.Id}}", image) == nil
}

// running says whether the container runs.
func (e engine) running(ctx context.Context, container string) bool {
	out, err := e.output(ctx, "inspect", "--format", "{{.State.Running}}", container)
	return err == nil && out == "true"
}

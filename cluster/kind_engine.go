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

// pingTime bounds the question whether an engine answers where nobody asked
// for one: a hung daemon must not hang k8stutor. commandTime bounds each
// command where one is to be used: a busy machine may take its time.
const (
	pingTime    = 3 * time.Second
	commandTime = 30 * time.Second
)

// engine is a container engine that kind can drive, by its command.
type engine struct {
	name   string
	option kind.ProviderOption
}

// findEngine returns the first engine that answers, in kind's order of
// preference. kind's own DetectNodeProvider asks only whether a command is
// installed, without a limit of time; here each is asked to list its
// containers, which needs its daemon.
func findEngine(ctx context.Context) (engine, error) { return findEngineOf(ctx, "", pingTime) }

// findEngineOf is findEngine, but asks no other engine than only, unless that
// is empty, and lets each take so long.
func findEngineOf(ctx context.Context, only string, within time.Duration) (engine, error) {
	var silent []string
	for _, e := range []engine{
		{"docker", kind.ProviderWithDocker()},
		{"nerdctl", kind.ProviderWithNerdctl("nerdctl")},
		{"podman", kind.ProviderWithPodman()},
	} {
		if _, err := exec.LookPath(e.name); err != nil || only != "" && e.name != only {
			continue
		}
		if e.answers(ctx, within) {
			return e, nil
		}
		silent = append(silent, e.name)
	}
	if len(silent) == 0 && only != "" {
		return engine{}, fmt.Errorf("%s is not installed any more", only)
	}
	if len(silent) == 0 {
		return engine{}, errors.New("no container engine (docker, podman, nerdctl) is installed")
	}
	verb, them := "is", "it"
	if len(silent) > 1 {
		verb, them = "are", "them"
	}
	return engine{}, fmt.Errorf("%s %s installed, but no engine answers %s", strings.Join(silent, " and "), verb, them)
}

func (e engine) answers(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return e.run(ctx, "ps", "--quiet") == nil
}

// run runs the engine's command; a failure carries what it wrote last. All but
// stopping and starting, which take as long as they take, is bounded by
// commandTime.
func (e engine) run(ctx context.Context, args ...string) error {
	_, err := e.output(ctx, args...)
	return err
}

func (e engine) output(ctx context.Context, args ...string) (string, error) {
	if args[0] != "stop" && args[0] != "start" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commandTime)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, e.name, args...)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	var stderr tail
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", e.name, args[0], err, stderr.lines())
	}
	return strings.TrimSpace(out.String()), nil
}

// lines is what was written last, in one line: the engine's own reason may
// come before its command's summary.
func (t *tail) lines() string {
	return strings.ReplaceAll(lastLines(strings.TrimSpace(string(t.buf)), 3), "\n", "; ")
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

// dataDir is the folder with the engine's images and containers, "" when the
// engine does not say.
func (e engine) dataDir(ctx context.Context) (string, error) {
	format := map[string]string{"docker": "{{.DockerRootDir}}", "nerdctl": "{{.DockerRootDir}}", "podman": "{{.Store.GraphRoot}}"}
	return e.output(ctx, "info", "--format", format[e.name])
}

// pull pulls an image and tells how far it is, as far as the engine says.
func (e engine) pull(ctx context.Context, image string, detail func(string)) error {
	cmd := exec.CommandContext(ctx, e.name, "pull", image)
	cmd.WaitDelay = time.Second
	said := &pullLines{detail: detail, layers: map[string]bool{}}
	cmd.Stdout, cmd.Stderr = said, said // one writer: one goroutine of exec's
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s pull %s: %w: %s", e.name, shortImage(image), err, said.last.last())
	}
	return nil
}

// pullLines reads what an engine's pull writes where there is no terminal:
//
//	f1f1f1f1f1f1: Pulling fs layer          docker, later "Pull complete"
//	layer-sha256:f1…: downloading |+++|     nerdctl, ten times a second, later "done"
//	Copying blob sha256:f1…                 podman, which says of a layer that it begins,
//	Copying config sha256:f1…               and only of all together that they are there
//
// It has one writer.
type pullLines struct {
	detail func(string)
	layers map[string]bool // by ID: whether it is there
	told   string
	rest   string
	last   tail // for errors
}

func (l *pullLines) Write(p []byte) (int, error) {
	l.rest += string(p)
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if !ok {
			break
		}
		l.rest = rest
		l.line(strings.TrimSpace(line))
	}
	return l.last.Write(p)
}

func (l *pullLines) line(line string) {
	id, what, _ := strings.Cut(line, ": ")
	if blob, ok := strings.CutPrefix(line, "Copying blob "); ok {
		id, what, _ = strings.Cut(blob, " ")
	}
	status, _, _ := strings.Cut(strings.TrimSpace(what), " |")
	status = strings.TrimSpace(status)
	switch {
	case strings.HasPrefix(line, "Copying config "):
		for id := range l.layers {
			l.layers[id] = true
		}
	case strings.Contains(id, " "), strings.Contains(id, "-sha256:") && !strings.HasPrefix(id, "layer-"):
		return
	case status == "Pull complete", status == "Already exists", status == "done", status == "exists", status == "skipped: already exists":
		l.layers[id] = true
	case status == "Pulling fs layer", status == "Waiting", strings.HasPrefix(id, "layer-"), strings.HasPrefix(line, "Copying blob "):
		if !l.layers[id] {
			l.layers[id] = false // it counts from now on
		}
	default:
		return
	}
	there := 0
	for _, ok := range l.layers {
		if ok {
			there++
		}
	}
	if now := fmt.Sprintf("%d of %d layers", there, len(l.layers)); len(l.layers) > 0 && now != l.told {
		l.told = now
		l.detail(now)
	}
}

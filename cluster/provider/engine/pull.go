package engine

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/internal/tail"
)

// Pull pulls an image and tells how far it is, as far as the engine says.
func (e Engine) Pull(ctx context.Context, image string, detail func(string)) error {
	cmd := exec.CommandContext(ctx, e.Name, "pull", image)
	cmd.WaitDelay = time.Second
	said := &pullLines{detail: detail, layers: map[string]bool{}}
	cmd.Stdout, cmd.Stderr = said, said // one writer: one goroutine of exec's
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s pull %s: %w: %s", e.Name, ShortImage(image), err, said.last.Last())
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
	last   tail.Tail // for errors
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

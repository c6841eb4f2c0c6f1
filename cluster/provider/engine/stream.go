package engine

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/internal/tail"
)

// Stream runs the engine's command with its standard streams, as long as it
// takes.
func (e Engine) Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, e.Name, args...)
	cmd.WaitDelay = time.Second
	var stderr tail.Tail
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s %s: %w: %s", e.Name, strings.Join(args, " "), err, stderr.Last())
	}
	return nil
}

// ShortImage leaves the digest out of an image's name.
func ShortImage(image string) string {
	name, _, _ := strings.Cut(image, "@")
	return name
}

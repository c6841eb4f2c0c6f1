package space

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/k8stutor/k8stutor/cluster/internal/tail"
)

// ScriptResult is what a script left behind.
type ScriptResult struct {
	Output  string         // stdout and stderr, together
	Answers []ScriptAnswer // given with `answer CHECK VALUE`
}

// ScriptAnswer is one use of `answer` in a script.
type ScriptAnswer struct{ Check, Value string }

// scriptPrelude gives scripts the command `answer`.
const scriptPrelude = `answer() { printf '%s\t%s\n' "$1" "$2" >>"$K8STUTOR_ANSWERS"; }
`

// Script runs a shell script (`sh -e`) in dir with kubectl pointing to the
// namespace. The error of a script that fails holds its last lines.
func (s *Space) Script(ctx context.Context, dir, script string) (ScriptResult, error) {
	var result ScriptResult
	answers, err := os.CreateTemp("", "k8stutor-answers-")
	if err != nil {
		return result, fmt.Errorf("file for the answers of a script: %w", err)
	}
	defer os.Remove(answers.Name())
	defer answers.Close()
	path := s.options.Path
	if path == "" {
		path = os.Getenv("PATH")
	}
	kubeconfig, err := filepath.Abs(s.options.Kubeconfig)
	if err != nil {
		return result, err
	}
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", scriptPrelude+script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "NAMESPACE="+s.namespace, "PATH="+path,
		"K8STUTOR_ANSWERS="+answers.Name())
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	wholeGroup(cmd)
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Run()
	result.Output = output.String()
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errors.New("it did not end in time")
		}
		return result, fmt.Errorf("script: %w\n%s", err, tail.LastLines(result.Output, 8))
	}
	lines := bufio.NewScanner(answers)
	for lines.Scan() {
		if check, value, ok := strings.Cut(lines.Text(), "\t"); ok {
			result.Answers = append(result.Answers, ScriptAnswer{check, value})
		}
	}
	return result, lines.Err()
}

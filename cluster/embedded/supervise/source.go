package supervise

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// Source follows the parts of a supervisor from another process: it tells when
// a part's process starts and ends, and where it logs. It is safe for
// concurrent use.
type Source struct {
	Client *Client
	LogDir string
}

// LogFile is the path of the file that a part's current run logs to.
func (s Source) LogFile(part string) string { return filepath.Join(s.LogDir, part+".log") }

// WaitRunning returns when the part runs, with a number for this run.
func (s Source) WaitRunning(ctx context.Context, part string) (run int, err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := s.Client.Status(ctx)
		if err != nil {
			return 0, err
		}
		found := false
		for _, p := range st.Parts {
			if p.Name != part {
				continue
			}
			if found = true; p.State == StateRunning {
				return p.Restarts, nil
			}
		}
		if !found {
			return 0, fmt.Errorf("there is no part %q", part)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
}

// WaitExit returns the exit code of a run when it has ended: 137 when it was
// killed by SIGKILL, as a container runtime counts.
func (s Source) WaitExit(ctx context.Context, part string, run int) (code int, err error) {
	st, err := s.Client.WaitChange(ctx, part, run)
	return st.ExitCode, err
}

// PID is the process of a part that runs now.
func (s Source) PID(ctx context.Context, part string) (int, error) {
	st, err := s.Client.Status(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range st.Parts {
		if p.Name == part && p.PID != 0 {
			return p.PID, nil
		}
	}
	return 0, fmt.Errorf("the part %q does not run", part)
}

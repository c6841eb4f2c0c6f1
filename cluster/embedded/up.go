package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
)

const (
	upTimeout   = 3 * time.Minute
	stopTimeout = 8 * time.Second // for one part; then it is killed
	// downTimeout bounds stopping all parts, which go in three stages.
	downTimeout = 3*stopTimeout + 5*time.Second
)

func newUpCommand() *cobra.Command {
	var dir, name, format string
	cmd := &cobra.Command{
		Use:   "up --dir DIR [--name NAME]",
		Short: "Create the cluster, resume it when it is paused, or join it when it runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := newReporter(cmd.OutOrStdout(), format)
			if err != nil {
				return err
			}
			a, err := up(cmd.Context(), dir, name, r)
			if err != nil {
				return err
			}
			r.access(a)
			return nil
		},
	}
	dirFlag(cmd, &dir)
	cmd.Flags().StringVar(&name, "name", "k8stutor", "name of the cluster")
	cmd.Flags().StringVar(&format, "progress", "text", "progress on standard output: json (one object a line) or text")
	return cmd
}

// up makes the cluster in dir run and returns when it is ready to be used. What
// it had begun when it fails or ctx ends is undone: a new cluster is removed, a
// paused one is paused again.
func up(ctx context.Context, dir, name string, r *reporter) (access, error) {
	l, err := controlplane.NewLayout(dir)
	if err != nil {
		return access{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, upTimeout, fmt.Errorf("the cluster is not ready after %s", upTimeout))
	defer cancel()

	p := r.begin(phasePrepare, "Preparing the cluster's files")
	release, err := lockFolder(ctx, l, p)
	if err != nil {
		return access{}, p.end(err)
	}
	defer release()

	b, err := prepare(ctx, l, name)
	if err != nil {
		_ = p.end(err)
		return access{}, errors.Join(err, b.undo(r))
	}
	_ = p.end(nil)
	if err := b.run(ctx, r); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("bringing the cluster up: %w", context.Cause(ctx))
		}
		return access{}, errors.Join(err, b.undo(r))
	}
	return accessOf(l, b.cluster), nil
}

// lockFolder makes the cluster's folder and takes the lock of who changes it.
// When another process works on the same cluster it waits, and makes the
// folder again if the other one removed it.
func lockFolder(ctx context.Context, l controlplane.Layout, p *phase) (release func(), err error) {
	for {
		if err := os.MkdirAll(l.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the cluster's folder: %w; choose a folder you may write to", err)
		}
		release, err := supervise.LockWait(ctx, l.UpLock(), func(held *supervise.HeldError) {
			p.detail(fmt.Sprintf("waiting for process %d, which works on the same cluster", held.PID))
		})
		if !errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			return release, lockError(l, err)
		}
	}
}

// lockError explains why the folder can't be worked in.
func lockError(l controlplane.Layout, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("the cluster's folder %s is not writable: %w; choose a folder you may write to", l.Dir, err)
	}
	return err
}

// bringUp is a cluster on its way up.
type bringUp struct {
	layout  controlplane.Layout
	cluster controlplane.Cluster
	client  *supervise.Client
	isNew   bool // its files were made by this up
	joined  bool // a supervisor was there already

	supervisor *os.Process   // that this up started; nil: none
	ended      chan struct{} // is closed when it has ended
}

// prepare makes or checks the cluster's files and finds out whether it runs.
// The result is never nil, so that it can be undone.
func prepare(ctx context.Context, l controlplane.Layout, name string) (*bringUp, error) {
	b := &bringUp{layout: l, client: supervise.NewClient(l.ControlSocket())}
	if err := l.CheckRun(); err != nil {
		return b, err
	}
	if l.Unfinished() {
		if err := stopSupervisor(ctx, l); err != nil {
			return b, err
		}
		if err := l.Clear(); err != nil {
			return b, err
		}
	}
	cluster, err := controlplane.LoadCluster(l)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		running, err := runningSupervisor(ctx, l, b.client)
		if err == nil && running {
			err = &controlplane.DamagedError{Path: l.State(), Err: errors.New("the cluster runs, and this file is gone")}
		}
		if err != nil {
			return b, err
		}
		return b, b.create(name)
	case err != nil:
		return b, err
	case cluster.Name != name:
		return b, fmt.Errorf("the folder %s holds the cluster %q, not %q: choose another folder for %q", l.Dir, cluster.Name, name, name)
	}
	b.cluster = cluster
	if b.joined, err = runningSupervisor(ctx, l, b.client); err != nil || b.joined {
		return b, err
	}
	return b, b.reopen()
}

// create writes the files of a new cluster.
func (b *bringUp) create(name string) error {
	cluster, err := controlplane.NewCluster(name, time.Now())
	if err != nil {
		return err
	}
	if err := b.layout.Begin(); err != nil {
		return err
	}
	b.cluster, b.isNew = cluster, true
	if err := b.layout.MakeDirs(); err != nil {
		return err
	}
	if err := controlplane.CheckSpace(b.layout); err != nil {
		return err
	}
	if err := controlplane.WritePKI(b.layout, b.cluster, time.Now()); err != nil {
		return err
	}
	if err := controlplane.WriteConfig(b.layout, b.cluster); err != nil {
		return err
	}
	if err := b.cluster.Save(b.layout); err != nil {
		return err
	}
	return b.layout.Settle()
}

// reopen checks the files of a paused cluster and moves it to other ports when
// its own are taken.
func (b *bringUp) reopen() error {
	if err := controlplane.CheckPKI(b.layout, b.cluster, time.Now()); err != nil {
		return err
	}
	if err := b.layout.MakeDirs(); err != nil {
		return err
	}
	changed, err := b.cluster.EnsurePorts()
	if err != nil {
		return err
	}
	if changed {
		if err := b.cluster.Save(b.layout); err != nil {
			return err
		}
	}
	return controlplane.WriteConfig(b.layout, b.cluster)
}

// runningSupervisor reports whether a supervisor answers. One that is stopping is
// waited for; one that holds the folder without answering is an error.
func runningSupervisor(ctx context.Context, l controlplane.Layout, client *supervise.Client) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	running := false
	var held *supervise.HeldError
	err := controlplane.Poll(ctx, func(ctx context.Context) bool {
		st, err := client.Status(ctx)
		if err == nil {
			running = !st.Stopping
			return running
		}
		release, err := supervise.Lock(l.Lock())
		if err != nil {
			return !errors.As(err, &held) // it starts or ends just now: look again
		}
		release()
		return true
	})
	if err != nil && held != nil {
		return false, fmt.Errorf("the cluster's folder %s is held by process %d, which does not answer: end that process, or choose another folder", l.Dir, held.PID)
	}
	return running, err
}

// startSupervisor starts the supervisor in a session of its own and waits until
// it answers.
func (b *bringUp) startSupervisor(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	logPath := b.layout.Log("supervisor")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("opening the supervisor's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(self, "supervise", "--dir", b.layout.Dir)
	cmd.Dir = b.layout.Dir
	cmd.Stdout, cmd.Stderr = log, log
	supervise.Detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	b.supervisor, b.ended = cmd.Process, make(chan struct{})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with the supervisor, or with this process
		err := cmd.Wait()
		close(b.ended)
		if err == nil {
			err = errors.New("exit status 0")
		}
		cancel(fmt.Errorf("the supervisor ended (%w): %s", err, lastLine(supervise.LastLines(logPath, 1))))
	}()
	return controlplane.Poll(ctx, func(ctx context.Context) bool {
		_, err := b.client.Status(ctx)
		return err == nil
	})
}

// undo takes back what this up had begun. A cluster that was running before is
// left alone.
func (b *bringUp) undo(r *reporter) error {
	if b.supervisor == nil && !b.isNew {
		return nil
	}
	p := r.begin(phaseRollback, "Taking back what was begun")
	// The caller's context has ended, which is why we are here.
	ctx, cancel := context.WithTimeout(context.Background(), downTimeout)
	defer cancel()
	if b.supervisor != nil {
		// It may be too young to answer, or to hold its lock even: a signal
		// finds it always.
		_ = b.supervisor.Signal(syscall.SIGTERM)
	}
	err := stopSupervisor(ctx, b.layout)
	if err == nil && b.supervisor != nil {
		err = b.awaitSupervisor(ctx)
	}
	if err == nil && b.isNew {
		err = b.layout.Remove()
	}
	return p.end(err)
}

// awaitSupervisor waits until the supervisor that this up started has ended.
func (b *bringUp) awaitSupervisor(ctx context.Context) error {
	select {
	case <-b.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the supervisor (process %d) does not stop: end that process", b.supervisor.Pid)
	}
}

func accessOf(l controlplane.Layout, c controlplane.Cluster) access {
	return access{
		Provider:   "embedded",
		Name:       c.Name,
		Kubeconfig: l.Kubeconfig(),
		Context:    c.ContextName(),
		Server:     c.Server(),
		Version:    controlplane.KubernetesVersion,
		NodeHost:   "127.0.0.1",
		AuditLog:   l.AuditLog(),
	}
}

func lastLine(lines []string) string {
	if len(lines) == 0 {
		return "it wrote nothing"
	}
	return lines[len(lines)-1]
}

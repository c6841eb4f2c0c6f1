package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
)

// States of a cluster, as cluster.State of the main module.
const (
	stateAbsent  = "absent"
	statePaused  = "paused"
	stateRunning = "running"
	stateBroken  = "broken"
)

// status is cluster.Status of the main module.
type status struct {
	access
	State string                 `json:"state"`
	Error string                 `json:"error,omitempty"` // why it is broken
	Parts []supervise.PartStatus `json:"parts,omitempty"`
}

func newDownCommand() *cobra.Command {
	return newEndCommand("down", "Pause the cluster: nothing runs any more, its data stays", func(ctx context.Context, l controlplane.Layout, r *reporter) error {
		p := r.begin(phaseStop, "Stopping the cluster")
		return p.end(stopSupervisor(ctx, l))
	})
}

func newDeleteCommand() *cobra.Command {
	return newEndCommand("delete", "Remove the cluster and its data", func(ctx context.Context, l controlplane.Layout, r *reporter) error {
		p := r.begin(phaseStop, "Stopping the cluster")
		if err := p.end(stopSupervisor(ctx, l)); err != nil {
			return err
		}
		p = r.begin(phaseDelete, "Removing its files")
		return p.end(l.Remove())
	})
}

// newEndCommand makes a command that works on a cluster that exists, or has
// nothing to do.
func newEndCommand(use, short string, end func(context.Context, controlplane.Layout, *reporter) error) *cobra.Command {
	var dir, format string
	cmd := &cobra.Command{
		Use:   use + " --dir DIR",
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := newReporter(cmd.OutOrStdout(), format)
			if err != nil {
				return err
			}
			l, err := controlplane.NewLayout(dir)
			if err != nil {
				return err
			}
			if _, err := os.Stat(l.Dir); errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), upTimeout)
			defer cancel()
			release, err := supervise.LockWait(ctx, l.UpLock(), func(held *supervise.HeldError) {
				r.begin(phaseStop, fmt.Sprintf("Waiting for process %d, which works on the same cluster", held.PID))
			})
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // removed meanwhile, by whom we waited for
			case err != nil:
				return lockError(l, err)
			}
			defer release()
			return end(ctx, l, r)
		},
	}
	dirFlag(cmd, &dir)
	cmd.Flags().StringVar(&format, "progress", "text", "progress on standard output: json (one object a line) or text")
	return cmd
}

// stopSupervisor stops the supervisor and with it all parts, and returns when
// they are gone. Nothing to stop is not an error.
func stopSupervisor(ctx context.Context, l controlplane.Layout) error {
	if err := l.CheckRun(); err != nil {
		return err
	}
	client := supervise.NewClient(l.ControlSocket())
	if err := client.Stop(ctx); err != nil && !errors.Is(err, supervise.ErrNotRunning) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	var held *supervise.HeldError
	err := controlplane.Poll(ctx, func(ctx context.Context) bool {
		release, err := supervise.Lock(l.Lock())
		if err != nil {
			_ = client.Stop(ctx) // it may have been too young to answer
			return !errors.As(err, &held)
		}
		release()
		return true
	})
	if err != nil && held != nil {
		return fmt.Errorf("the supervisor (process %d) does not stop: end that process", held.PID)
	}
	return err
}

func newStatusCommand() *cobra.Command {
	var dir, output string
	cmd := &cobra.Command{
		Use:   "status --dir DIR",
		Short: "Tell what is there now",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := controlplane.NewLayout(dir)
			if err != nil {
				return err
			}
			st := clusterStatus(cmd.Context(), l)
			switch output {
			case "json":
				return json.NewEncoder(cmd.OutOrStdout()).Encode(st)
			case "text":
				return printStatus(cmd.OutOrStdout(), st)
			}
			return fmt.Errorf("--output %q is not known: take json or text", output)
		},
	}
	dirFlag(cmd, &dir)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "json or text")
	return cmd
}

// clusterStatus asks the supervisor and the API server, so that it is true now.
func clusterStatus(ctx context.Context, l controlplane.Layout) status {
	cluster, err := controlplane.LoadCluster(l)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return status{State: stateAbsent}
	case err != nil:
		return status{State: stateBroken, Error: err.Error()}
	}
	if l.Unfinished() {
		return status{State: stateAbsent}
	}
	st := status{access: accessOf(l, cluster), State: statePaused}
	if err := l.CheckRun(); err != nil {
		st.State, st.Error = stateBroken, err.Error()
		return st
	}
	sup, err := supervise.NewClient(l.ControlSocket()).Status(ctx)
	if err != nil {
		if release, err := supervise.Lock(l.Lock()); err == nil {
			release()
		} else {
			st.State, st.Error = stateBroken, "the supervisor does not answer: "+err.Error()
		}
		return st
	}
	st.State, st.Parts = stateRunning, sup.Parts
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := newClients(l.ComponentKubeconfig("system"))
	switch {
	case err != nil:
		st.State, st.Error = stateBroken, err.Error()
	case !controlplane.Healthy(ctx, c.http, c.host+"/readyz"):
		st.State, st.Error = stateBroken, "the API server does not answer"
	}
	for _, part := range sup.Parts {
		if part.State != supervise.StateRunning {
			st.State, st.Error = stateBroken, fmt.Sprintf("%s is %s", part.Name, part.State)
		}
	}
	return st
}

func printStatus(out io.Writer, st status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "state\t%s\n", st.State)
	for _, row := range [][2]string{{"why", st.Error}, {"name", st.Name}, {"server", st.Server}, {"version", st.Version}, {"kubeconfig", st.Kubeconfig}} {
		if row[1] != "" {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	if len(st.Parts) > 0 {
		_, _ = fmt.Fprintf(w, "\nPART\tSTATE\tPID\tRESTARTS\tSINCE\n")
		for _, p := range st.Parts {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", p.Name, p.State, p.PID, p.Restarts, p.Since.Format(time.TimeOnly))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, p := range st.Parts {
		if len(p.LastLog) > 0 {
			if _, err := fmt.Fprintf(out, "\nlast lines of %s before it stopped (%s):\n  %s\n", p.Name, p.Exit, strings.Join(p.LastLog, "\n  ")); err != nil {
				return err
			}
		}
	}
	return nil
}

func newSuperviseCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    "supervise --dir DIR",
		Short:  "Run the cluster's parts and keep them running (started by up)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := controlplane.NewLayout(dir)
			if err != nil {
				return err
			}
			return superviseCluster(cmd.Context(), l, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
		},
	}
	dirFlag(cmd, &dir)
	return cmd
}

// superviseCluster runs the cluster's parts until a signal or the control
// socket says stop.
func superviseCluster(ctx context.Context, l controlplane.Layout, log *slog.Logger) error {
	release, err := supervise.Lock(l.Lock())
	if err != nil {
		return err
	}
	defer release()
	cluster, err := controlplane.LoadCluster(l)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	s := supervise.New(supervise.Options{
		Program:     self,
		Parts:       clusterParts(l, cluster),
		LogDir:      l.Logs(),
		StopTimeout: stopTimeout,
		Log:         log,
	})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// The socket answers until all parts are gone.
	serveCtx, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() {
		served <- s.Serve(serveCtx, l.ControlSocket(), stop)
		stop()
	}()
	log.Info("supervising", "cluster", cluster.Name, "dir", l.Dir)
	s.Run(ctx)
	stopServing()
	log.Info("stopped")
	return <-served
}

// clusterParts are the processes of a cluster, with their command lines.
func clusterParts(l controlplane.Layout, c controlplane.Cluster) []supervise.Part {
	etcdGate := "--gate=unix:" + l.EtcdSocket()
	healthGate := func(name string) string { return "--gate=healthz:" + l.ComponentKubeconfig(name) }
	join := func(head []string, tail []string) []string { return append(append(head, "--"), tail...) }
	return []supervise.Part{
		{Name: controlplane.PartEtcd, StopStage: 2, Args: append([]string{"part", "etcd"}, controlplane.EtcdArgs(l)...)},
		{Name: controlplane.PartAPIServer, StopStage: 1, Args: join([]string{"part", "apiserver", etcdGate}, controlplane.APIServerArgs(l, c))},
		{Name: controlplane.PartControllerManager, Args: join([]string{
			"part", "kcm", healthGate("controller-manager"),
			"--kubeconfig=" + l.ComponentKubeconfig("controller-manager"), "--host=" + l.NodeHost(),
		}, controlplane.ControllerManagerArgs(l, c))},
		{Name: controlplane.PartScheduler, Args: join([]string{"part", "scheduler", healthGate("scheduler")}, controlplane.SchedulerArgs(l))},
		{Name: controlplane.PartNode, Args: []string{"part", "node", "--dir", l.Dir}},
	}
}

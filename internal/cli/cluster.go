package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
)

func newClusterCmd(a *app) *cobra.Command {
	return groupCmd(&cobra.Command{
		Use:   "cluster",
		Short: "Create, pause, inspect and delete the practice cluster",
	}, newClusterUpCmd(a), newClusterDownCmd(a), newClusterDeleteCmd(a), newClusterStatusCmd(a), newClusterKubeconfigCmd(a), newClusterListCmd(a), newClusterProviderCmd(a))
}

type clusterUpOptions struct {
	*app
	rebuild bool
}

func newClusterUpCmd(a *app) *cobra.Command {
	o := &clusterUpOptions{app: a}
	c := &cobra.Command{
		Use:   "up",
		Short: "Create or resume the cluster, or join it if it is running",
		Long: `Creates the cluster, resumes it if it is paused, or joins it if it is running.

A kind cluster can end up in a state it does not recover from. It is then only
re-created with your consent: at the prompt, or with --rebuild. Everything in the
cluster is lost; your progress in the lessons is kept.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	c.Flags().BoolVar(&o.rebuild, "rebuild", false, "re-create the cluster if it does not recover; everything in it is lost")
	return c
}

func (o *clusterUpOptions) run(ctx context.Context) error {
	p, home, err := o.provider(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	_, absent := home.Access()
	kind := startKind(p, errors.Is(absent, cluster.ErrAbsent)) + ", without a lesson"
	report, noted := o.paced(kind, phaseLines(o.io.ErrOut))
	access, err := p.Up(ctx, report)
	var broken *cluster.BrokenError
	if errors.As(err, &broken) && o.agrees(broken) {
		if err = p.Delete(ctx, report); err == nil {
			access, err = p.Up(ctx, report)
		}
	}
	if err != nil {
		return fmt.Errorf("cluster %q did not come up: %w", home.Name(), err)
	}
	noted()
	fmt.Fprintf(o.io.Out, "cluster %q (%s, Kubernetes %s) is up after %.1f s\nkubeconfig: %s\ntry: k8stutor kubectl get pods -A\n",
		access.Name, access.Provider, access.Version, time.Since(start).Seconds(), access.Kubeconfig)
	return nil
}

// agrees reports whether the learner agrees to re-create a broken cluster: by the
// flag, or at a prompt if there is a terminal.
func (o *clusterUpOptions) agrees(broken *cluster.BrokenError) bool {
	if o.rebuild {
		return true
	}
	if !isTerminal(o.io.In) || !isTerminal(o.io.ErrOut) {
		return false
	}
	fmt.Fprintf(o.io.ErrOut, "Cluster %q does not recover: %v\nRe-create it? Everything in it is lost; your progress in the lessons is kept. [y/N] ", broken.Name, broken.Err)
	answer, err := bufio.NewReader(o.io.In).ReadString('\n')
	return err == nil && strings.EqualFold(strings.TrimSpace(answer), "y")
}

// newClusterProviderCmd is for `make start`, which builds only what that provider
// needs.
func newClusterProviderCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "provider",
		Short:  "Print the provider that made the cluster, or that `up` would take",
		Hidden: true,
		Args:   noArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return a.clusterProvider(cmd.Context()) },
	}
}

func (a *app) clusterProvider(ctx context.Context) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	o, err := a.clusterOptions()
	if err != nil {
		return err
	}
	name, reason, err := a.providers.Pick(ctx, home, o)
	if err != nil {
		return err
	}
	if reason != "" {
		fmt.Fprintln(a.io.ErrOut, reason)
	}
	fmt.Fprintln(a.io.Out, name)
	return nil
}

func newClusterDownCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Pause the cluster: it stops running but keeps its data",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.clusterDown(cmd.Context()) },
	}
}

func (a *app) clusterDown(ctx context.Context) error {
	p, home, err := a.existing(ctx)
	if err != nil {
		return err
	}
	if err := p.Down(ctx, phaseLines(a.io.ErrOut)); err != nil {
		return fmt.Errorf("cluster %q: %w", home.Name(), err)
	}
	fmt.Fprintf(a.io.Out, "cluster %q is paused; `k8stutor cluster up` resumes it\n", home.Name())
	return nil
}

func newClusterDeleteCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete",
		Short: "Stop the cluster and delete its data",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.clusterDelete(cmd.Context()) },
	}
}

func (a *app) clusterDelete(ctx context.Context) error {
	p, home, err := a.existing(ctx)
	if err != nil {
		return err
	}
	if err := p.Delete(ctx, phaseLines(a.io.ErrOut)); err != nil {
		return fmt.Errorf("cluster %q: %w", home.Name(), err)
	}
	fmt.Fprintf(a.io.Out, "cluster %q is deleted\n", home.Name())
	return nil
}

func newClusterStatusCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the cluster and of each of its parts",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.clusterStatus(cmd.Context()) },
	}
	outputFlag(c)
	return c
}

func (a *app) clusterStatus(ctx context.Context) error {
	p, home, err := a.existing(ctx)
	var s cluster.Status
	switch {
	case errors.Is(err, cluster.ErrAbsent):
		s = cluster.Status{State: cluster.StateAbsent, Access: cluster.Access{Name: home.Name()}}
	case err != nil:
		return err
	default:
		if s, err = p.Status(ctx); err != nil {
			return err
		}
	}
	if a.settings.json {
		return writeJSON(a.io.Out, s)
	}
	return printStatus(a.io.Out, s)
}

func newClusterKubeconfigCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "kubeconfig",
		Short:   "Print the path of the cluster's kubeconfig",
		Example: "  export KUBECONFIG=$(k8stutor cluster kubeconfig)",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			access, err := home.Access()
			if err != nil {
				return err
			}
			fmt.Fprintln(a.io.Out, access.Kubeconfig)
			return nil
		},
	}
}

func newClusterListCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the clusters that k8stutor created",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return a.clusterList() },
	}
	outputFlag(c)
	return c
}

func (a *app) clusterList() error {
	homes, err := cluster.Homes(a.state)
	if err != nil {
		return err
	}
	all := []cluster.Access{}
	for _, h := range homes {
		access, err := h.Access()
		if err != nil {
			// Its folder exists but it never came up.
			access = cluster.Access{Name: h.Name()}
		}
		all = append(all, access)
	}
	if a.settings.json {
		return writeJSON(a.io.Out, all)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.io.Out, "no clusters yet; `k8stutor cluster up` creates one")
		return nil
	}
	w := tabwriter.NewWriter(a.io.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tPROVIDER\tVERSION\tKUBECONFIG")
	for _, x := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.Name, orNone(x.Provider), orNone(x.Version), orNone(x.Kubeconfig))
	}
	return w.Flush()
}

// existing opens the provider of a cluster that was made before; it makes
// nothing and chooses nothing.
func (a *app) existing(ctx context.Context) (cluster.Provider, cluster.Home, error) {
	home, err := a.home()
	if err != nil {
		return nil, home, err
	}
	homes, err := cluster.Homes(a.state)
	if err != nil {
		return nil, home, err
	}
	for _, h := range homes {
		if h.Name() == home.Name() {
			return a.provider(ctx)
		}
	}
	return nil, home, fmt.Errorf("cluster %q: %w", home.Name(), cluster.ErrAbsent)
}

func printStatus(out io.Writer, s cluster.Status) error {
	fmt.Fprintf(out, "cluster %q: %s\n", s.Name, s.State)
	if s.Error != "" {
		fmt.Fprintln(out, "  "+s.Error)
	}
	if s.Server != "" {
		fmt.Fprintf(out, "  %s, Kubernetes %s at %s\n  kubeconfig %s\n", s.Provider, s.Version, s.Server, s.Kubeconfig)
	}
	if len(s.Parts) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  PART\tSTATE\tPID\tRESTARTS\tSINCE")
	for _, p := range s.Parts {
		since := "-"
		if !p.Since.IsZero() {
			since = time.Since(p.Since).Round(time.Second).String()
		}
		fmt.Fprintf(w, "  %s\t%s\t%d\t%d\t%s\n", p.Name, p.State, p.PID, p.Restarts, since)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, p := range s.Parts {
		if len(p.LastLog) > 0 && p.State != "running" {
			fmt.Fprintf(out, "  last lines of %s:\n    %s\n", p.Name, strings.Join(p.LastLog, "\n    "))
		}
	}
	return nil
}

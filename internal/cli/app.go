package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/content"
)

// app is what the commands share. A command that goes on with other settings
// or streams copies it.
type app struct {
	io        genericiooptions.IOStreams
	state     string // k8stutor's state folder
	providers provider.Drivers
	settings  settings // read before a command runs

	// lessons are the built-in ones. They are loaded once in a run.
	lessons func() ([]*lessons.Lesson, error)
}

func newApp(io genericiooptions.IOStreams) *app {
	return &app{
		io: io, state: filepath.Join(xdg.StateHome, "k8stutor"), providers: provider.Known(),
		lessons: sync.OnceValues(func() ([]*lessons.Lesson, error) {
			all, err := lessons.LoadAll(content.FS())
			if err != nil {
				return nil, fmt.Errorf("the built-in lessons are damaged: %w", err)
			}
			return all, nil
		}),
	}
}

func (a *app) rootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "k8stutor",
		Short: "Learn Kubernetes on a live cluster, in your terminal",
		Long: `k8stutor opens one terminal screen with a lesson, a live Kubernetes cluster and
a real shell. It watches the cluster and ticks each step of a lesson as soon as
the cluster gets there.

Without a command it shows the map of the lessons.

It needs no container engine: without one it runs a small but real Kubernetes of
its own. It never reads or writes your own kubeconfig.`,
		Example:       "  k8stutor start\n  k8stutor list\n  k8stutor check --watch",
		SilenceErrors: true,
		SilenceUsage:  true,
		// Parse flags before the subcommand first, so that
		// `k8stutor --name x kubectl get pods` leaves kubectl's own alone.
		TraverseChildren: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			a.settings, err = readSettings(cmd)
			return err
		},
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown("command", args[0], commandNames(cmd))
			}
			if a.onTerminal() && !a.settings.plain {
				return a.recall().browse(cmd.Context())
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.SetIn(a.io.In)
	root.SetOut(a.io.Out)
	root.SetErr(a.io.ErrOut)
	f := root.PersistentFlags()
	f.String("cluster", provider.Auto, "which cluster to use: "+a.providers.Choices())
	f.String("name", cluster.DefaultName, "name of the cluster; use several names for several clusters")
	f.String("lang", "", "language of the lessons: en, zh-TW or zh-CN (default: from $LANG)")
	f.String("image", "", "node image for kind (default: the image of this kind release)")
	f.String("config", "", "config file (default: "+filepath.Join(xdg.ConfigHome, "k8stutor", "config.yaml")+")")
	root.AddCommand(newStartCmd(a), newListCmd(a), newCheckCmd(a), newResetCmd(a), newLessonCmd(a), newClusterCmd(a), newKubectlCmd(a), newVersionCmd(a),
		newBundleCmd(a), newDoctorCmd(a), newKeysCmd(a))
	return root
}

// groupCmd is a command that only holds others.
func groupCmd(c *cobra.Command, members ...*cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown("subcommand of "+cmd.Name(), args[0], commandNames(cmd))
		}
		return cmd.Help()
	}
	c.AddCommand(members...)
	return c
}

// with is the app with other settings.
func (a *app) with(s settings) *app {
	other := *a
	other.settings = s
	return &other
}

// onTerminal reports whether there is a terminal to draw on.
func (a *app) onTerminal() bool { return isTerminal(a.io.In) && isTerminal(a.io.Out) }

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (a *app) home() (cluster.Home, error) {
	h, err := cluster.NewHome(a.state, a.settings.name)
	if err != nil {
		return h, &usageError{fmt.Errorf("--name: %w", err)}
	}
	return h, nil
}

// provider picks the cluster. If there was a choice, it prints the reason to
// stderr.
func (a *app) provider(ctx context.Context) (cluster.Provider, cluster.Home, error) {
	home, err := a.home()
	if err != nil {
		return nil, home, err
	}
	o, err := a.clusterOptions()
	if err != nil {
		return nil, home, err
	}
	p, reason, err := a.providers.Choose(ctx, home, o)
	if reason != "" {
		fmt.Fprintln(a.io.ErrOut, reason)
	}
	return p, home, err
}

// clusterOptions is what the settings say about the cluster.
func (a *app) clusterOptions() (provider.Options, error) {
	want := a.settings.cluster
	if want != provider.Auto && !slices.Contains(a.providers.Names(), want) {
		return provider.Options{}, usagef("--cluster %q: use %s", want, a.providers.Choices())
	}
	return provider.Options{Want: want, Embedded: a.settings.embedded, Image: a.settings.nodeImage, Images: a.settings.lessonImages}, nil
}

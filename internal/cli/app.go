package cli

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider"
	"github.com/k8stutor/k8stutor/tui"
)

// app is what the commands share: the one viper instance and the folders.
type app struct {
	v     *viper.Viper
	state string // k8stutor's state folder
	keys  *tui.Keymap

	providers provider.Drivers
}

func newApp() *app {
	return &app{v: viper.New(), state: filepath.Join(xdg.StateHome, "k8stutor"), providers: provider.Known()}
}

func (a *app) rootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "k8stutor",
		Short: "Learn Kubernetes on a live cluster, in your terminal",
		Long: `k8stutor opens one terminal screen with a lesson, a live Kubernetes cluster and
a real shell. It watches the cluster: each step of a lesson ticks by itself as
soon as the cluster gets there.

Without a command it shows the map of the lessons.

It needs no container engine: without one it runs a small real Kubernetes of
its own. Your own kubeconfig is never read and never written.`,
		Example:       "  k8stutor start\n  k8stutor list\n  k8stutor check --watch",
		SilenceErrors: true,
		SilenceUsage:  true,
		// Parse flags before the subcommand first, so that
		// `k8stutor --name x kubectl get pods` leaves kubectl's own alone.
		TraverseChildren:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.configure(cmd) },
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown("command", args[0], commandNames(cmd))
			}
			if onTerminal() && !a.v.GetBool("plain") {
				a.recall(cmd)
				return a.browse(cmd)
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.String("cluster", provider.Auto, "which cluster to use: "+a.providers.Choices())
	f.String("name", cluster.DefaultName, "name of the cluster, to have several side by side")
	f.String("lang", "", "language of the lessons: en, zh-TW or zh-CN (default: from $LANG)")
	f.String("image", "", "node image for kind (default: the one that kind was released with)")
	f.String("config", "", "config file (default: "+filepath.Join(xdg.ConfigHome, "k8stutor", "config.yaml")+")")
	root.AddCommand(a.startCmd(), a.listCmd(), a.checkCmd(), a.resetCmd(), a.lessonCmd(), a.clusterCmd(), a.kubectlCmd(), a.versionCmd(),
		a.bundleCmd(), a.doctorCmd(), a.keysCmd())
	return root
}

func (a *app) home() (cluster.Home, error) {
	h, err := cluster.NewHome(a.state, a.v.GetString("name"))
	if err != nil {
		return h, &usageError{fmt.Errorf("--name: %w", err)}
	}
	return h, nil
}

// provider picks the cluster and says on stderr why, when there was a choice.
func (a *app) provider(cmd *cobra.Command) (cluster.Provider, cluster.Home, error) {
	home, err := a.home()
	if err != nil {
		return nil, home, err
	}
	o, err := a.clusterOptions()
	if err != nil {
		return nil, home, err
	}
	p, reason, err := a.providers.Choose(cmd.Context(), home, o)
	if reason != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), reason)
	}
	return p, home, err
}

// clusterOptions is what the settings say about the cluster.
func (a *app) clusterOptions() (provider.Options, error) {
	want := a.v.GetString("cluster")
	if want != provider.Auto && !slices.Contains(a.providers.Names(), want) {
		return provider.Options{}, usagef("--cluster %q: use %s", want, a.providers.Choices())
	}
	return provider.Options{
		Want: want, Embedded: a.v.GetString("embedded"),
		Image: a.nodeImage(), Images: a.v.GetString("lesson-images"),
	}, nil
}

// nodeImage is kind's node image: --image or K8STUTOR_IMAGE, else kind-image of
// the config file. Empty means kind's own.
func (a *app) nodeImage() string {
	if image := a.v.GetString("image"); image != "" {
		return image
	}
	return a.v.GetString("kind-image")
}

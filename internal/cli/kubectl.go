package cli

import (
	"flag"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/klog/v2"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	_ "github.com/k8stutor/k8stutor/internal/cli/kubectlwords" // before kubectl's packages: see there
)

func newKubectlCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl [ARGUMENTS]",
		Short:              "Run the built-in kubectl on the practice cluster",
		Long:               "Runs the kubectl that is built into k8stutor on the practice cluster.\nAll arguments are passed to kubectl.",
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			access, err := home.Access()
			if err != nil {
				return err
			}
			for k, v := range kubectlEnv(access.Kubeconfig, a.state) {
				if err := os.Setenv(k, v); err != nil {
					return err
				}
			}
			if code := runKubectl(a.io, args); code != 0 {
				return &exitError{code}
			}
			return nil
		},
	}
}

// runKubectl is kubectl's own main function with args. As upstream, most
// failures end the process inside it. The helper upstream uses for the rest,
// component-base/cli, would bring a metrics stack along; these few lines do
// what kubectl needs of it: the -v flag, and _ for - in flags.
func runKubectl(streams genericiooptions.IOStreams, args []string) int {
	// kubectl takes its name, in help and in the User-Agent by which checks
	// tell the learner's requests from ours, from here.
	os.Args = append([]string{"kubectl"}, args...)
	command := cmd.NewDefaultKubectlCommandWithArgs(cmd.KubectlOptions{
		PluginHandler: cmd.NewDefaultPluginHandler(plugin.ValidPluginFilenamePrefixes),
		Arguments:     os.Args,
		ConfigFlags: genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().
			WithDiscoveryBurst(300).WithDiscoveryQPS(50).WithWarningPrinter(streams),
		IOStreams: streams,
	})
	command.SetArgs(args)
	command.SetGlobalNormalizationFunc(cliflag.WordSepNormalizeFunc)
	command.SilenceErrors = true
	klogFlags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(klogFlags)
	for _, name := range []string{"v", "vmodule"} {
		command.PersistentFlags().AddGoFlag(klogFlags.Lookup(name))
	}
	defer klog.Flush()
	if err := command.Execute(); err != nil {
		code := exitFailed
		cmdutil.BehaviorOnFatal(func(msg string, c int) {
			fmt.Fprintln(streams.ErrOut, msg)
			code = c
		})
		cmdutil.CheckErr(err)
		return code
	}
	return 0
}

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker (see the Makefile).
var version = "dev"

func newVersionCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of k8stutor and its built-in tools",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			info := map[string]string{
				"version":  version,
				"go":       runtime.Version(),
				"platform": runtime.GOOS + "/" + runtime.GOARCH,
				"kubectl":  strings.Replace(moduleVersion("k8s.io/kubectl"), "v0.", "v1.", 1), // module v0.37.2 is release v1.37.2
				"kind":     moduleVersion("sigs.k8s.io/kind"),
			}
			if a.settings.json {
				return writeJSON(a.io.Out, info)
			}
			fmt.Fprintf(a.io.Out, "k8stutor %s (%s, %s)\nkubectl %s, kind %s built in\n",
				info["version"], info["go"], info["platform"], info["kubectl"], info["kind"])
			return nil
		},
	}
	outputFlag(c)
	return c
}

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}

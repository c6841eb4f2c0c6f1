package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newKeysCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "List the keys of the screen and the names to rebind them by",
		Long: `Lists for each action its scope, its name, its keys and its meaning. In the scope
"prefix", press the prefix key first.

The config file can rebind an action, by its name in every scope that has it or
by SCOPE.ACTION in one:

  prefix: ctrl+b
  keys:
    next: x
    overlay.close: [esc, f10]`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			lang, err := a.lang()
			if err != nil {
				return err
			}
			rows, err := a.settings.keys.Rows(lang)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(a.io.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SCOPE\tACTION\tKEYS\tMEANING")
			for _, r := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Scope, r.Action, strings.Join(r.Keys, " "), r.Meaning)
			}
			return w.Flush()
		},
	}
}

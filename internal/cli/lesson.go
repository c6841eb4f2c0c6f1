package cli

import "github.com/spf13/cobra"

func (a *app) lessonCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "lesson",
		Short: "For authors: lint and test lessons",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown("subcommand of lesson", args[0], commandNames(cmd))
			}
			return cmd.Help()
		},
	}
	c.AddCommand(a.lessonLint(), a.lessonTest())
	return c
}

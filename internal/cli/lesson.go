package cli

import "github.com/spf13/cobra"

func newLessonCmd(a *app) *cobra.Command {
	return groupCmd(&cobra.Command{
		Use:   "lesson",
		Short: "For authors: lint and test lessons",
	}, newLessonLintCmd(a), newLessonTestCmd(a))
}

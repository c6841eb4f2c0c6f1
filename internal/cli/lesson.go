package cli

import "github.com/spf13/cobra"

func newLessonCmd(a *app) *cobra.Command {
	return groupCmd(&cobra.Command{
		Use:   "lesson",
		Short: "Lint and test lessons (for authors)",
	}, newLessonLintCmd(a), newLessonTestCmd(a))
}

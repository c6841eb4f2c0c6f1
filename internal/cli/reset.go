package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
)

func (a *app) resetCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "reset [LESSON[/STEP]]",
		Short: "Begin a step anew: its namespace is emptied and set up again",
		Args:  atMostOnePlace, ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, release, err := a.headless(cmd, args, "k8stutor reset", false)
			if err != nil {
				return err
			}
			defer release()
			l.session.Reset()
			if err := l.awaitTurn(cmd.Context(), l.latest.Entry+1); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "step %s/%s begins anew%s\n", l.latest.Lesson, l.latest.Step, seedNote(l.latest))
			return nil
		},
	}
	seedFlag(c)
	return c
}

// seedNote tells the seed of a drawn case, which others may use too.
func seedNote(u lessons.Update) string {
	if u.Seed == 0 {
		return ""
	}
	return fmt.Sprintf(" (case: seed %d)", u.Seed)
}

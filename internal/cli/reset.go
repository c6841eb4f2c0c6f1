package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
)

type resetOptions struct {
	*app
	place placeFlags
}

func newResetCmd(a *app) *cobra.Command {
	o := &resetOptions{app: a}
	c := &cobra.Command{
		Use:   "reset [LESSON[/STEP]]",
		Short: "Start a step over: empty its namespace and set it up again",
		Args:  atMostOnePlace, ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.place.read(cmd, args)
			return o.run(cmd.Context())
		},
	}
	o.place.seedFlag(c)
	return c
}

func (o *resetOptions) run(ctx context.Context) error {
	l, release, err := o.headless(ctx, o.place, "k8stutor reset", false)
	if err != nil {
		return err
	}
	defer release()
	l.session.Reset()
	if err := l.awaitTurn(ctx, l.latest.Entry+1); err != nil {
		return err
	}
	fmt.Fprintf(o.io.Out, "step %s/%s starts over%s\n", l.latest.Lesson, l.latest.Step, seedNote(l.latest))
	return nil
}

// seedNote is the seed of a drawn case, which others may use too.
func seedNote(u lessons.Update) string {
	if u.Seed == 0 {
		return ""
	}
	return fmt.Sprintf(" (case: seed %d)", u.Seed)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/internal/cli/trim"
	"github.com/k8stutor/k8stutor/tui"
)

type startOptions struct {
	*app
	place placeFlags
}

func newStartCmd(a *app) *cobra.Command {
	o := &startOptions{app: a}
	c := &cobra.Command{
		Use:   "start [LESSON[/STEP]]",
		Short: "Open a lesson on the screen, with the cluster and a shell",
		Long: `Brings the practice cluster up and opens a lesson on it: the one you name, or the
one you were in last. Naming a step other than the current one starts that step
over in an emptied namespace.

Without a terminal it brings the cluster up, prints the current step as plain
text and exits; continue with kubectl and "k8stutor check".

With --plain the lesson is a dialogue in lines of text, without panes, colours or
cursor movement: for screen readers and logs.`,
		Args:              atMostOnePlace,
		ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.place.read(cmd, args)
			return o.run(cmd.Context())
		},
	}
	o.place.seedFlag(c)
	c.Flags().Bool("plain", false, "print the lesson line by line, without panes, for screen readers and logs") // a setting
	return c
}

func (o *startOptions) run(ctx context.Context) error {
	if o.onTerminal() && !o.settings.plain {
		err := o.startOnScreen(ctx, o.place)
		if errors.Is(err, tui.ErrMap) {
			return o.browse(ctx)
		}
		return err
	}
	claimed, err := o.open(o.place, "k8stutor start")
	if err != nil {
		return err
	}
	defer claimed.release()
	if o.settings.plain {
		return o.plain(ctx, claimed)
	}
	l, access, err := o.begin(ctx, claimed, phaseLines(o.io.ErrOut))
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.awaitTurn(ctx, 1); err != nil {
		return err
	}
	printStep(o.io.Out, l, access)
	return nil
}

// startOnScreen opens a lesson on the screen.
func (a *app) startOnScreen(ctx context.Context, to placeFlags) error {
	trim.ForScreen()
	o, err := a.open(to, "k8stutor start")
	if err != nil {
		return err
	}
	defer o.release()
	return a.screen(ctx, o)
}

// printStep prints a step for someone without the screen.
func printStep(w io.Writer, l *liveLesson, access cluster.Access) {
	u := l.latest
	name := u.Lesson + "/" + u.Step
	fmt.Fprintf(w, "\n%s, step %d of %d (%s)\n\n# %s\n\n%s\n\n", l.lesson.Text(l.lang).Title, u.Index+1, u.Count, name, u.Text.Title, strings.TrimSpace(u.Text.Body))
	printOutcome(w, outcomeOf(u))
	self := "k8stutor"
	if exe, err := os.Executable(); err == nil {
		if _, lookErr := exec.LookPath(self); lookErr != nil {
			self = exe
		}
	}
	fmt.Fprintf(w, `
To continue without the screen:
  export KUBECONFIG=%s%s
  kubectl get pods                  (or: %s --name %s kubectl …)
  %s check %s --watch
`, l.kubeconfig, l.enter(), self, access.Name, self, name)
}

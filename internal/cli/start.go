package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/internal/cli/trim"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui"
)

func (a *app) startCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "start [LESSON[/STEP]]",
		Short: "Open the screen: lesson, cluster and shell",
		Long: `Brings the practice cluster up and opens a lesson on it: the one that is named,
or the one where you were. Naming a step other than the one you are at begins
that step anew, in an emptied namespace.

Without a terminal it brings the cluster up, prints the current step as plain
text and ends; go on with kubectl and "k8stutor check".

With --plain the lesson is a conversation in lines of text: no panes, no
colours, no cursor movement, for screen readers and for logs.`,
		Args:              atMostOnePlace,
		ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			if onTerminal() && !a.v.GetBool("plain") {
				err := a.startOnScreen(cmd, args)
				if errors.Is(err, tui.ErrMap) {
					return a.browse(cmd.Root()) // without this command's flags
				}
				return err
			}
			o, err := a.open(cmd, args, "k8stutor start")
			if err != nil {
				return err
			}
			defer o.release()
			if a.v.GetBool("plain") {
				return a.plain(cmd, o)
			}
			l, access, err := a.begin(cmd, o, phaseLines(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer l.Close()
			if err := l.awaitTurn(cmd.Context(), 1); err != nil {
				return err
			}
			printStep(cmd.OutOrStdout(), l, access)
			return nil
		},
	}
	seedFlag(c)
	c.Flags().Bool("plain", false, "no panes: the lesson line by line, for screen readers and logs")
	return c
}

// startOnScreen opens a lesson on the screen.
func (a *app) startOnScreen(cmd *cobra.Command, args []string) error {
	trim.ForScreen()
	o, err := a.open(cmd, args, "k8stutor start")
	if err != nil {
		return err
	}
	defer o.release()
	return a.screen(cmd, o)
}

// printStep prints a step for someone without the screen.
func printStep(w io.Writer, l *lesson, access cluster.Access) {
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
To go on without the screen:
  export KUBECONFIG=%s%s
  kubectl get pods                  (or: %s --name %s kubectl …)
  %s check %s --watch
`, l.kubeconfig, l.enter(), self, access.Name, self, name)
}

// printOutcome prints the checks, and why each is not met yet.
func printOutcome(w io.Writer, o lessons.Outcome) {
	marks := map[lessons.Verdict]string{lessons.Met: "✓", lessons.Converging: "◐", lessons.Unmet: "○", lessons.Violated: "✗"}
	for _, c := range o.Checks {
		fmt.Fprintf(w, "%s %s\n", marks[c.Verdict], c.Title)
		if c.Question != "" && c.Verdict != lessons.Met {
			fmt.Fprintf(w, "    ? %s\n", c.Question)
			for _, option := range c.Options {
				fmt.Fprintf(w, "      - %s\n", option)
			}
		}
		for _, why := range c.Why {
			fmt.Fprintf(w, "    %s\n", why)
		}
	}
	if o.Problem != "" {
		fmt.Fprintf(w, "! %s\n", o.Problem)
	}
}

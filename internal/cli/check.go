package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
)

type checkOptions struct {
	*app
	place   placeFlags
	watch   bool
	answers []string // CHECK=VALUE
}

func newCheckCmd(a *app) *cobra.Command {
	o := &checkOptions{app: a}
	c := &cobra.Command{
		Use:   "check [LESSON/STEP]",
		Short: "Check the current step; exits 0 when it is met",
		Long: `Prints which checks of the step the running cluster meets, and why it does not
meet the others yet. With --watch it continues until the step is met.

Some checks wait for an event (a Pod is deleted, a log is read). They only see
what happens while check --watch or the screen is running.`,
		Args:              atMostOnePlace,
		ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.place.read(cmd, args)
			return o.run(cmd.Context())
		},
	}
	c.Flags().BoolVarP(&o.watch, "watch", "w", false, "keep checking until the step is met")
	c.Flags().StringArrayVar(&o.answers, "answer", nil, "answer a question, as CHECK=VALUE")
	outputFlag(c)
	return c
}

func (o *checkOptions) run(ctx context.Context) error {
	for _, given := range o.answers {
		if !strings.Contains(given, "=") {
			return usagef("--answer %q: write CHECK=VALUE", given)
		}
	}
	l, release, err := o.headless(ctx, o.place, "k8stutor check", true)
	if err != nil {
		return err
	}
	defer release()
	for _, given := range o.answers {
		check, value, _ := strings.Cut(given, "=")
		if err := l.answer(ctx, check, value); err != nil {
			return err
		}
	}
	return o.report(ctx, l)
}

// answer gives an answer and waits until it has been judged.
func (l *liveLesson) answer(ctx context.Context, check, value string) error {
	var questions []string
	for _, c := range l.latest.Outcome.Checks {
		if c.Question == "" {
			continue
		}
		questions = append(questions, c.ID)
		if c.ID == check {
			l.session.Answer(check, value)
			// The same wrong answer again changes nothing to wait for.
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			err := l.await(ctx, func(lessons.Update) bool { return true })
			if errors.Is(err, context.DeadlineExceeded) {
				return nil
			}
			return err
		}
	}
	u := l.latest
	if len(questions) == 0 {
		return usagef("step %s/%s asks no question", u.Lesson, u.Step)
	}
	return unknown("question", check, questions)
}

// checkReport is what check prints as JSON.
type checkReport struct {
	Title string `json:"title"`
	Index int    `json:"index"`
	Count int    `json:"count"`
	lessons.Outcome
}

// report prints how the step stands, once or until it is met.
func (o *checkOptions) report(ctx context.Context, l *liveLesson) error {
	for {
		u := l.latest
		outcome := outcomeOf(u)
		if err := o.print(u, outcome); err != nil || outcome.Met {
			return err
		}
		if !o.watch {
			return &exitError{exitFailed}
		}
		if err := l.await(ctx, func(lessons.Update) bool { return true }); err != nil {
			return err
		}
	}
}

// print prints an outcome. As JSON it is one line, so that a script can read
// them as they come.
func (o *checkOptions) print(u lessons.Update, outcome lessons.Outcome) error {
	if o.settings.json {
		return json.NewEncoder(o.io.Out).Encode(checkReport{u.Text.Title, u.Index, u.Count, outcome})
	}
	fmt.Fprintf(o.io.Out, "%s/%s: %s\n", u.Lesson, u.Step, u.Text.Title)
	printOutcome(o.io.Out, outcome)
	if outcome.Met && u.Text.Debrief != "" {
		fmt.Fprintf(o.io.Out, "\n%s\n", strings.TrimSpace(u.Text.Debrief))
	}
	return nil
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

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
)

func (a *app) checkCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "check [LESSON/STEP]",
		Short: "Say how the step stands, without the screen; exit code 0 when it is met",
		Long: `Looks at the running cluster and says which checks of the step are met, and why
the others are not yet. With --watch it goes on until the step is met.

Some checks ask for something that happens (a Pod is deleted, a log is read).
They see only what happens while check --watch or the screen runs.`,
		Args:              atMostOnePlace,
		ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			watch, _ := cmd.Flags().GetBool("watch")
			answers, _ := cmd.Flags().GetStringArray("answer")
			for _, given := range answers {
				if !strings.Contains(given, "=") {
					return usagef("--answer %q: write CHECK=VALUE", given)
				}
			}
			l, release, err := a.headless(cmd, args, "k8stutor check", true)
			if err != nil {
				return err
			}
			defer release()
			for _, given := range answers {
				check, value, _ := strings.Cut(given, "=")
				if err := l.answer(cmd.Context(), check, value); err != nil {
					return err
				}
			}
			return l.report(cmd, watch)
		},
	}
	c.Flags().BoolP("watch", "w", false, "go on until the step is met")
	c.Flags().StringArray("answer", nil, "answer a question: CHECK=VALUE")
	outputFlag(c)
	return c
}

// answer gives an answer and waits until it has been judged.
func (l *lesson) answer(ctx context.Context, check, value string) error {
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
func (l *lesson) report(cmd *cobra.Command, watch bool) error {
	asJSON, _ := cmd.Flags().GetString("output")
	out := cmd.OutOrStdout()
	for {
		u := l.latest
		o := outcomeOf(u)
		if asJSON == "json" {
			// One line an outcome, so that a script can read them as they come.
			if err := json.NewEncoder(out).Encode(checkReport{u.Text.Title, u.Index, u.Count, o}); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(out, "%s/%s: %s\n", u.Lesson, u.Step, u.Text.Title)
			printOutcome(out, o)
		}
		if o.Met {
			if asJSON != "json" && u.Text.Debrief != "" {
				fmt.Fprintf(out, "\n%s\n", strings.TrimSpace(u.Text.Debrief))
			}
			return nil
		}
		if !watch {
			return &exitError{exitFailed}
		}
		if err := l.await(cmd.Context(), func(lessons.Update) bool { return true }); err != nil {
			return err
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
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

// headless opens a lesson on the cluster, which must run already. With stay
// the cluster must be at the step that args name: entering another empties the
// namespace, which a question must not do.
func (a *app) headless(cmd *cobra.Command, args []string, who string, stay bool) (*lesson, func(), error) {
	o, err := a.open(cmd, args, who)
	if err != nil {
		return nil, nil, err
	}
	l, err := a.headlessLesson(cmd, o, stay)
	if err != nil {
		o.release()
		return nil, nil, err
	}
	return l, func() { l.Close(); o.release() }, nil
}

func (a *app) headlessLesson(cmd *cobra.Command, o *opened, stay bool) (*lesson, error) {
	access, err := o.home.Access()
	if err != nil {
		return nil, err
	}
	world, err := cluster.NewWorld(access)
	if err != nil {
		return nil, err
	}
	if _, err := world.Version(cmd.Context()); err != nil {
		return nil, fmt.Errorf("cluster %q does not answer at %s: bring it up with `k8stutor cluster up`", o.home.Name(), access.Server)
	}
	l, err := a.openLesson(cmd.Context(), o, access, stay)
	if err != nil {
		return nil, err
	}
	if err := l.awaitTurn(cmd.Context(), 1); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func stepOrNone(l *lessons.Lesson, step string) string {
	if step == "" {
		return "no step of lesson " + l.Name()
	}
	return l.Name() + "/" + step
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

func (a *app) listCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "list [LESSON]",
		Short: "List the lessons, or the steps of one, and how far you are",
		Args:  atMostOnePlace, ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			lang, err := a.lang()
			if err != nil {
				return err
			}
			all, err := a.lessons()
			if err != nil {
				return err
			}
			progress, err := a.progress(cmd)
			if err != nil {
				return err
			}
			output, _ := cmd.Flags().GetString("output")
			if len(args) > 0 {
				at, err := find(all, args[0])
				if err != nil {
					return err
				}
				return listSteps(cmd, at.lesson, progress, lang, output)
			}
			return listLessons(cmd, all, progress, lang, output)
		},
	}
	outputFlag(c)
	return c
}

type listedLesson struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Summary string `json:"summary"`
	Minutes int    `json:"minutes"`
	Steps   int    `json:"steps"`
	Met     int    `json:"met"`
}

func listLessons(cmd *cobra.Command, all []*lessons.Lesson, progress *lessons.Progress, lang, output string) error {
	listed := []listedLesson{}
	for _, l := range all {
		text := l.Text(lang)
		x := listedLesson{Name: l.Name(), Title: text.Title, Summary: text.Summary, Minutes: l.Minutes, Steps: len(l.Steps)}
		done := progress.Lesson(l.Name()).Steps
		for _, s := range l.Steps {
			if !done[s.ID].Met.IsZero() {
				x.Met++
			}
		}
		listed = append(listed, x)
	}
	if output == "json" {
		return writeJSON(cmd.OutOrStdout(), listed)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LESSON\tSTEPS\tMINUTES\tTITLE")
	for _, x := range listed {
		fmt.Fprintf(w, "%s\t%d/%d\t%d\t%s\n", x.Name, x.Met, x.Steps, x.Minutes, x.Title)
	}
	return w.Flush()
}

type listedStep struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Met   bool   `json:"met"`
}

func listSteps(cmd *cobra.Command, l *lessons.Lesson, progress *lessons.Progress, lang, output string) error {
	done := progress.Lesson(l.Name()).Steps
	listed := []listedStep{}
	for _, s := range l.Steps {
		listed = append(listed, listedStep{s.ID, s.Text(lang, nil).Title, !done[s.ID].Met.IsZero()})
	}
	if output == "json" {
		return writeJSON(cmd.OutOrStdout(), listed)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, x := range listed {
		mark := "○"
		if x.Met {
			mark = "✓"
		}
		fmt.Fprintf(w, "%s\t%s/%s\t%s\n", mark, l.Name(), x.ID, x.Title)
	}
	return w.Flush()
}

package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
)

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

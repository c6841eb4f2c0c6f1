package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
)

type listOptions struct {
	*app
	place string
}

func newListCmd(a *app) *cobra.Command {
	o := &listOptions{app: a}
	c := &cobra.Command{
		Use:   "list [LESSON]",
		Short: "List the lessons or the steps of one, with your progress",
		Args:  atMostOnePlace, ValidArgsFunction: a.completePlace,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.place = args[0]
			}
			return o.run()
		},
	}
	outputFlag(c)
	return c
}

func (o *listOptions) run() error {
	lang, err := o.lang()
	if err != nil {
		return err
	}
	all, err := o.lessons()
	if err != nil {
		return err
	}
	progress, err := o.progress()
	if err != nil {
		return err
	}
	if o.place == "" {
		return o.listLessons(all, progress, lang)
	}
	at, err := find(all, o.place)
	if err != nil {
		return err
	}
	return o.listSteps(at.lesson, progress, lang)
}

type listedLesson struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Summary string `json:"summary"`
	Minutes int    `json:"minutes"`
	Steps   int    `json:"steps"`
	Met     int    `json:"met"`
}

func (o *listOptions) listLessons(all []*lessons.Lesson, progress *lessons.Progress, lang string) error {
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
	if o.settings.json {
		return writeJSON(o.io.Out, listed)
	}
	w := tabwriter.NewWriter(o.io.Out, 0, 0, 2, ' ', 0)
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

func (o *listOptions) listSteps(l *lessons.Lesson, progress *lessons.Progress, lang string) error {
	done := progress.Lesson(l.Name()).Steps
	listed := []listedStep{}
	for _, s := range l.Steps {
		listed = append(listed, listedStep{s.ID, s.Text(lang, nil).Title, !done[s.ID].Met.IsZero()})
	}
	if o.settings.json {
		return writeJSON(o.io.Out, listed)
	}
	w := tabwriter.NewWriter(o.io.Out, 0, 0, 2, ' ', 0)
	for _, x := range listed {
		mark := "○"
		if x.Met {
			mark = "✓"
		}
		fmt.Fprintf(w, "%s\t%s/%s\t%s\n", mark, l.Name(), x.ID, x.Title)
	}
	return w.Flush()
}

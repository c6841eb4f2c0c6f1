package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui"
)

// onTerminal says whether there is a terminal to draw on.
func onTerminal() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// browse shows the map of the lessons, opens the one that is chosen, and comes
// back to the map when that is asked for.
func (a *app) browse(cmd *cobra.Command) error {
	for {
		home, err := a.lessonMap(cmd)
		if err != nil {
			return err
		}
		choice, err := tui.RunHome(cmd.Context(), home)
		if errors.Is(err, tui.ErrLeft) {
			return nil
		}
		if err != nil {
			return err
		}
		a.v.Set("lang", choice.Lang)
		if len(home.Clusters) > 0 {
			a.v.Set("cluster", choice.Cluster)
		}
		if err := a.startOnScreen(cmd, []string{choice.Lesson}); !errors.Is(err, tui.ErrMap) {
			return err
		}
	}
}

// startOnScreen opens a lesson on the screen.
func (a *app) startOnScreen(cmd *cobra.Command, args []string) error {
	o, err := a.open(cmd, args, "k8stutor start")
	if err != nil {
		return err
	}
	defer o.release()
	return a.screen(cmd, o)
}

// lessonMap is what the map shows. It only reads: no cluster is claimed yet.
func (a *app) lessonMap(cmd *cobra.Command) (tui.Home, error) {
	all, err := a.lessons()
	if err != nil {
		return tui.Home{}, err
	}
	lang, err := a.lang()
	if err != nil {
		return tui.Home{}, err
	}
	progress, err := a.progress(cmd)
	if err != nil {
		return tui.Home{}, err
	}
	last, err := a.current(nil, progress)
	if err != nil {
		return tui.Home{}, err
	}
	here := last.lesson.Name()
	if progress.Lesson(here).Entered.IsZero() {
		here = "" // nothing was begun yet
	}
	out := tui.Home{
		Lang: lang, Langs: lessons.Languages(), Charset: charset(lang, os.Getenv), Keys: a.keys,
		Lessons: func(lang string) []tui.HomeLesson {
			return tui.HomeLessons(all, lang, here, func(lesson, step string) bool {
				return !progress.Lesson(lesson).Steps[step].Met.IsZero()
			})
		},
	}
	return out, a.mapCluster(&out)
}

// mapCluster fills in which cluster is used, or which there are to choose from.
func (a *app) mapCluster(out *tui.Home) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	access, err := home.Access()
	switch {
	case err == nil:
		out.Cluster = access.Provider
		return nil
	case errors.Is(err, cluster.ErrAbsent):
		out.Cluster, out.Clusters = a.v.GetString("cluster"), []string{"auto", "embedded", "kind"}
		return nil
	}
	return err
}

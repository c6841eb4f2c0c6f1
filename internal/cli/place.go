package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/content"
)

// latest is the name of the lesson that was entered last, "" when none was.
func latest(all []*lessons.Lesson, p *lessons.Progress) string {
	name, entered := "", time.Time{}
	for _, l := range all {
		if at := p.Lesson(l.Name()).Entered; at.After(entered) {
			name, entered = l.Name(), at
		}
	}
	return name
}

// place is a lesson and, unless it was left out, a step of it.
type place struct {
	lesson *lessons.Lesson
	step   *lessons.Step
}

func (p place) String() string {
	if p.step == nil {
		return p.lesson.Name()
	}
	return p.lesson.Name() + "/" + p.step.ID
}

func (a *app) lessons() ([]*lessons.Lesson, error) {
	all, err := lessons.LoadAll(content.FS())
	if err != nil {
		return nil, fmt.Errorf("the built-in lessons are damaged: %w", err)
	}
	return all, nil
}

// find looks a LESSON or LESSON/STEP up.
func find(all []*lessons.Lesson, name string) (place, error) {
	lessonName, stepName, hasStep := strings.Cut(name, "/")
	var names []string
	for _, l := range all {
		names = append(names, l.Name())
		if l.Name() != lessonName {
			continue
		}
		if !hasStep {
			return place{lesson: l}, nil
		}
		if s := l.Step(stepName); s != nil {
			return place{l, s}, nil
		}
		var steps []string
		for _, s := range l.Steps {
			steps = append(steps, s.ID)
		}
		return place{}, unknown("step of lesson "+lessonName, stepName, steps)
	}
	return place{}, unknown("lesson", lessonName, names)
}

// current is where args say, or where the learner was last, or the first
// lesson of all.
func (a *app) current(args []string, progress *lessons.Progress) (place, error) {
	all, err := a.lessons()
	if err != nil {
		return place{}, err
	}
	if len(all) == 0 {
		return place{}, errors.New("there are no lessons in this program")
	}
	if len(args) > 0 {
		return find(all, args[0])
	}
	last, entered := all[0], time.Time{}
	for _, l := range all {
		if p := progress.Lesson(l.Name()); p.Entered.After(entered) {
			last, entered = l, p.Entered
		}
	}
	return place{lesson: last}, nil
}

// progress opens the learner's progress on this cluster. A damaged file is
// said and set aside; work goes on with an empty one.
func (a *app) progress(cmd *cobra.Command) (*lessons.Progress, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	return a.progressOn(cmd, home.Name())
}

// progressOn opens the learner's progress on a cluster.
func (a *app) progressOn(cmd *cobra.Command, name string) (*lessons.Progress, error) {
	p, err := lessons.OpenProgress(filepath.Join(a.state, "progress", name+".json"), time.Now())
	var damaged *lessons.DamagedError
	if errors.As(err, &damaged) {
		fmt.Fprintln(cmd.ErrOrStderr(), "k8stutor: "+damaged.Error())
		return p, nil
	}
	return p, err
}

// completePlace completes LESSON and LESSON/STEP on the command line.
func (a *app) completePlace(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	all, err := a.lessons()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, l := range all {
		out = append(out, l.Name())
		if strings.HasPrefix(typed, l.Name()+"/") {
			for _, s := range l.Steps {
				out = append(out, l.Name()+"/"+s.ID)
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// atMostOnePlace checks the arguments of commands that take LESSON[/STEP].
func atMostOnePlace(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("`%s` takes one lesson or lesson/step, but got %d", cmd.CommandPath(), len(args))
	}
	return nil
}

// seedFlag lets a command choose the case of a step that has cases.
func seedFlag(c *cobra.Command) {
	c.Flags().Int("seed", 0, "of a step with cases: which one; the same seed is the same case for everybody (default: a random one)")
}

// seedOf reads the flag, which needs a step with cases.
func seedOf(cmd *cobra.Command, at place) (int, error) {
	if f := cmd.Flags().Lookup("seed"); f == nil || !f.Changed {
		return 0, nil
	}
	seed, _ := cmd.Flags().GetInt("seed")
	switch {
	case seed < 1:
		return 0, usagef("--seed %d: wanted a whole number from 1 on", seed)
	case at.step == nil:
		return 0, usagef("--seed %d: name the step that draws a case, LESSON/STEP", seed)
	case len(at.step.Cases) == 0:
		return 0, usagef("--seed %d: %s has no cases to draw from", seed, at)
	}
	return seed, nil
}

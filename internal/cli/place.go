package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
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

// current is what the name says, or where the learner was last, or the first
// lesson of all.
func (a *app) current(name string, progress *lessons.Progress) (place, error) {
	all, err := a.lessons()
	if err != nil {
		return place{}, err
	}
	if len(all) == 0 {
		return place{}, errors.New("there are no lessons in this program")
	}
	if name != "" {
		return find(all, name)
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
// reported and moved aside; an empty one takes its place.
func (a *app) progress() (*lessons.Progress, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	return a.progressOn(home.Name())
}

// progressOn opens the learner's progress on a cluster.
func (a *app) progressOn(name string) (*lessons.Progress, error) {
	p, err := lessons.OpenProgress(filepath.Join(a.state, "progress", name+".json"), time.Now())
	var damaged *lessons.DamagedError
	if errors.As(err, &damaged) {
		fmt.Fprintln(a.io.ErrOut, "k8stutor: "+damaged.Error())
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
		return usagef("`%s` takes one lesson or lesson/step but got %d", cmd.CommandPath(), len(args))
	}
	return nil
}

// placeFlags are what a command is told about the place to go to.
type placeFlags struct {
	name  string // LESSON or LESSON/STEP; empty: where the learner was
	seed  int    // of the case of a step
	drawn bool   // a seed was given
}

// seedFlag lets a command choose the case of a step that has cases.
func (p *placeFlags) seedFlag(c *cobra.Command) {
	c.Flags().IntVar(&p.seed, "seed", 0, "which case of a step to draw; a seed draws the same case for everybody (default: a random seed)")
}

// read takes what was given on the command line.
func (p *placeFlags) read(cmd *cobra.Command, args []string) {
	if len(args) > 0 {
		p.name = args[0]
	}
	p.drawn = cmd.Flags().Changed("seed")
}

// seedAt is the seed for the place, which needs a step with cases; 0 when none
// was given.
func (p *placeFlags) seedAt(at place) (int, error) {
	switch {
	case !p.drawn:
		return 0, nil
	case p.seed < 1:
		return 0, usagef("--seed %d: use a whole number of 1 or more", p.seed)
	case at.step == nil:
		return 0, usagef("--seed %d: name a step that draws a case, as LESSON/STEP", p.seed)
	case len(at.step.Cases) == 0:
		return 0, usagef("--seed %d: %s has no cases to draw from", p.seed, at)
	}
	return p.seed, nil
}

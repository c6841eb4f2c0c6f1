package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/content"
)

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

func (a *app) lang() (string, error) {
	asked := a.v.GetString("lang")
	if last := a.lastChoice().Lang; asked == "" && slices.Contains(lessons.Languages(), last) {
		asked = last
	}
	return lessonLanguage(asked, lessons.Languages(), os.Getenv)
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

// openLesson opens the lesson's namespace and begins the session, at the step
// that is named or else where the learner was. Entering another step than the cluster is at empties the
// namespace; with stay that is an error instead.
func (a *app) openLesson(ctx context.Context, o *opened, access cluster.Access, stay bool) (*lesson, error) {
	kubectl, err := linkKubectl(a.state)
	if err != nil {
		return nil, err
	}
	l := &lesson{
		lesson: o.at.lesson, lang: o.lang,
		kubeconfig: filepath.Join(o.home.Dir(), o.at.lesson.Namespace()+".kubeconfig"),
		path:       withKubectl(os.Getenv("PATH"), kubectl),
	}
	// Scripts of lessons get the built-in kubectl, whatever the learner has:
	// they were proved with it.
	space, err := cluster.OpenSpace(ctx, access, o.at.lesson.Namespace(), cluster.SpaceOptions{
		Kubeconfig: l.kubeconfig,
		Path:       kubectl + string(os.PathListSeparator) + os.Getenv("PATH"),
	})
	if err != nil {
		return nil, fmt.Errorf("open the lesson's namespace: %w", err)
	}
	options := lessons.SessionOptions{Lesson: o.at.lesson, World: space, Lang: o.lang, Progress: o.progress}
	if o.at.step != nil {
		entered, err := space.Entered(ctx)
		if err != nil {
			return nil, err
		}
		// The step that the cluster is at is resumed, not begun anew, unless
		// another case of it is asked for.
		id, seed := lessons.Entered(entered)
		if id != o.at.step.ID || o.seed > 0 && o.seed != seed {
			if stay {
				return nil, fmt.Errorf("the cluster is at %s, not at %s: `k8stutor reset %s` goes there (it empties the namespace %s)", stepOrNone(o.at.lesson, id), o.at, o.at, space.Namespace())
			}
			options.Step, options.Seed = o.at.step.ID, o.seed
		}
	}
	if l.session, err = lessons.StartSession(ctx, options); err != nil {
		return nil, err
	}
	if l.dir, err = a.shellDir(l); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

// liveLesson bundles a session with the settings of its shell.
type liveLesson struct {
	lesson     *lessons.Lesson
	session    *lessons.Session
	lang       string
	kubeconfig string // points to the lesson's namespace
	path       string // PATH for the learner's shell
	dir        string // where that shell begins

	// latest is the newest Update that await has read. The screen reads the
	// session's updates itself.
	latest lessons.Update
}

// openLesson opens the lesson's namespace and begins the session, at the step
// that is named or else where the learner was. Entering another step than the cluster is at empties the
// namespace; with stay that is an error instead.
func (a *app) openLesson(ctx context.Context, o *claim, access cluster.Access, stay bool) (*liveLesson, error) {
	kubectl, err := linkKubectl(a.state)
	if err != nil {
		return nil, err
	}
	l := &liveLesson{
		lesson: o.at.lesson, lang: o.lang,
		kubeconfig: filepath.Join(o.home.Dir(), o.at.lesson.Namespace()+".kubeconfig"),
		path:       withKubectl(os.Getenv("PATH"), kubectl),
	}
	// Scripts of lessons get the built-in kubectl, whatever the learner has:
	// they were proved with it.
	ports, err := a.providers.Ports(access)
	if err != nil {
		return nil, err
	}
	opened, err := space.Open(ctx, access, o.at.lesson.Namespace(), space.Options{
		Kubeconfig: l.kubeconfig,
		Path:       kubectl + string(os.PathListSeparator) + os.Getenv("PATH"),
		Ports:      ports,
	})
	if err != nil {
		return nil, fmt.Errorf("open the lesson's namespace: %w", err)
	}
	options := lessons.SessionOptions{Lesson: o.at.lesson, Environment: opened, Lang: o.lang, Progress: o.progress}
	if o.at.step != nil {
		entered, err := opened.Entered(ctx)
		if err != nil {
			return nil, err
		}
		// The step that the cluster is at is resumed, not started over, unless
		// another case of it is asked for.
		id, seed := lessons.Entered(entered)
		if id != o.at.step.ID || o.seed > 0 && o.seed != seed {
			if stay {
				return nil, fmt.Errorf("the cluster is at %s, not at %s: `k8stutor reset %s` goes there (it empties the namespace %s)", stepOrNone(o.at.lesson, id), o.at, o.at, opened.Namespace())
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

// await reads updates until one is as wanted. A step whose beginning could not
// be made is an error.
func (l *liveLesson) await(ctx context.Context, wanted func(lessons.Update) bool) error {
	for {
		select {
		case u, ok := <-l.session.Updates():
			if !ok {
				return errors.New("the lesson has ended")
			}
			l.latest = u
			if !wanted(u) {
				continue
			}
			if u.State == lessons.StateFailed {
				return fmt.Errorf("step %s/%s cannot begin: %s", u.Lesson, u.Step, u.Detail)
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitTurn waits until it is the learner's turn, in the entry of a step with
// this number or a later one.
func (l *liveLesson) awaitTurn(ctx context.Context, entry int) error {
	return l.await(ctx, func(u lessons.Update) bool { return u.Entry >= entry && u.State != lessons.StateSetup })
}

// outcomeOf is an Update's outcome with what else the learner must know.
func outcomeOf(u lessons.Update) lessons.Outcome {
	o := u.Outcome
	if o.Problem == "" {
		o.Problem = u.Warning
	}
	return o
}

// Close ends the session. The cluster stays as it is.
func (l *liveLesson) Close() { l.session.Close() }

func stepOrNone(l *lessons.Lesson, step string) string {
	if step == "" {
		return "no step of lesson " + l.Name()
	}
	return l.Name() + "/" + step
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/k8stutor/k8stutor/lessons"
)

// lesson is a session with what a shell for it needs.
type lesson struct {
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

// await reads updates until one is as wanted. A step whose beginning could not
// be made is an error.
func (l *lesson) await(ctx context.Context, wanted func(lessons.Update) bool) error {
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
			if u.Phase == lessons.PhaseFailed {
				return fmt.Errorf("step %s/%s can't begin: %s", u.Lesson, u.Step, u.Detail)
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitTurn waits until it is the learner's turn, in the entry of a step with
// this number or a later one.
func (l *lesson) awaitTurn(ctx context.Context, entry int) error {
	return l.await(ctx, func(u lessons.Update) bool { return u.Entry >= entry && u.Phase != lessons.PhaseSetup })
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
func (l *lesson) Close() { l.session.Close() }

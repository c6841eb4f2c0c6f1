package harness

import (
	"context"
	"time"

	"github.com/k8stutor/k8stutor/lessons"
)

// scriptPatience is how long a script may run: solutions wait for rollouts.
const scriptPatience = 3 * time.Minute

// tryIn does the things one after the other until one fails.
func tryIn(things ...func() error) error {
	for _, do := range things {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// beginning is what holds when the step has begun. A step that begins with
// something broken never comes to the rest that is waited for by default.
func beginning(step *lessons.Step) lessons.Expr {
	if step.Setup != nil && !step.Setup.Until.IsZero() {
		return step.Setup.Until
	}
	if step.Start != nil {
		return step.Start.Until
	}
	return lessons.Expr{}
}

func (r *run) untouched(ctx context.Context, step *lessons.Step) {
	r.result(step, Untouched, "", tryIn(
		func() error { return r.start(ctx, step) },
		func() error { return r.notMet(ctx, beginning(step), "") },
	))
}

func (r *run) mutant(ctx context.Context, step *lessons.Step, m lessons.Mutant) {
	r.result(step, Mutant, m.Name, tryIn(
		func() error { return r.start(ctx, step) },
		func() error { return r.script(ctx, m.Script, scriptPatience) },
		func() error { return r.notMet(ctx, m.Until, m.CaughtBy) },
	))
}

func (r *run) alternative(ctx context.Context, step *lessons.Step, a lessons.Script) {
	r.result(step, Alternative, a.Name, tryIn(
		func() error { return r.start(ctx, step) },
		func() error { return r.script(ctx, a.Script, scriptPatience) },
		func() error { return r.met(ctx, step) },
	))
}

// solution shows that the step is met, that a reset takes that back, and that
// it can be met again.
func (r *run) solution(ctx context.Context, step *lessons.Step) {
	ok := r.result(step, Solution, "", tryIn(
		func() error { return r.start(ctx, step) },
		func() error { return r.script(ctx, step.Solution, scriptPatience) },
		func() error { return r.met(ctx, step) },
	))
	if !ok {
		return
	}
	ok = r.result(step, Reset, "", tryIn(
		func() error { r.session.Reset(); return nil },
		func() error {
			// The update of the moment before the reset may still be on its way.
			return r.await(ctx, startPatience, func(u lessons.Update) bool { return u.Phase == lessons.PhaseSetup })
		},
		func() error { return r.active(ctx, step) },
		func() error { return r.notMet(ctx, beginning(step), "") },
	))
	if !ok {
		return
	}
	r.result(step, Again, "", tryIn(
		func() error { return r.script(ctx, step.Solution, scriptPatience) },
		func() error { return r.met(ctx, step) },
	))
}

// walk goes through the lesson as a learner does.
func walk(ctx context.Context, r *run) {
	for i, step := range r.options.Lesson.Steps {
		ok := r.result(step, Walk, "", tryIn(
			func() error {
				if i == 0 {
					return r.start(ctx, step)
				}
				r.session.Next()
				return r.active(ctx, step)
			},
			func() error { return r.script(ctx, step.Solution, scriptPatience) },
			func() error { return r.met(ctx, step) },
		))
		if !ok {
			return
		}
	}
}

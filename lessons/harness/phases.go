package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	for _, setup := range step.Setups() {
		if !setup.Until.IsZero() {
			return setup.Until
		}
	}
	return lessons.Expr{}
}

func (r *run) mutant(ctx context.Context, step *lessons.Step, m lessons.Mutant) {
	ok := r.result(step, Mutant, m.Name, tryIn(
		func() error { return r.start(ctx, step) },
		func() error { return r.script(ctx, m.Script, scriptPatience) },
		func() error { return r.notMet(ctx, m.Until, m.CaughtBy) },
	))
	r.keep(ok, step, Mutant, m.Name)
}

func (r *run) alternative(ctx context.Context, step *lessons.Step, a lessons.Script) {
	ok := r.result(step, Alternative, a.Name, tryIn(
		func() error { return r.start(ctx, step) },
		func() error { return r.script(ctx, a.Script, scriptPatience) },
		func() error { return r.met(ctx, step) },
	))
	r.keep(ok, step, Alternative, a.Name)
}

// solution shows that the step is not met untouched, that the solution meets
// it, that a reset takes that back and leaves nothing, and that it can be met
// again.
func (r *run) solution(ctx context.Context, step *lessons.Step) {
	var before []string
	ok := r.result(step, Untouched, "", tryIn(
		func() error { return r.start(ctx, step) },
		func() error { return r.notMet(ctx, beginning(step), "") },
		func() (err error) { before, err = r.space.Inventory(ctx); return err },
	))
	if !ok {
		return
	}
	ok = r.result(step, Solution, "", tryIn(
		func() error { return r.script(ctx, step.Solution, scriptPatience) },
		func() error { return r.met(ctx, step) },
	))
	r.keep(ok, step, Solution, "")
	if !ok {
		return
	}
	ok = r.result(step, Reset, "", tryIn(
		func() error { return r.reset(ctx, step) },
		func() error { return r.notMet(ctx, beginning(step), "") },
		func() error { return r.nothingLeft(ctx, before) },
	))
	if !ok {
		return
	}
	r.result(step, Again, "", tryIn(
		func() error { return r.script(ctx, step.Solution, scriptPatience) },
		func() error { return r.met(ctx, step) },
	))
}

func (r *run) reset(ctx context.Context, step *lessons.Step) error {
	defer r.spend(&r.timing.Begin)()
	r.session.Reset()
	// The update of the moment before the reset may still be on its way.
	if err := r.await(ctx, startPatience, func(u lessons.Update) bool { return u.State == lessons.StateSetup }); err != nil {
		return err
	}
	return r.active(ctx, step)
}

// nothingLeft compares the namespace after a reset with how the step began.
func (r *run) nothingLeft(ctx context.Context, before []string) error {
	after, err := r.space.Inventory(ctx)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(after, func(s string) bool { return slices.Contains(before, s) })
	if len(left) > 0 {
		return fmt.Errorf("the reset left behind: %s", strings.Join(left, ", "))
	}
	return nil
}

// walk goes through the lesson as a learner does.
func walk(ctx context.Context, r *run) {
	for i, step := range r.unit.lesson.Steps {
		drawn := step.Variants()[0]
		if !slices.ContainsFunc(r.unit.lesson.Steps[i:], func(s *lessons.Step) bool { return s.Exclusive }) {
			r.share()
		}
		ok := r.result(drawn, Walk, "", tryIn(
			func() error {
				if i == 0 {
					return r.start(ctx, drawn)
				}
				return r.next(ctx, drawn)
			},
			func() error { return r.script(ctx, drawn.Solution, scriptPatience) },
			func() error { return r.met(ctx, drawn) },
		))
		if !ok {
			return
		}
	}
}

func (r *run) next(ctx context.Context, step *lessons.Step) error {
	defer r.spend(&r.timing.Begin)()
	if seed := step.SeedOf(); seed > 0 {
		if err := r.session.Draw(step.ID, seed); err != nil {
			return err
		}
	} else {
		r.session.Next()
	}
	return r.active(ctx, step)
}

// keep hands the recording so far on.
func (r *run) keep(ok bool, step *lessons.Step, proof Proof, name string) {
	if !ok || r.tape == nil {
		return
	}
	trace, err := lessons.ReadTrace(r.tape.copy())
	if err != nil {
		r.result(step, proof, name, fmt.Errorf("the recording is damaged: %w", err))
		return
	}
	r.record(lessons.Recording{
		Lesson: r.unit.lesson.Name(), Step: step.ID, Case: step.CaseName(), Proof: string(proof), Name: name,
		Namespace: r.space.Namespace(), Trace: trace,
	})
}

// script runs a script and gives its answers. Its failing is a lateError.
func (r *run) script(ctx context.Context, text string, patience time.Duration) error {
	defer r.spend(&r.timing.Script)()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := r.space.Script(ctx, r.session.Dir(), text)
	if err != nil {
		// Scripts wait as well, and say how long at most. One that is wrong
		// fails at a second try, too.
		return lateError{err}
	}
	// An answer may tick the step at once: what the script did has to be seen
	// before, in its order.
	if len(result.Answers) > 0 {
		if err := r.session.CatchUp(ctx, patience); err != nil {
			return err
		}
	}
	for _, a := range result.Answers {
		r.session.Answer(a.Check, a.Value)
	}
	return nil
}

// notMet waits until the cluster has settled and returns an error when the step
// is met then, or when caughtBy is not among the missing checks.
func (r *run) notMet(ctx context.Context, until lessons.Expr, caughtBy string) error {
	defer r.spend(&r.timing.Judge)()
	settled := make(chan error, 1)
	go func() { settled <- r.session.AwaitSettled(ctx, until, settlePatience) }()
	for done := false; !done; {
		select {
		case u, ok := <-r.session.Updates():
			if !ok {
				return errors.New("the session has ended")
			}
			r.latest = u
		case err := <-settled:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil && !until.IsZero() {
				return lateError{fmt.Errorf("until never held (%s)", oneLine(until.Text))}
			}
			done = true
		}
	}
	// What the last change did is published by now, or is just being.
	_ = r.await(ctx, 200*time.Millisecond, func(u lessons.Update) bool { return u.Outcome.Met })
	if r.latest.Outcome.Met {
		return errors.New("the step is met but must not be")
	}
	if caughtBy == "" {
		return nil
	}
	for _, c := range r.latest.Outcome.Checks {
		if c.ID == caughtBy && c.Verdict == lessons.Met {
			return fmt.Errorf("check %s should catch this but is met; not met: %s", caughtBy, missing(r.latest.Outcome))
		}
	}
	return nil
}

// met waits until the step is met.
func (r *run) met(ctx context.Context, step *lessons.Step) error {
	defer r.spend(&r.timing.Judge)()
	if r.latest.Step == step.ID && r.latest.Outcome.Met {
		return nil
	}
	err := r.await(ctx, step.Timeout, func(u lessons.Update) bool { return u.Step == step.ID && u.Outcome.Met })
	if err != nil {
		return fmt.Errorf("not met: %w; missing: %s", err, missing(r.latest.Outcome))
	}
	return nil
}

// missing lists the checks that are not met, and why.
func missing(o lessons.Outcome) string {
	var out []string
	for _, c := range o.Checks {
		if c.Verdict != lessons.Met {
			out = append(out, fmt.Sprintf("%s %s (%s)", c.ID, c.Verdict, strings.Join(c.Why, " ")))
		}
	}
	if o.Problem != "" {
		out = append(out, o.Problem)
	}
	return strings.Join(out, "; ")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Package harness proves lessons on a live cluster: a step that nobody touched
// is not met, each near miss is caught by the check that it names, every
// solution is met, and a reset step can be met again. It drives the same
// Session that a learner has.
package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/k8stutor/k8stutor/lessons"
)

// Space is a namespace of its own on the cluster; *cluster.Space is one.
type Space interface {
	lessons.World
	Delete(ctx context.Context) error
}

// Phase names what a Result is about.
type Phase string

// Phases of the test of a step, and the walk through a whole lesson.
const (
	Untouched   Phase = "untouched"
	Mutant      Phase = "mutant"
	Solution    Phase = "solution"
	Reset       Phase = "reset"
	Again       Phase = "solution again"
	Alternative Phase = "alternative"
	Walk        Phase = "walk"
)

// Result is one thing that was to be shown.
type Result struct {
	Lesson string        `json:"lesson"`
	Step   string        `json:"step"`
	Phase  Phase         `json:"phase"`
	Name   string        `json:"name,omitempty"` // of a mutant or an alternative
	OK     bool          `json:"ok"`
	Detail string        `json:"detail,omitempty"` // what is wrong
	Took   time.Duration `json:"took"`             // nanoseconds

	order int
}

// Options say what is tested and how.
type Options struct {
	Lesson *lessons.Lesson
	Step   string // only this one; empty is all steps and the walk
	// Parallel is how many namespaces are in use at once; 0 is 4.
	Parallel int
	// Open makes the namespace. It is called from several goroutines.
	Open func(ctx context.Context, namespace string) (Space, error)
	// Suffix makes the namespaces of this run different from others'.
	Suffix string
	// Report is told of each result as it comes, one at a time; may be nil.
	Report func(Result)
	// Record opens a trace for a test by its name; may be nil.
	Record func(name string) (io.WriteCloser, error)
}

// settlePatience is how long a mutant's cluster may take to come to rest before
// it is judged as it is.
const settlePatience = 90 * time.Second

// startPatience is how long the beginning of a step may take.
const startPatience = 4 * time.Minute

// unit is what happens one after the other in one namespace.
type unit struct {
	name string
	run  func(ctx context.Context, r *run)
}

// Run tests and returns all results in the lesson's order. The error is one of
// the harness or the cluster; a lesson that is wrong shows in the results.
func Run(ctx context.Context, o Options) ([]Result, error) {
	if o.Step != "" && o.Lesson.Step(o.Step) == nil {
		return nil, fmt.Errorf("lesson %s has no step %q", o.Lesson.Name(), o.Step)
	}
	var units []unit
	for _, step := range o.Lesson.Steps {
		if o.Step == "" || o.Step == step.ID {
			units = append(units, stepUnits(step)...)
		}
	}
	if o.Step == "" {
		units = append([]unit{{"walk", walk}}, units...)
	}
	var mu sync.Mutex
	var results []Result
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(o.Parallel, 4))
	// The namespace controller waits 5 s before it removes a namespace; the
	// next test need not wait with it.
	var leaving errgroup.Group
	leaving.SetLimit(3 * cmp.Or(o.Parallel, 4))
	for i, u := range units {
		group.Go(func() error {
			r := &run{options: o, unit: u, report: func(result Result) {
				mu.Lock()
				defer mu.Unlock()
				result.order = i
				results = append(results, result)
				if o.Report != nil {
					o.Report(result)
				}
			}}
			err := r.inSpace(ctx, fmt.Sprintf("%s-%s%d", o.Lesson.Namespace(), o.Suffix, i))
			if r.space != nil {
				leaving.Go(func() error { return r.leave(ctx) })
			}
			return err
		})
	}
	err := group.Wait()
	err = errors.Join(err, leaving.Wait())
	slices.SortStableFunc(results, func(a, b Result) int { return cmp.Compare(a.order, b.order) })
	return results, err
}

// Failed counts the results that are not as they should be.
func Failed(results []Result) int {
	n := 0
	for _, r := range results {
		if !r.OK {
			n++
		}
	}
	return n
}

func stepUnits(step *lessons.Step) []unit {
	units := []unit{
		{step.ID + "-untouched", func(ctx context.Context, r *run) { r.untouched(ctx, step) }},
		{step.ID + "-solution", func(ctx context.Context, r *run) { r.solution(ctx, step) }},
	}
	for i, m := range step.Mutants {
		units = append(units, unit{fmt.Sprintf("%s-mutant-%d", step.ID, i+1), func(ctx context.Context, r *run) { r.mutant(ctx, step, m) }})
	}
	for i, a := range step.Alternatives {
		units = append(units, unit{fmt.Sprintf("%s-alternative-%d", step.ID, i+1), func(ctx context.Context, r *run) { r.alternative(ctx, step, a) }})
	}
	return units
}

// run is one unit under way.
type run struct {
	options Options
	unit    unit
	report  func(Result)
	space   Space
	session *lessons.Session
	record  io.Closer // of the trace, may be nil
	latest  lessons.Update
	began   time.Time
}

func (r *run) inSpace(ctx context.Context, namespace string) error {
	space, err := r.options.Open(ctx, namespace)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", namespace, err)
	}
	r.space = space
	r.unit.run(ctx, r)
	if r.session != nil {
		r.session.Close()
	}
	if r.record != nil {
		if err := r.record.Close(); err != nil {
			return fmt.Errorf("write the trace of %s: %w", r.unit.name, err)
		}
	}
	return context.Cause(ctx)
}

// leave removes the namespace, also when ctx has ended.
func (r *run) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	// First empty it: Pods go at once then, and with them the namespace.
	return errors.Join(r.space.Clear(ctx), r.space.Delete(ctx))
}

// start opens a session at a step and waits for the learner's turn.
func (r *run) start(ctx context.Context, step *lessons.Step) error {
	r.began = time.Now()
	options := lessons.SessionOptions{Lesson: r.options.Lesson, World: r.space, Step: step.ID}
	if r.options.Record != nil {
		w, err := r.options.Record(r.unit.name)
		if err != nil {
			return err
		}
		options.Record, r.record = w, w
	}
	var err error
	if r.session, err = lessons.StartSession(ctx, options); err != nil {
		return err
	}
	return r.active(ctx, step)
}

// active waits until it is the learner's turn at step.
func (r *run) active(ctx context.Context, step *lessons.Step) error {
	err := r.await(ctx, startPatience, func(u lessons.Update) bool {
		return u.Step == step.ID && u.Phase != lessons.PhaseSetup
	})
	switch {
	case err != nil:
		return fmt.Errorf("the step's beginning was not made: %w", err)
	case r.latest.Phase == lessons.PhaseFailed:
		return fmt.Errorf("the step's beginning was not made: %s", r.latest.Detail)
	}
	return nil
}

// await reads updates until one is as wanted.
func (r *run) await(ctx context.Context, patience time.Duration, wanted func(lessons.Update) bool) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case u, ok := <-r.session.Updates():
			if !ok {
				return errors.New("the session has ended")
			}
			r.latest = u
			if wanted(u) {
				return nil
			}
		case <-timeout.C:
			return fmt.Errorf("not within %s", patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// script runs a script and gives its answers.
func (r *run) script(ctx context.Context, text string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := r.space.Script(ctx, r.session.Dir(), text)
	if err != nil {
		return err
	}
	for _, a := range result.Answers {
		r.session.Answer(a.Check, a.Value)
	}
	return nil
}

// notMet waits until the cluster is at rest and says what is wrong with the
// step, which must not be met then; caughtBy must be among what is missing.
func (r *run) notMet(ctx context.Context, until lessons.Expr, caughtBy string) error {
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
				return fmt.Errorf("until never came to hold (%s)", oneLine(until.Text))
			}
			done = true
		}
	}
	// What the last change did is published by now, or is just being.
	_ = r.await(ctx, 200*time.Millisecond, func(u lessons.Update) bool { return u.Outcome.Met })
	if r.latest.Outcome.Met {
		return errors.New("the step is met, but must not be")
	}
	if caughtBy == "" {
		return nil
	}
	for _, c := range r.latest.Outcome.Checks {
		if c.ID == caughtBy && c.Verdict == lessons.Met {
			return fmt.Errorf("check %s is met, but should catch this; not met: %s", caughtBy, missing(r.latest.Outcome))
		}
	}
	return nil
}

// met waits until the step is met.
func (r *run) met(ctx context.Context, step *lessons.Step) error {
	if r.latest.Step == step.ID && r.latest.Outcome.Met {
		return nil
	}
	err := r.await(ctx, step.Timeout, func(u lessons.Update) bool { return u.Step == step.ID && u.Outcome.Met })
	if err != nil {
		return fmt.Errorf("%w met; missing: %s", err, missing(r.latest.Outcome))
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

// result reports; err nil is good. It reports whether it was.
func (r *run) result(step *lessons.Step, phase Phase, name string, err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	out := Result{Lesson: r.options.Lesson.Name(), Step: step.ID, Phase: phase, Name: name, OK: err == nil, Took: time.Since(r.began)}
	if err != nil {
		out.Detail = err.Error()
	}
	r.report(out)
	r.began = time.Now()
	return err == nil
}

// Package harness proves lessons on a live cluster: a step that nobody touched
// is not met, each near miss is caught by the check that it names, every
// solution is met, and a reset step can be met again. It drives the same
// Session that a learner has.
package harness

import (
	"bytes"
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

// Space is a namespace of its own on the cluster; *space.Space is one.
type Space interface {
	lessons.Environment
	Delete(ctx context.Context) error
	// Inventory lists what lies in the namespace, without what a controller
	// made; *space.Space.Inventory explains it.
	Inventory(ctx context.Context) ([]string, error)
}

// Proof names what a Result is about.
type Proof string

// Proofs of a step, the walk through a whole lesson, and what a
// run leaves behind.
const (
	Untouched   Proof = "untouched"
	Mutant      Proof = "mutant"
	Solution    Proof = "solution"
	Reset       Proof = "reset"
	Again       Proof = "solution again"
	Alternative Proof = "alternative"
	Walk        Proof = "walk"
	LeftBehind  Proof = "left behind"
)

// Result is one thing that was to be shown.
type Result struct {
	Lesson string `json:"lesson"`
	Step   string `json:"step"`
	Case   string `json:"case,omitempty"`
	Proof  Proof  `json:"phase"`
	Name   string `json:"name,omitempty"` // of a mutant or an alternative
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what is wrong
	// Late: it was not shown in time, while other tests had the machine too. It
	// is reported, but not counted: the whole unit is tried once more, alone.
	Late bool `json:"late,omitempty"`
	// Second: this is that second try.
	Second bool          `json:"second,omitempty"`
	Took   time.Duration `json:"took"` // nanoseconds
	Timing Timing        `json:"spent"`

	order int
}

// Timing tells where the time of a Result went, in nanoseconds.
type Timing struct {
	Open   time.Duration `json:"open"`   // the namespace
	Begin  time.Duration `json:"begin"`  // until it is the learner's turn: start, setup, settled
	Script time.Duration `json:"script"` // what a learner would type
	Judge  time.Duration `json:"judge"`  // until the verdict is there, or is final
}

// Selection is what is tested of a lesson.
type Selection struct {
	Lesson *lessons.Lesson
	Step   string // only this one; empty is all steps and the walk
	Case   string // only this case of the step
	Walk   bool   // only the walk
}

// Options say what is tested and how.
type Options struct {
	Select []Selection
	// Parallel is how many namespaces are in use at once; 0 is DefaultParallel.
	// Most of the time of a test is waiting for the cluster, not work.
	Parallel int
	// Open makes the namespace. It is called from several goroutines.
	Open func(ctx context.Context, namespace string) (Space, error)
	// Outside lists what lies outside the lessons' namespaces; may be nil.
	Outside func(ctx context.Context) ([]string, error)
	// Suffix makes the namespaces of this run different from others'.
	Suffix string
	// Report is told of each result as it comes, one at a time; may be nil.
	Report func(Result)
	// Record gets the recording of each proof, one at a time; may be nil.
	Record func(lessons.Recording)
}

// DefaultParallel is how many namespaces are in use at once, unless said
// otherwise. Much of a proof is waiting: with ten, two cores had nothing to do
// for a quarter of the time.
const DefaultParallel = 12

// settlePatience is how long a mutant's cluster may take to come to rest before
// it is judged as it is.
const settlePatience = 90 * time.Second

// startPatience is how long the beginning of a step may take.
const startPatience = 4 * time.Minute

// leavePatience is how long a namespace may take to go. As long as the API of
// an aggregated server, such as metrics-server's, is registered and does not
// answer, the namespace controller removes none; on a busy machine that was more
// than four minutes.
const leavePatience = 10 * time.Minute

// unit is what happens one after the other in one namespace.
type unit struct {
	lesson    *lessons.Lesson
	step      *lessons.Step // nil: the walk
	name      string
	exclusive bool
	weight    time.Duration // a guess at how long it takes
	run       func(ctx context.Context, r *run)
}

// Run tests and returns all results in the lessons' order. The error is one of
// the harness or the cluster; a lesson that is wrong shows in the results.
func Run(ctx context.Context, o Options) ([]Result, error) {
	var units []unit
	for _, s := range o.Select {
		found, err := s.units()
		if err != nil {
			return nil, err
		}
		units = append(units, found...)
	}
	before, err := o.outside(ctx)
	if err != nil {
		return nil, err
	}
	collect := &collector{options: o, recorded: map[string]bool{}}
	err = runAll(ctx, o, units, collect)
	if err == nil && o.Outside != nil {
		after, listErr := o.outside(ctx)
		if err = listErr; err == nil {
			collect.add(leftBehind(o.Select, before, after), len(units), false)
		}
	}
	slices.SortStableFunc(collect.results, func(a, b Result) int { return cmp.Compare(a.order, b.order) })
	return collect.results, err
}

// runAll runs the units side by side, as far as they may, and then alone those
// that were late.
func runAll(outer context.Context, o Options, units []unit, collect *collector) error {
	parallel := cmp.Or(o.Parallel, DefaultParallel)
	queue := newQueue(units)
	group, ctx := errgroup.WithContext(outer)
	// The namespace controller waits 5 s before it removes a namespace; the
	// next test need not wait with it.
	var leaving errgroup.Group
	leaving.SetLimit(3 * parallel)
	one := func(i int, namespace string, second bool) error {
		r := &run{
			options: o, unit: units[i], share: func() { queue.share(i) }, record: collect.record,
			report: func(result Result) { collect.add(result, i, second) },
		}
		err := r.inSpace(ctx, fmt.Sprintf("%s-%s", units[i].lesson.Namespace(), namespace))
		if r.space != nil {
			leaving.Go(func() error { return r.leave(ctx) })
		}
		return err
	}
	for range parallel {
		group.Go(func() error {
			for {
				i, ok := queue.next()
				if !ok {
					return nil
				}
				err := one(i, fmt.Sprintf("%s%d", o.Suffix, i), false)
				queue.done(i)
				if err != nil {
					queue.stop()
					return err
				}
			}
		})
	}
	err := errors.Join(group.Wait(), leaving.Wait())
	if err != nil {
		return err
	}
	ctx = outer
	for _, i := range collect.late() {
		if err := one(i, fmt.Sprintf("%s%d-second", o.Suffix, i), true); err != nil {
			return errors.Join(err, leaving.Wait())
		}
	}
	return leaving.Wait()
}

// maxLate is how many units are tried a second time. More than that is no bad
// luck: the machine is too slow for the lessons' patience, or they are wrong.
const maxLate = 20

// collector takes the results of several goroutines.
type collector struct {
	options Options

	mu       sync.Mutex
	results  []Result
	recorded map[string]bool
}

func (c *collector) add(r Result, order int, second bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.order, r.Second = order, second
	r.Late = r.Late && !second
	c.results = append(c.results, r)
	if c.options.Report != nil {
		c.options.Report(r)
	}
}

// late lists the units with a late result, and forgets all their results: the
// second try reports them again. When there are too many, they have failed.
func (c *collector) late() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var units []int
	for _, r := range c.results {
		if r.Late && !slices.Contains(units, r.order) {
			units = append(units, r.order)
		}
	}
	if len(units) > maxLate {
		for i := range c.results {
			c.results[i].Late = false
		}
		return nil
	}
	c.results = slices.DeleteFunc(c.results, func(r Result) bool { return slices.Contains(units, r.order) })
	return units
}

func (c *collector) record(r lessons.Recording) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := r.Lesson + "/" + r.Key()
	if c.recorded[key] {
		return // a second try; the first has shown this much
	}
	c.recorded[key] = true
	c.options.Record(r)
}

func (o Options) outside(ctx context.Context) ([]string, error) {
	if o.Outside == nil {
		return nil, nil
	}
	list, err := o.Outside(ctx)
	if err != nil {
		return nil, fmt.Errorf("list objects outside the lessons' namespaces: %w", err)
	}
	return list, nil
}

// leftBehind compares what was outside the lessons' namespaces before and
// after. What a lesson declares in touches, it may leave.
func leftBehind(selected []Selection, before, after []string) Result {
	r := Result{Proof: LeftBehind, OK: true}
	var names []string
	for _, s := range selected {
		names = append(names, s.Lesson.Name())
		for _, t := range s.Lesson.Touches {
			declared := func(entry string) bool { return strings.HasPrefix(entry, t.Namespace+"/"+t.Resource+"/") }
			before, after = slices.DeleteFunc(slices.Clone(before), declared), slices.DeleteFunc(slices.Clone(after), declared)
		}
	}
	r.Lesson = strings.Join(names, "+")
	var wrong []string
	for _, entry := range after {
		if !slices.Contains(before, entry) {
			wrong = append(wrong, "new: "+entry)
		}
	}
	for _, entry := range before {
		if !slices.Contains(after, entry) {
			wrong = append(wrong, "gone: "+entry)
		}
	}
	if len(wrong) > 0 {
		r.OK, r.Detail = false, "outside the lessons' namespaces, and not declared in touches:\n"+strings.Join(wrong, "\n")
	}
	return r
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

// Second counts the results that were as they should be at the second try only.
func Second(results []Result) int {
	n := 0
	for _, r := range results {
		if r.OK && r.Second {
			n++
		}
	}
	return n
}

func (s Selection) units() ([]unit, error) {
	if s.Step != "" && s.Lesson.Step(s.Step) == nil {
		return nil, fmt.Errorf("lesson %s has no step %q", s.Lesson.Name(), s.Step)
	}
	var units []unit
	if s.Step == "" {
		u := unit{lesson: s.Lesson, name: "walk", run: walk}
		for _, step := range s.Lesson.Steps {
			u.exclusive = u.exclusive || step.Exclusive
			u.weight += step.Timeout
		}
		units = append(units, u)
	}
	if s.Walk {
		return units, nil
	}
	for _, step := range s.Lesson.Steps {
		if s.Step != "" && s.Step != step.ID {
			continue
		}
		for _, variant := range step.Variants() {
			if s.Case == "" || s.Case == variant.CaseName() {
				units = append(units, stepUnits(s.Lesson, variant)...)
			}
		}
	}
	if len(units) == 0 {
		return nil, fmt.Errorf("step %s/%s has no case %q", s.Lesson.Name(), s.Step, s.Case)
	}
	return units, nil
}

func stepUnits(lesson *lessons.Lesson, step *lessons.Step) []unit {
	name := step.ID
	if c := step.CaseName(); c != "" {
		name += "-" + c
	}
	one := func(what string, weight time.Duration, run func(context.Context, *run)) unit {
		return unit{lesson: lesson, step: step, name: name + "-" + what, exclusive: step.Exclusive, weight: weight, run: run}
	}
	units := []unit{one("solution", 2*step.Timeout+time.Second, func(ctx context.Context, r *run) { r.solution(ctx, step) })}
	for i, m := range step.Mutants {
		units = append(units, one(fmt.Sprintf("mutant-%d", i+1), step.Timeout, func(ctx context.Context, r *run) { r.mutant(ctx, step, m) }))
	}
	for i, a := range step.Alternatives {
		units = append(units, one(fmt.Sprintf("alternative-%d", i+1), step.Timeout, func(ctx context.Context, r *run) { r.alternative(ctx, step, a) }))
	}
	return units
}

// run is one unit under way.
type run struct {
	options Options
	unit    unit
	report  func(Result)
	record  func(lessons.Recording)
	share   func() // what follows need not be alone
	space   Space
	session *lessons.Session
	tape    *tape // of the session, when it is recorded
	latest  lessons.Update
	began   time.Time
	timing  Timing
}

func (r *run) inSpace(ctx context.Context, namespace string) error {
	r.began = time.Now()
	space, err := r.options.Open(ctx, namespace)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", namespace, err)
	}
	r.space = space
	r.timing.Open = time.Since(r.began)
	r.unit.run(ctx, r)
	if r.session != nil {
		r.session.Close()
	}
	return context.Cause(ctx)
}

// leave removes the namespace, also when ctx has ended.
func (r *run) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leavePatience)
	defer cancel()
	return r.space.Delete(ctx)
}

// start opens a session at a step and waits for the learner's turn.
func (r *run) start(ctx context.Context, step *lessons.Step) error {
	defer r.spend(&r.timing.Begin)()
	options := lessons.SessionOptions{Lesson: r.unit.lesson, Environment: r.space, Step: step.ID, Seed: step.SeedOf()}
	if r.options.Record != nil {
		r.tape = &tape{}
		options.TraceTo = r.tape
	}
	var err error
	if r.session, err = lessons.StartSession(ctx, options); err != nil {
		return err
	}
	return r.active(ctx, step)
}

// spend adds the time until the returned function is called.
func (r *run) spend(to *time.Duration) func() {
	began := time.Now()
	return func() { *to += time.Since(began) }
}

// active waits until it is the learner's turn at step.
func (r *run) active(ctx context.Context, step *lessons.Step) error {
	err := r.await(ctx, startPatience, func(u lessons.Update) bool {
		return u.Step == step.ID && u.State != lessons.StateSetup
	})
	switch {
	case err != nil:
		return fmt.Errorf("set up the step: %w", err)
	case r.latest.State == lessons.StateFailed:
		// It has a time of its own to settle. What is wrong with it is wrong at a
		// second try as well.
		return lateError{fmt.Errorf("set up the step: %s", r.latest.Detail)}
	}
	return nil
}

// lateError marks a failure that a slow machine may have caused. Any other
// failure, such as a step that is met and must not be, does not depend on speed.
type lateError struct{ error }

func (l lateError) Unwrap() error { return l.error }

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
			return lateError{fmt.Errorf("timed out after %s", patience)}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tape holds a trace while it is being written. Each write is a whole line. It
// is safe for concurrent use.
type tape struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (t *tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.Write(p)
}

// copy is what was written so far.
func (t *tape) copy() io.Reader {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.NewReader(bytes.Clone(t.all.Bytes()))
}

// result reports; err nil is good. It reports whether it was.
func (r *run) result(step *lessons.Step, proof Proof, name string, err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	out := Result{
		Lesson: r.unit.lesson.Name(), Step: step.ID, Case: step.CaseName(), Proof: proof, Name: name, OK: err == nil,
		Took: time.Since(r.began), Timing: r.timing,
	}
	if err != nil {
		out.Detail = err.Error()
		_, out.Late = errors.AsType[lateError](err)
	}
	r.report(out)
	r.began, r.timing = time.Now(), Timing{}
	return err == nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/harness"
)

type lessonTestOptions struct {
	*app
	parallel int
	walk     bool
	traceTo  string // folder for recordings; empty: none
}

func newLessonTestCmd(a *app) *cobra.Command {
	o := &lessonTestOptions{app: a}
	c := &cobra.Command{
		Use:   "test [LESSON[/STEP[/CASE]] | DIR[/STEP[/CASE]]]...",
		Short: "Prove lessons on a live cluster: untouched, near misses, solutions, reset",
		Long: `Proves each step in a namespace of its own: untouched, the step is not met; no
near miss meets it, and the check that a near miss names catches it; the solution
meets it; after a reset the step is not met, nothing is left behind, and the
solution meets it again. Then runs all solutions in a row, as a learner would.`,
		ValidArgsFunction: a.completePlace,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	outputFlag(c)
	c.Flags().IntVar(&o.parallel, "parallel", harness.DefaultParallel, "how many namespaces to use at once")
	c.Flags().BoolVar(&o.walk, "walk", false, "only run all solutions in a row")
	c.Flags().StringVar(&o.traceTo, "record", "", "record what the engine saw to this folder, for tests that replay it")
	return c
}

func (o *lessonTestOptions) run(ctx context.Context, args []string) error {
	selected, err := o.toTest(args)
	if err != nil {
		return err
	}
	for i := range selected {
		if o.walk && selected[i].Step != "" {
			return usagef("--walk runs whole lessons, not single steps such as %s", selected[i].Step)
		}
		selected[i].Walk = o.walk
	}
	p, home, err := o.provider(ctx)
	if err != nil {
		return err
	}
	access, err := p.Up(ctx, phaseLines(o.io.ErrOut))
	if err != nil {
		return fmt.Errorf("cluster %q did not come up: %w", home.Name(), err)
	}
	began := time.Now()
	results, err := o.prove(ctx, access, selected)
	if err != nil {
		return err
	}
	return o.print(results, time.Since(began))
}

// prove runs the harness on the cluster, and keeps what is to be recorded, also
// when it is interrupted.
func (o *lessonTestOptions) prove(ctx context.Context, access cluster.Access, selected []harness.Selection) ([]harness.Result, error) {
	kubectl, err := linkKubectl(o.state)
	if err != nil {
		return nil, err
	}
	client, err := space.NewClient(access)
	if err != nil {
		return nil, err
	}
	ports, err := o.providers.Ports(access)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "k8stutor-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	recorded := map[string][]lessons.Recording{}
	options := harness.Options{
		Select: selected, Parallel: o.parallel, Suffix: "test",
		Open: func(ctx context.Context, ns string) (harness.Space, error) {
			return space.Open(ctx, access, ns, space.Options{
				Kubeconfig: filepath.Join(scratch, ns+".kubeconfig"),
				Path:       kubectl + string(os.PathListSeparator) + os.Getenv("PATH"),
				Ports:      ports,
			})
		},
		Outside: func(ctx context.Context) ([]string, error) { return client.Outside(ctx, lessons.NamespacePrefix) },
	}
	if !o.settings.json {
		options.Report = func(r harness.Result) { printResult(o.io.Out, r) }
	}
	if o.traceTo != "" {
		options.Record = func(r lessons.Recording) { recorded[r.Lesson] = append(recorded[r.Lesson], r) }
	}
	results, err := harness.Run(ctx, options)
	for _, s := range selected {
		if o.traceTo != "" {
			err = errors.Join(err, harness.SaveRecordings(o.traceTo, s.Lesson, recorded[s.Lesson.Name()]))
		}
	}
	return results, err
}

// print prints all results as JSON, or what they come to; each was printed
// when it came.
func (o *lessonTestOptions) print(results []harness.Result, took time.Duration) error {
	failed := harness.Failed(results)
	if o.settings.json {
		if err := writeJSON(o.io.Out, results); err != nil {
			return err
		}
	} else {
		printSpent(o.io.Out, results)
		fmt.Fprintf(o.io.Out, "%d passed (%d of them at the second try), %d failed, %.0f s\n",
			len(results)-failed, harness.Second(results), failed, took.Seconds())
	}
	if failed > 0 {
		return &exitError{exitFailed}
	}
	return nil
}

// toTest finds what is to be tested; without args all lessons.
func (a *app) toTest(args []string) ([]harness.Selection, error) {
	all, err := a.lessons()
	if len(args) == 0 {
		var out []harness.Selection
		for _, l := range all {
			out = append(out, harness.Selection{Lesson: l})
		}
		return out, err
	}
	var out []harness.Selection
	for _, arg := range args {
		s, found, dirErr := selectDir(arg)
		if dirErr != nil {
			return nil, dirErr
		}
		if !found {
			if err != nil {
				return nil, err // the built-in ones are damaged
			}
			lesson, rest, _ := strings.Cut(arg, "/")
			at, err := find(all, lesson)
			if err != nil {
				return nil, err
			}
			if s, err = selectStep(at.lesson, rest); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// selectDir reads DIR, DIR/STEP or DIR/STEP/CASE, where DIR holds a lesson.
func selectDir(arg string) (harness.Selection, bool, error) {
	dir, rest := filepath.Clean(arg), ""
	for range 3 {
		if _, err := os.Stat(filepath.Join(dir, "lesson.yaml")); err == nil {
			l, err := loadDir(dir)
			if err != nil {
				return harness.Selection{}, true, err
			}
			s, err := selectStep(l, rest)
			return s, true, err
		}
		rest = strings.TrimSuffix(filepath.Base(dir)+"/"+rest, "/")
		dir = filepath.Dir(dir)
	}
	return harness.Selection{}, false, nil
}

// selectStep reads STEP or STEP/CASE; empty is the whole lesson.
func selectStep(l *lessons.Lesson, name string) (harness.Selection, error) {
	s := harness.Selection{Lesson: l}
	if name == "" {
		return s, nil
	}
	var caseName string
	s.Step, caseName, _ = strings.Cut(name, "/")
	if _, err := find([]*lessons.Lesson{l}, l.Name()+"/"+s.Step); err != nil {
		return s, err
	}
	var names []string
	for _, v := range l.Step(s.Step).Variants() {
		names = append(names, v.CaseName())
	}
	if s.Case = caseName; caseName != "" && !slices.Contains(names, caseName) {
		return s, unknown("case of "+l.Name()+"/"+s.Step, caseName, names)
	}
	return s, nil
}

// printSpent says where the time went: the sum over all namespaces, which were
// in use side by side.
func printSpent(w io.Writer, results []harness.Result) {
	var all harness.Timing
	for _, r := range results {
		all.Open, all.Begin = all.Open+r.Timing.Open, all.Begin+r.Timing.Begin
		all.Script, all.Judge = all.Script+r.Timing.Script, all.Judge+r.Timing.Judge
	}
	fmt.Fprintf(w, "total time in all namespaces: opening %.0f s, beginning steps %.0f s, scripts %.0f s, verdicts %.0f s\n",
		all.Open.Seconds(), all.Begin.Seconds(), all.Script.Seconds(), all.Judge.Seconds())
}

func printResult(w io.Writer, r harness.Result) {
	mark := "✓"
	switch {
	case r.Late:
		mark = "…"
	case !r.OK:
		mark = "✗"
	}
	what := string(r.Proof)
	if r.Name != "" {
		what += ": " + r.Name
	}
	if r.Second {
		what += " (second try, alone)"
	}
	at := r.Lesson
	for _, part := range []string{r.Step, r.Case} {
		if part != "" {
			at += "/" + part
		}
	}
	fmt.Fprintf(w, "%s %-28s %-52s %6.1f s\n", mark, at, what, r.Took.Seconds())
	if !r.OK {
		fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(strings.TrimSpace(r.Detail), "\n", "\n    "))
	}
	if r.Late {
		fmt.Fprintln(w, "    will be retried once at the end, alone")
	}
}

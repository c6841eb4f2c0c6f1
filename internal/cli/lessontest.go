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

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/harness"
)

func (a *app) lessonTest() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [LESSON[/STEP[/CASE]] | DIR[/STEP[/CASE]]]...",
		Short: "Prove lessons on a live cluster: untouched, near misses, solutions, reset",
		Long: `For each step, each in a namespace of its own: untouched it is not met; each
near miss is not met and is caught by the check that it names; the solution is
met; after a reset it is not met and nothing is left behind, and the solution is
met again. Then all solutions in a row, as a learner goes.`,
		ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			selected, err := a.toTest(args)
			if err != nil {
				return err
			}
			walk, _ := cmd.Flags().GetBool("walk")
			for i := range selected {
				if walk && selected[i].Step != "" {
					return usagef("--walk goes through whole lessons, not through step %s", selected[i].Step)
				}
				selected[i].Walk = walk
			}
			return a.testLessons(cmd, selected)
		},
	}
	outputFlag(c)
	c.Flags().Int("parallel", harness.DefaultParallel, "how many namespaces are in use at once")
	c.Flags().Bool("walk", false, "only all solutions in a row")
	c.Flags().String("record", "", "keep what the engine saw in this folder, for tests that replay it")
	return c
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

func (a *app) testLessons(cmd *cobra.Command, selected []harness.Selection) error {
	ctx := cmd.Context()
	p, home, err := a.provider(cmd)
	if err != nil {
		return err
	}
	access, err := p.Up(ctx, phaseLines(cmd.ErrOrStderr()))
	if err != nil {
		return fmt.Errorf("cluster %q did not come up: %w", home.Name(), err)
	}
	kubectl, err := linkKubectl(a.state)
	if err != nil {
		return err
	}
	world, err := space.NewClient(access)
	if err != nil {
		return err
	}
	ports, err := a.providers.Ports(access)
	if err != nil {
		return err
	}
	output, _ := cmd.Flags().GetString("output")
	parallel, _ := cmd.Flags().GetInt("parallel")
	record, _ := cmd.Flags().GetString("record")
	scratch, err := os.MkdirTemp("", "k8stutor-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	began := time.Now()
	recorded := map[string][]lessons.Recording{}
	o := harness.Options{
		Select: selected, Parallel: parallel, Suffix: "test",
		Open: func(ctx context.Context, ns string) (harness.Space, error) {
			return space.Open(ctx, access, ns, space.Options{
				Kubeconfig: filepath.Join(scratch, ns+".kubeconfig"),
				Path:       kubectl + string(os.PathListSeparator) + os.Getenv("PATH"),
				Ports:      ports,
			})
		},
		Outside: func(ctx context.Context) ([]string, error) { return world.Outside(ctx, lessons.NamespacePrefix) },
	}
	if output == "text" {
		o.Report = func(r harness.Result) { printResult(cmd.OutOrStdout(), r) }
	}
	if record != "" {
		o.Record = func(r lessons.Recording) { recorded[r.Lesson] = append(recorded[r.Lesson], r) }
	}
	results, err := harness.Run(ctx, o)
	for _, s := range selected {
		if record != "" { // also what was recorded before an interruption
			err = errors.Join(err, harness.SaveRecordings(record, s.Lesson, recorded[s.Lesson.Name()]))
		}
	}
	if err != nil {
		return err
	}
	failed := harness.Failed(results)
	if output == "json" {
		if err := writeJSON(cmd.OutOrStdout(), results); err != nil {
			return err
		}
	} else {
		printSpent(cmd.OutOrStdout(), results)
		fmt.Fprintf(cmd.OutOrStdout(), "%d shown, %d of them at the second try, %d not as they should be, %.0f s\n",
			len(results)-failed, harness.Second(results), failed, time.Since(began).Seconds())
	}
	if failed > 0 {
		return &exitError{exitFailed}
	}
	return nil
}

// printSpent says where the time went: the sum over all namespaces, which were
// in use side by side.
func printSpent(w io.Writer, results []harness.Result) {
	var all harness.Spent
	for _, r := range results {
		all.Open, all.Begin = all.Open+r.Spent.Open, all.Begin+r.Spent.Begin
		all.Script, all.Judge = all.Script+r.Spent.Script, all.Judge+r.Spent.Judge
	}
	fmt.Fprintf(w, "time in all namespaces together: opened %.0f s, steps begun %.0f s, scripts %.0f s, verdicts %.0f s\n",
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
	what := string(r.Phase)
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
		fmt.Fprintln(w, "    to be tried once more at the end, alone")
	}
}

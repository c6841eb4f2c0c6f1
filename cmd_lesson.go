package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/lessons/harness"
)

func (a *app) lessonCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "lesson",
		Short: "For authors: lint and test lessons",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown("subcommand of lesson", args[0], commandNames(cmd))
			}
			return cmd.Help()
		},
	}
	c.AddCommand(a.lessonLint(), a.lessonTest())
	return c
}

func (a *app) lessonLint() *cobra.Command {
	return &cobra.Command{
		Use:   "lint [DIR...]",
		Short: "Read lessons strictly, without a cluster: every mistake with file, line and column",
		Long:  "Reads the lesson in each folder, or the built-in ones, and prints every mistake.\nWarnings do not fail.",
		RunE: func(cmd *cobra.Command, args []string) error {
			bad, n := false, 0
			show := func(err error) error {
				var problems lessons.Problems
				if !errors.As(err, &problems) {
					return err
				}
				for _, p := range problems {
					bad = bad || !p.Warning
					fmt.Fprintln(cmd.OutOrStdout(), p.Error())
				}
				return nil
			}
			check := func(l *lessons.Lesson) error {
				n++
				return show(lessons.Lint(l))
			}
			if len(args) == 0 {
				all, err := a.lessons()
				if err := show(err); err != nil {
					return err
				}
				for _, l := range all {
					if err := check(l); err != nil {
						return err
					}
				}
			}
			for _, dir := range args {
				l, err := loadDir(dir)
				if err := show(err); err != nil {
					return err
				}
				if l != nil {
					if err := check(l); err != nil {
						return err
					}
				}
			}
			if bad {
				return &exitError{exitFailed}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d lessons can be loaded\n", n)
			return nil
		},
	}
}

// loadDir loads the lesson in a folder of the file system. Its problems name
// files under dir.
func loadDir(dir string) (*lessons.Lesson, error) {
	clean := filepath.Clean(dir)
	if _, err := os.Stat(filepath.Join(clean, "lesson.yaml")); errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("%s holds no lesson.yaml: name the folder of a lesson", dir)
	}
	abs, err := filepath.Abs(clean)
	if err != nil {
		return nil, err
	}
	// Loaded by its folder's name, which must be the lesson's.
	l, err := lessons.Load(os.DirFS(filepath.Dir(abs)), filepath.Base(abs))
	var problems lessons.Problems
	if errors.As(err, &problems) {
		for i := range problems {
			problems[i].Pos.File = filepath.Join(filepath.Dir(clean), problems[i].Pos.File)
		}
		return nil, problems
	}
	return l, err
}

func (a *app) lessonTest() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [LESSON[/STEP] | DIR]",
		Short: "Prove lessons on a live cluster: untouched, near misses, solutions, reset",
		Long: `For each step, each in a namespace of its own: untouched it is not met; each
near miss is not met and is caught by the check that it names; the solution is
met; after a reset it is not met, and the solution is met again. Then all
solutions in a row, as a learner goes.`,
		Args:              atMostOnePlace,
		ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			all, step, err := a.toTest(args)
			if err != nil {
				return err
			}
			return a.testLessons(cmd, all, step)
		},
	}
	outputFlag(c)
	c.Flags().Int("parallel", 4, "how many namespaces are in use at once")
	c.Flags().String("record", "", "keep what the engine saw as traces in this folder")
	return c
}

// toTest is what args name: a built-in lesson or step, a folder, or all.
func (a *app) toTest(args []string) ([]*lessons.Lesson, string, error) {
	if len(args) > 0 {
		if _, err := os.Stat(filepath.Join(args[0], "lesson.yaml")); err == nil {
			l, err := loadDir(args[0])
			return []*lessons.Lesson{l}, "", err
		}
	}
	all, err := a.lessons()
	if err != nil || len(args) == 0 {
		return all, "", err
	}
	at, err := find(all, args[0])
	if err != nil {
		return nil, "", err
	}
	if at.step == nil {
		return []*lessons.Lesson{at.lesson}, "", nil
	}
	return []*lessons.Lesson{at.lesson}, at.step.ID, nil
}

func (a *app) testLessons(cmd *cobra.Command, all []*lessons.Lesson, step string) error {
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
	output, _ := cmd.Flags().GetString("output")
	parallel, _ := cmd.Flags().GetInt("parallel")
	record, _ := cmd.Flags().GetString("record")
	scratch, err := os.MkdirTemp("", "k8stutor-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	results := []harness.Result{}
	began := time.Now()
	for _, l := range all {
		o := harness.Options{
			Lesson: l, Step: step, Parallel: parallel, Suffix: "test",
			Open: func(ctx context.Context, ns string) (harness.Space, error) {
				return cluster.OpenSpace(ctx, access, ns, cluster.SpaceOptions{
					Kubeconfig: filepath.Join(scratch, ns+".kubeconfig"),
					Path:       kubectl + string(os.PathListSeparator) + os.Getenv("PATH"),
				})
			},
		}
		if output == "text" {
			o.Report = func(r harness.Result) { printResult(cmd.OutOrStdout(), r) }
		}
		if record != "" {
			o.Record = recorder(filepath.Join(record, l.Name()))
		}
		found, err := harness.Run(ctx, o)
		results = append(results, found...)
		if err != nil {
			return fmt.Errorf("lesson %s: %w", l.Name(), err)
		}
	}
	failed := harness.Failed(results)
	if output == "json" {
		if err := writeJSON(cmd.OutOrStdout(), results); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%d shown, %d not as they should be, %.0f s\n", len(results)-failed, failed, time.Since(began).Seconds())
	}
	if failed > 0 {
		return &exitError{exitFailed}
	}
	return nil
}

func recorder(dir string) func(string) (io.WriteCloser, error) {
	return func(name string) (io.WriteCloser, error) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		return os.Create(filepath.Join(dir, name+".jsonl"))
	}
}

func printResult(w io.Writer, r harness.Result) {
	mark := "✓"
	if !r.OK {
		mark = "✗"
	}
	what := string(r.Phase)
	if r.Name != "" {
		what += ": " + r.Name
	}
	fmt.Fprintf(w, "%s %-28s %-52s %6.1f s\n", mark, r.Lesson+"/"+r.Step, what, r.Took.Seconds())
	if !r.OK {
		fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(strings.TrimSpace(r.Detail), "\n", "\n    "))
	}
}

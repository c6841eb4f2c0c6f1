package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/lessons"
)

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

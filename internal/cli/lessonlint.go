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

func newLessonLintCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "lint [DIR...]",
		Short: "Check lessons without a cluster; print every mistake with file, line and column",
		Long:  "Checks the lesson in each folder, or the built-in lessons, and prints every\nmistake. Warnings do not count as failures.",
		RunE:  func(_ *cobra.Command, args []string) error { return a.lintLessons(args) },
	}
}

// lintLessons lints the lesson in each folder, or the built-in ones.
func (a *app) lintLessons(dirs []string) error {
	var all []*lessons.Lesson
	var problems lessons.Problems
	// found keeps the problems that err stands for; any other error is given back.
	found := func(err error) error {
		var more lessons.Problems
		if errors.As(err, &more) {
			problems = append(problems, more...)
			return nil
		}
		return err
	}
	if len(dirs) == 0 {
		builtIn, err := a.lessons()
		if err := found(err); err != nil {
			return err
		}
		all = builtIn
	}
	for _, dir := range dirs {
		l, err := loadDir(dir)
		if err := found(err); err != nil {
			return err
		}
		if l != nil {
			all = append(all, l)
		}
	}
	for _, l := range all {
		if err := found(lessons.Lint(l)); err != nil {
			return err
		}
	}
	bad := false
	for _, p := range problems {
		bad = bad || !p.Warning
		fmt.Fprintln(a.io.Out, p.Error())
	}
	if bad {
		return &exitError{exitFailed}
	}
	fmt.Fprintf(a.io.Out, "%d lessons are valid\n", len(all))
	return nil
}

// loadDir loads the lesson in a folder of the file system. Its problems name
// files under dir.
func loadDir(dir string) (*lessons.Lesson, error) {
	clean := filepath.Clean(dir)
	if _, err := os.Stat(filepath.Join(clean, "lesson.yaml")); errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("%s has no lesson.yaml: give the folder of a lesson", dir)
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

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func workingDir() string {
	if dir, err := os.Getwd(); err == nil {
		return dir
	}
	return "/"
}

// shellDir is where the learner's shell begins: in a folder that holds the
// files a lesson gives out, or where k8stutor was started when it gives none.
func (a *app) shellDir(l *liveLesson) (string, error) {
	given := filepath.Join(l.session.Dir(), "files")
	if _, err := os.Stat(given); errors.Is(err, fs.ErrNotExist) {
		return workingDir(), nil
	}
	dir := filepath.Join(a.state, "work", l.lesson.Name())
	if err := layOut(os.DirFS(given), dir); err != nil {
		return "", fmt.Errorf("lay out the lesson's files in %s: %w", dir, err)
	}
	return dir, nil
}

// layOut copies the files to dir. What is there already stays as it is: the
// learner may have changed it.
func layOut(files fs.FS, dir string) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = out.Write(data)
		return errors.Join(err, out.Close())
	})
}

// enter is the line with which a shell of the learner's own goes to the
// lesson's files; "" when there are none.
func (l *liveLesson) enter() string {
	if l.dir == workingDir() {
		return ""
	}
	return "\n  cd " + l.dir
}

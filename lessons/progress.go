package lessons

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2/maybe"
)

// progressVersion is the version of the file's format.
const progressVersion = 1

// Progress is how far a learner has come. It is written to its file at every
// change, in one piece; safe for concurrent use.
type Progress struct {
	path string

	mu   sync.Mutex
	data progressFile
}

type progressFile struct {
	Version int                       `json:"version"`
	Lessons map[string]LessonProgress `json:"lessons"`
}

// LessonProgress is the progress of one lesson.
type LessonProgress struct {
	Step    string                  `json:"step,omitempty"` // the one last entered
	Entered time.Time               `json:"entered,omitzero"`
	Steps   map[string]StepProgress `json:"steps,omitempty"`
}

// StepProgress is the progress of one step.
type StepProgress struct {
	Met   time.Time `json:"met,omitzero"` // zero while it is not met
	Hints int       `json:"hints,omitempty"`
	// Of a step with cases: the seed last drawn, and which were ever solved.
	Seed   int      `json:"seed,omitempty"`
	Solved []string `json:"solved,omitempty"`
}

// DamagedError reports a progress file that could not be read and where it was
// moved. The Progress returned with it is empty and usable.
type DamagedError struct {
	Path, Aside string
	Err         error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("cannot read the progress file %s (%v); it was moved to %s, and progress starts over", e.Path, e.Err, e.Aside)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// OpenProgress reads the file at path; one that does not exist is empty. With
// a *DamagedError the Progress is usable all the same.
func OpenProgress(path string, now time.Time) (*Progress, error) {
	p := &Progress{path: path, data: progressFile{Version: progressVersion, Lessons: map[string]LessonProgress{}}}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	var read progressFile
	err = json.Unmarshal(raw, &read)
	switch {
	case err == nil && read.Version > progressVersion:
		return nil, fmt.Errorf("the progress file %s has version %d, but this k8stutor supports versions up to %d; use a newer k8stutor", path, read.Version, progressVersion)
	case err == nil && read.Version < 1:
		err = errors.New("no version")
	}
	if err != nil {
		aside := path + ".damaged-" + now.UTC().Format("20060102T150405.000Z")
		if moveErr := os.Rename(path, aside); moveErr != nil {
			return nil, fmt.Errorf("the progress file %s is damaged (%w) and cannot be moved aside: %w", path, err, moveErr)
		}
		return p, &DamagedError{Path: path, Aside: aside, Err: err}
	}
	if read.Lessons != nil {
		p.data = read
	}
	return p, nil
}

// journalPath is where the journal of a lesson's open step is kept.
func (p *Progress) journalPath(lesson string) string {
	return filepath.Join(strings.TrimSuffix(p.path, filepath.Ext(p.path))+".steps", lesson+".jsonl")
}

// Lesson is the progress of a lesson; a copy.
func (p *Progress) Lesson(name string) LessonProgress {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.data.Lessons[name]
	l.Steps = maps.Clone(l.Steps)
	return l
}

// Enter notes that a step was entered, with the seed of its case or 0. Another
// case begins without hints.
func (p *Progress) Enter(lesson, step string, seed int, now time.Time) error {
	return p.change(lesson, func(l *LessonProgress) {
		l.Step, l.Entered = step, now
		if s := l.Steps[step]; s.Seed != seed {
			s.Seed, s.Hints = seed, 0
			l.set(step, s)
		}
	})
}

// Met notes that a step was met, with its case when it has cases. The first
// time counts.
func (p *Progress) Met(lesson, step, solved string, now time.Time) error {
	return p.changeStep(lesson, step, func(s *StepProgress) {
		if s.Met.IsZero() {
			s.Met = now
		}
		if solved != "" && !slices.Contains(s.Solved, solved) {
			s.Solved = append(slices.Clone(s.Solved), solved)
		}
	})
}

func (l *LessonProgress) set(step string, s StepProgress) {
	if l.Steps == nil {
		l.Steps = map[string]StepProgress{}
	}
	l.Steps[step] = s
}

// Hints notes that the learner has opened n hints of a step.
func (p *Progress) Hints(lesson, step string, n int) error {
	return p.changeStep(lesson, step, func(s *StepProgress) { s.Hints = max(s.Hints, n) })
}

func (p *Progress) changeStep(lesson, step string, f func(*StepProgress)) error {
	return p.change(lesson, func(l *LessonProgress) {
		s := l.Steps[step]
		f(&s)
		l.set(step, s)
	})
}

func (p *Progress) change(lesson string, f func(*LessonProgress)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.data.Lessons[lesson]
	f(&l)
	p.data.Lessons[lesson] = l
	raw, err := json.MarshalIndent(p.data, "", "  ")
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	if err := maybe.WriteFile(p.path, append(raw, '\n'), 0o600); err != nil {
		// The file before stays as it was, and p keeps the change.
		return fmt.Errorf("write progress to %s: %w; free up disk space or make the file writable; the next change saves everything", p.path, err)
	}
	return nil
}

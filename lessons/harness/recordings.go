package harness

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/k8stutor/k8stutor/lessons"
)

// RecordingFile is where the recordings of a lesson are kept in dir.
func RecordingFile(dir, lesson string) string { return filepath.Join(dir, lesson+".jsonl.zst") }

// Expected are the proofs of a lesson that are recorded, in its order: of each
// the Step, Case, Proof and Name.
func Expected(l *lessons.Lesson) []lessons.Recording {
	var out []lessons.Recording
	for _, step := range l.Steps {
		for _, v := range step.Variants() {
			one := lessons.Recording{Lesson: l.Name(), Step: v.ID, Case: v.CaseName()}
			add := func(proof Proof, name string) {
				one.Proof, one.Name = string(proof), name
				out = append(out, one)
			}
			add(Solution, "")
			for _, m := range v.Mutants {
				add(Mutant, m.Name)
			}
			for _, a := range v.Alternatives {
				add(Alternative, a.Name)
			}
		}
	}
	return out
}

// SaveRecordings puts new recordings of a lesson into its file in dir. Those
// that are there stay, unless a new one takes their place or the lesson has no
// such proof any more.
func SaveRecordings(dir string, l *lessons.Lesson, added []lessons.Recording) error {
	path := RecordingFile(dir, l.Name())
	held, err := LoadRecordings(dir, l.Name())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	newest := map[string]lessons.Recording{}
	for _, r := range slices.Concat(held, added) {
		newest[r.Key()] = r
	}
	var all []lessons.Recording
	for _, e := range Expected(l) {
		if r, ok := newest[e.Key()]; ok {
			all = append(all, r)
		}
	}
	var file bytes.Buffer
	if err := lessons.WriteRecordings(&file, all); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save recordings: %w", err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		return fmt.Errorf("save recordings: %w", err)
	}
	return nil
}

// LoadRecordings reads the recordings of a lesson.
func LoadRecordings(dir, lesson string) ([]lessons.Recording, error) {
	f, err := os.Open(RecordingFile(dir, lesson))
	if err != nil {
		return nil, fmt.Errorf("recordings of lesson %s: %w", lesson, err)
	}
	defer f.Close()
	return lessons.ReadRecordings(f)
}

// Verify replays a recording and returns an error when the verdict differs.
func Verify(l *lessons.Lesson, r lessons.Recording) error {
	step := l.Step(r.Step)
	if step == nil {
		return fmt.Errorf("the lesson no longer has step %q", r.Step)
	}
	at := slices.IndexFunc(step.Variants(), func(v *lessons.Step) bool { return v.CaseName() == r.Case })
	if at < 0 {
		return fmt.Errorf("step %s no longer has case %q", r.Step, r.Case)
	}
	step = step.Variants()[at]
	engine, err := lessons.Replay(l, lessons.EngineOptions{Namespace: r.Namespace}, r.Trace, nil)
	if err != nil {
		return err
	}
	out := engine.Outcome()
	if len(out.Checks) == 0 {
		return errors.New("the step never began: the recording lacks resources that the lesson watches")
	}
	if r.Proof != string(Mutant) {
		if !out.Met {
			return fmt.Errorf("met when recorded but not when replayed; missing: %s", missing(out))
		}
		return nil
	}
	if out.Met {
		return errors.New("met when replayed but not when recorded")
	}
	m := slices.IndexFunc(step.Mutants, func(m lessons.Mutant) bool { return m.Name == r.Name })
	if m < 0 {
		return fmt.Errorf("the step no longer has mutant %q", r.Name)
	}
	caught := slices.IndexFunc(out.Checks, func(c lessons.CheckResult) bool { return c.ID == step.Mutants[m].CaughtBy })
	if caught < 0 || out.Checks[caught].Verdict == lessons.Met {
		return fmt.Errorf("check %s does not catch the mutant when replayed; missing: %s", cmp.Or(step.Mutants[m].CaughtBy, "?"), missing(out))
	}
	return nil
}

package harness

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8stutor/k8stutor/cluster/watch"
	"github.com/k8stutor/k8stutor/lessons"
)

const recordings = "testdata/recordings"

// TestRecordings replays what was recorded of each proof on a live cluster
// (`k8stutor lesson test --record`): the verdicts must be the same.
func TestRecordings(t *testing.T) {
	eachRecorded(t, func(t *testing.T, l *lessons.Lesson, held []lessons.Recording) {
		var keys []string
		for _, r := range held {
			keys = append(keys, r.Key())
			if err := Verify(l, r); err != nil {
				t.Errorf("%s: %v", r.Key(), err)
			}
		}
		for _, e := range Expected(l) {
			if !slices.Contains(keys, e.Key()) {
				t.Errorf("%s is not recorded: `k8stutor lesson test %s/%s --record lessons/harness/%s`", e.Key(), l.Name(), e.Step, recordings)
			}
		}
	})
}

// eachRecorded runs test for each lesson, side by side, with what was recorded
// of it. A lesson without recordings fails.
func eachRecorded(t *testing.T, test func(t *testing.T, l *lessons.Lesson, held []lessons.Recording)) {
	t.Helper()
	all, err := lessons.LoadAll(os.DirFS("../content"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		t.Run(l.Name(), func(t *testing.T) {
			t.Parallel()
			held, err := LoadRecordings(recordings, l.Name())
			if errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("lesson %s is not recorded: `k8stutor lesson test %[1]s --record lessons/harness/%s`", l.Name(), recordings)
			}
			if err != nil {
				t.Fatal(err)
			}
			test(t, l, held)
		})
	}
}

// TestVerifyCanFail: a solution that is called a mutant is told, and the other
// way round.
func TestVerifyCanFail(t *testing.T) {
	l := outageLesson(t)
	from := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	trace := func(deleted bool) []lessons.TraceEntry {
		var file bytes.Buffer
		w := lessons.NewTraceWriter(&file)
		write := func(in lessons.Input) {
			t.Helper()
			from = from.Add(time.Second)
			if err := w.Write(from, in); err != nil {
				t.Fatal(err)
			}
		}
		a := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "5"},
		}}
		gvr, err := lessons.ParseResource("configmaps")
		if err != nil {
			t.Fatal(err)
		}
		write(lessons.Change{Event: watch.Event{Type: watch.Added, Resource: gvr, Namespace: "ns", New: a, Initial: true}})
		for _, spec := range l.WatchSpecs("ns") {
			write(lessons.Change{Event: watch.Event{Type: watch.Synced, Resource: spec.Resource, Namespace: spec.Namespace}})
		}
		write(lessons.Begin{Step: "s", Marker: 7})
		if deleted {
			gone := a.DeepCopy()
			gone.SetResourceVersion("9")
			write(lessons.Change{Event: watch.Event{Type: watch.Deleted, Resource: gvr, Namespace: "ns", Old: gone}})
		}
		out, err := lessons.ReadTrace(&file)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	solved := lessons.Recording{Lesson: "outage", Step: "s", Proof: string(Solution), Namespace: "ns", Trace: trace(true)}
	missed := lessons.Recording{Lesson: "outage", Step: "s", Proof: string(Mutant), Name: "idle", Namespace: "ns", Trace: trace(false)}
	for _, r := range []lessons.Recording{solved, missed} {
		if err := Verify(l, r); err != nil {
			t.Errorf("%s: %v", r.Key(), err)
		}
	}
	solved.Proof, solved.Name, missed.Proof = string(Mutant), "idle", string(Solution)
	for r, want := range map[*lessons.Recording]string{&solved: "met when replayed but not when recorded", &missed: "met when recorded but not when replayed"} {
		if err := Verify(l, *r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s, recorded as something else, gives %v", r.Key(), err)
		}
	}

	// Saved and loaded: a new one takes the place of the old one, and what the
	// lesson has no more is dropped.
	dir := t.TempDir()
	other := missed
	other.Name = "no such mutant"
	missed.Proof = string(Mutant)
	for _, added := range [][]lessons.Recording{{missed, other}, {missed}} {
		if err := SaveRecordings(dir, l, added); err != nil {
			t.Fatal(err)
		}
	}
	held, err := LoadRecordings(dir, "outage")
	if err != nil || len(held) != 1 || Verify(l, held[0]) != nil {
		t.Errorf("%d recordings are held (%v), wanted the mutant's", len(held), err)
	}
}

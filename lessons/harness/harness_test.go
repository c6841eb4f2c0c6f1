package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

func TestExclusiveUnitsRunAloneInTheirLesson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := &lessons.Lesson{}, &lessons.Lesson{}
		var units []unit
		for range 4 {
			units = append(units, unit{lesson: one, weight: time.Minute}, unit{lesson: one, exclusive: true}, unit{lesson: two, weight: time.Second})
		}
		q := newQueue(units)
		running := map[int]bool{}
		order := []int{}
		type event struct {
			unit int
			ends bool
		}
		events := make(chan event)
		for range 5 {
			go func() {
				for {
					i, ok := q.next()
					if !ok {
						return
					}
					events <- event{unit: i}
					time.Sleep(time.Duration(1+i%3) * time.Second) //nolint:forbidigo // a bubble's clock
					events <- event{unit: i, ends: true}
					q.done(i)
				}
			}()
		}
		most := 0
		for range 2 * len(units) {
			e := <-events
			if e.ends {
				delete(running, e.unit)
				continue
			}
			order = append(order, e.unit)
			for other := range running {
				if units[other].lesson == units[e.unit].lesson && (units[other].exclusive || units[e.unit].exclusive) {
					t.Errorf("%d runs beside %d", e.unit, other)
				}
			}
			running[e.unit] = true
			most = max(most, len(running))
		}
		slices.Sort(order)
		if len(slices.Compact(order)) != len(units) || most < 3 {
			t.Errorf("%v have run, at most %d side by side", order, most)
		}
	})
}

// noSpace is a namespace in which nothing happens.
type noSpace struct{ Space }

func (noSpace) Delete(context.Context) error { return nil }

// TestOnlyWhatWasLateIsTriedAgain: a step that is met and must not be is wrong at
// once; what was not in time is tried again, once, and counted once.
func TestOnlyWhatWasLateIsTriedAgain(t *testing.T) {
	lesson := &lessons.Lesson{}
	late := lateError{errors.New("timed out after 1m0s")}
	tries := map[string]int{}
	var mu sync.Mutex
	unitOf := func(name string, results ...error) unit {
		return unit{lesson: lesson, name: name, run: func(_ context.Context, r *run) {
			mu.Lock()
			try := tries[name]
			tries[name]++
			mu.Unlock()
			step := &lessons.Step{ID: name}
			r.result(step, Untouched, "", nil)
			r.result(step, Solution, "", results[try])
		}}
	}
	var namespaces []string
	o := Options{Suffix: "t", Open: func(_ context.Context, ns string) (Space, error) {
		mu.Lock()
		defer mu.Unlock()
		namespaces = append(namespaces, ns)
		return noSpace{}, nil
	}}
	units := []unit{
		unitOf("good", nil), unitOf("wrong", errors.New("the step is met but must not be")),
		unitOf("slow", fmt.Errorf("the beginning: %w", late), nil), unitOf("too slow", late, late),
	}
	c := &collector{options: o, recorded: map[string]bool{}}
	if err := runAll(t.Context(), o, units, c); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, r := range c.results {
		if r.Late || r.Second != (r.Step == "slow" || r.Step == "too slow") {
			t.Errorf("%+v", r)
		}
		if r.Proof == Solution {
			got[r.Step] = r.OK
		}
	}
	if want := map[string]bool{"good": true, "wrong": false, "slow": true, "too slow": false}; !maps.Equal(got, want) || len(c.results) != 2*len(units) {
		t.Errorf("got %v in %d results, want %v", got, len(c.results), want)
	}
	if Failed(c.results) != 2 || Second(c.results) != 3 {
		t.Errorf("%d failed, %d shown at the second try", Failed(c.results), Second(c.results))
	}
	slices.Sort(namespaces)
	if len(slices.Compact(slices.Clone(namespaces))) != len(namespaces) {
		t.Errorf("a namespace was used twice: %v", namespaces)
	}
}

// failingSpace is a namespace in which every script fails.
type failingSpace struct{ Space }

func (failingSpace) Script(context.Context, string, string) (space.ScriptResult, error) {
	return space.ScriptResult{}, errors.New("script: exit status 1\nerror: timed out waiting for the condition")
}

// TestAFailedScriptIsTriedAgain: it may have waited for a rollout, and the machine
// was busy.
func TestAFailedScriptIsTriedAgain(t *testing.T) {
	var got Result
	r := &run{session: &lessons.Session{}, space: failingSpace{}, report: func(r Result) { got = r }, unit: unit{lesson: &lessons.Lesson{}}}
	r.result(&lessons.Step{ID: "undo"}, Mutant, "the new number", r.script(t.Context(), "kubectl rollout status deploy/a --timeout=60s", time.Minute))
	if got.OK || !got.Late || !strings.Contains(got.Detail, "timed out") {
		t.Errorf("%+v", got)
	}
}

// TestTooManyLateHaveFailed: then it is no bad luck.
func TestTooManyLateHaveFailed(t *testing.T) {
	c := &collector{recorded: map[string]bool{}}
	for i := range maxLate + 1 {
		c.add(Result{Late: true}, i, false)
	}
	if again := c.late(); len(again) != 0 || Failed(c.results) != maxLate+1 || c.results[0].Late {
		t.Errorf("%d are tried again, %d failed", len(again), Failed(c.results))
	}
}

func TestAStoppedQueueGivesNothingOut(t *testing.T) {
	q := newQueue([]unit{{lesson: &lessons.Lesson{}}})
	q.stop()
	if _, ok := q.next(); ok {
		t.Error("a unit was given out")
	}
}

func TestLeftBehind(t *testing.T) {
	lesson := &lessons.Lesson{Touches: []lessons.ResourceRef{{Resource: "apiservices"}, {Resource: "pods", Namespace: "kube-system"}}}
	before := []string{"/nodes/n", "default/services/kubernetes", "kube-system/pods/a"}
	for name, c := range map[string]struct {
		after []string
		want  string // in the detail; empty is fine
	}{
		"the same":       {before, ""},
		"declared":       {[]string{"/nodes/n", "/apiservices/x", "default/services/kubernetes", "kube-system/pods/b"}, ""},
		"something new":  {append(slices.Clone(before), "default/pods/mine"), "new: default/pods/mine"},
		"something gone": {before[1:], "gone: /nodes/n"},
		"elsewhere":      {append(slices.Clone(before), "kube-system/secrets/s"), "new: kube-system/secrets/s"},
	} {
		r := leftBehind([]Selection{{Lesson: lesson}}, slices.Clone(before), c.after)
		if r.OK != (c.want == "") || !strings.Contains(r.Detail, c.want) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

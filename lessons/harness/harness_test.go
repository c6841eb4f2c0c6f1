package harness

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

package harness

import (
	"testing"

	"github.com/k8stutor/k8stutor/lessons"
)

// TestQueueKeepsExclusiveUnitsApart gives out what changes the cluster one by
// one, and the rest beside the walk once that shares.
func TestQueueKeepsExclusiveUnitsApart(t *testing.T) {
	lesson, step := &lessons.Lesson{}, &lessons.Step{}
	other := &lessons.Lesson{}
	q := newQueue([]unit{
		{lesson: lesson, name: "walk", exclusive: true, weight: 100},
		{lesson: lesson, step: step, name: "plain", weight: 50},
		{lesson: lesson, step: step, name: "install", exclusive: true, weight: 1},
		{lesson: other, step: step, name: "other", weight: 1},
	})
	next := func(want string) int {
		t.Helper()
		i, ok := q.next()
		if !ok || q.units[i].name != want {
			t.Fatalf("got %d %v, want %s", i, ok, want)
		}
		return i
	}
	install := next("install")
	next("other")
	q.done(install)
	walk := next("walk")
	q.share(walk)
	q.share(walk) // saying it twice changes nothing
	plain := next("plain")
	q.done(plain)
	q.done(walk)
	if i, ok := q.next(); ok {
		t.Errorf("unit %d is given out twice", i)
	}
}

package harness

import (
	"cmp"
	"slices"
	"sync"

	"github.com/k8stutor/k8stutor/lessons"
)

// queue gives out units: the longest first, so that none is left alone at the
// end. An exclusive unit changes what lies outside its namespace, so no other
// unit of its lesson runs at the same time. It is safe for concurrent use.
type queue struct {
	units []unit

	mu      sync.Mutex
	changed *sync.Cond
	waiting []int // indexes of units
	running map[*lessons.Lesson]int
	alone   map[*lessons.Lesson]bool // an exclusive unit runs
	shared  map[int]bool             // exclusive units that need not be alone any more
	stopped bool
}

func newQueue(units []unit) *queue {
	q := &queue{units: units, running: map[*lessons.Lesson]int{}, alone: map[*lessons.Lesson]bool{}, shared: map[int]bool{}}
	q.changed = sync.NewCond(&q.mu)
	for i := range units {
		q.waiting = append(q.waiting, i)
	}
	slices.SortStableFunc(q.waiting, func(a, b int) int {
		x, y := units[a], units[b]
		// What can't run side by side begins at once; of that the walk comes
		// last, as most of it can.
		return cmp.Or(boolCompare(y.exclusive, x.exclusive), boolCompare(x.exclusive && x.step == nil, y.exclusive && y.step == nil),
			cmp.Compare(y.weight, x.weight))
	})
	return q
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// next waits for a unit that may run; false when there is none left.
func (q *queue) next() (int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.stopped && len(q.waiting) > 0 {
		for at, i := range q.waiting {
			u := q.units[i]
			if q.alone[u.lesson] || u.exclusive && q.running[u.lesson] > 0 {
				continue
			}
			q.waiting = slices.Delete(q.waiting, at, at+1)
			q.running[u.lesson]++
			q.alone[u.lesson] = u.exclusive
			return i, true
		}
		q.changed.Wait()
	}
	return 0, false
}

// share says that an exclusive unit goes on, and need not be alone any more.
func (q *queue) share(i int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.units[i].exclusive && !q.shared[i] {
		q.shared[i] = true
		q.alone[q.units[i].lesson] = false
		q.changed.Broadcast()
	}
}

// done says that a unit has ended.
func (q *queue) done(i int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.units[i]
	q.running[u.lesson]--
	if u.exclusive && !q.shared[i] {
		q.alone[u.lesson] = false
	}
	q.changed.Broadcast()
}

// stop gives out nothing more.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.changed.Broadcast()
}

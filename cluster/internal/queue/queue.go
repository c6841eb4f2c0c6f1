// Package queue hands values to a slower reader without blocking the writers.
package queue

import (
	"context"
	"sync"
)

// Queue hands values from many goroutines to one reader, in order, and never
// drops or blocks the writers: it grows. Its reader is faster than what writes
// to it, so in practice it holds a handful of values.
type Queue[T any] struct {
	out chan T

	mu     sync.Mutex
	values []T
	signal chan struct{} // holds one token while values may be non-empty
}

// New makes an empty queue.
func New[T any]() *Queue[T] {
	return &Queue[T]{out: make(chan T, 64), signal: make(chan struct{}, 1)}
}

// Push adds a value. It never blocks.
func (q *Queue[T]) Push(v T) {
	q.mu.Lock()
	q.values = append(q.values, v)
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// Len is how many values wait to be moved to Out.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.values)
}

// Out is where the values come out. It is closed when Run ends.
func (q *Queue[T]) Out() <-chan T { return q.out }

// Run moves values to Out until ctx ends.
func (q *Queue[T]) Run(ctx context.Context) {
	defer close(q.out)
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.signal:
		}
		q.mu.Lock()
		batch := q.values
		q.values = nil
		q.mu.Unlock()
		for _, v := range batch {
			select {
			case <-ctx.Done():
				return
			case q.out <- v:
			}
		}
	}
}

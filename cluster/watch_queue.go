package cluster

import (
	"context"
	"sync"
)

// queue hands values from many goroutines to one reader, in order, and never
// drops or blocks the writers: it grows. Its reader is faster than what writes
// to it, so in practice it holds a handful of values.
type queue[T any] struct {
	out chan T

	mu     sync.Mutex
	values []T
	signal chan struct{} // holds one token while values may be non-empty
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{out: make(chan T, 64), signal: make(chan struct{}, 1)}
}

func (q *queue[T]) push(v T) {
	q.mu.Lock()
	q.values = append(q.values, v)
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// run moves values to out until ctx ends, then closes out.
func (q *queue[T]) run(ctx context.Context) {
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

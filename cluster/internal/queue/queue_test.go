package queue

import (
	"context"
	"testing"

	"go.uber.org/goleak"
)

func TestQueueKeepsEverythingInOrder(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(context.Background())
	q := New[int]()
	go q.Run(ctx)
	const n = 100_000 // far more than the channel holds: push must not block
	for i := range n {
		q.Push(i)
	}
	for i := range n {
		if got := <-q.Out(); got != i {
			t.Fatalf("got %d, wanted %d", got, i)
		}
	}
	cancel()
	if _, open := <-q.Out(); open {
		t.Fatal("the queue was not closed")
	}
	goleak.VerifyNone(t, leaks)
}

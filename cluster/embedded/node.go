package main

import "context"

// runNode runs the node until ctx ends.
func runNode(ctx context.Context, _ string) error {
	<-ctx.Done()
	return nil
}

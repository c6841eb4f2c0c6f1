// Package cli is k8stutor's command line: the flags and the wiring. It is the
// only package that knows every other.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// Main runs the program and returns its exit code. Started under the name
// kubectl it is the built-in kubectl.
func Main() int {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "kubectl" {
		return runKubectl(os.Args[1:])
	}
	return run()
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newApp().rootCmd().ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "k8stutor: cancelled")
		return exitFailed
	}
	fmt.Fprintln(os.Stderr, "k8stutor: "+err.Error())
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

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

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Main runs the program and returns its exit code. Started under the name
// kubectl it is the built-in kubectl.
func Main() int {
	io := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "kubectl" {
		return runKubectl(io, os.Args[1:])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return exitCode(io, newApp(io).rootCmd().ExecuteContext(ctx))
}

// exitCode prints the error of a command and returns the exit code for it.
func exitCode(io genericiooptions.IOStreams, err error) int {
	if err == nil {
		return 0
	}
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(io.ErrOut, "k8stutor: cancelled")
		return exitFailed
	}
	fmt.Fprintln(io.ErrOut, "k8stutor: "+err.Error())
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

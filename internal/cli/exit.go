package cli

import "fmt"

// Exit codes.
const (
	exitFailed = 1 // it was tried and did not work, or a check is not met
	exitUsage  = 2 // it was asked for in a way that makes no sense
)

// exitError ends the program with a code when everything has been said.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// usageError is a mistake in what was asked, not in what happened.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, a ...any) error { return &usageError{fmt.Errorf(format, a...)} }

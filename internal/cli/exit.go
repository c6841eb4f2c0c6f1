package cli

import "fmt"

// Exit codes.
const (
	exitFailed = 1 // failure, or a check is not met
	exitUsage  = 2 // usage error: the command line or the settings are invalid
)

// exitError ends the program with a code; there is nothing left to print.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// usageError is a mistake in the command line or the settings.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, a ...any) error { return &usageError{fmt.Errorf(format, a...)} }

package vnet

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// Errors of the reset and closed states, in the words of Linux. They are
// wrapped in *net.OpError before a caller sees them.
var (
	errReadReset  = os.NewSyscallError("read", syscall.ECONNRESET)
	errWriteReset = os.NewSyscallError("write", syscall.ECONNRESET)
	errBrokenPipe = os.NewSyscallError("write", syscall.EPIPE)
	errReadRefuse = os.NewSyscallError("read", syscall.ECONNREFUSED)
	errRefused    = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	errTimedOut   = os.NewSyscallError("connect", syscall.ETIMEDOUT)
	errInUse      = os.NewSyscallError("bind", syscall.EADDRINUSE)
	errNotLocal   = os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)
	errMsgSize    = os.NewSyscallError("write", syscall.EMSGSIZE)
)

// canceledError and timeoutError say what package net says when the context of
// a Dial ends; net keeps its own ones to itself.
type canceledError struct{}

func (canceledError) Error() string        { return "operation was canceled" }
func (canceledError) Is(target error) bool { return target == context.Canceled }

type timeoutError struct{}

func (timeoutError) Error() string        { return "i/o timeout" }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Temporary() bool      { return true }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// contextError turns the error of an ended context into the one that package
// net reports for it.
func contextError(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return canceledError{}
	case errors.Is(err, context.DeadlineExceeded):
		return timeoutError{}
	default:
		return err
	}
}

func dialError(network string, addr net.Addr, err error) error {
	return &net.OpError{Op: "dial", Net: network, Addr: addr, Err: err}
}

func listenError(network string, addr net.Addr, err error) error {
	return &net.OpError{Op: "listen", Net: network, Addr: addr, Err: err}
}

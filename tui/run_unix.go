//go:build !windows

package tui

import (
	"os"
	"os/signal"
	"syscall"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// notifyStop tells of a stop by Ctrl-Z or kill, instead of stopping at once with
// the terminal as it is.
func notifyStop(stops chan<- os.Signal) { signal.Notify(stops, syscall.SIGTSTP) }

// suspend gives the terminal back, stops this process group as Ctrl-Z does, and
// takes the terminal again when it is continued. What runs in the shell pane
// goes on meanwhile: its terminal is another. Where nobody could continue it,
// because a terminal window runs it without a shell, it does nothing.
func suspend(p *tea.Program) {
	if sid, err := unix.Getsid(0); err != nil || sid == unix.Getpgrp() {
		return
	}
	if err := p.ReleaseTerminal(); err != nil {
		return // the terminal is gone: stopping would not end
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	// Not SIGTSTP: the Go runtime goes on catching that once it was asked to.
	if err := syscall.Kill(0, syscall.SIGSTOP); err == nil {
		<-continued
	}
	_ = p.RestoreTerminal() // else the next write tells
}

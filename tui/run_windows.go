package tui

import (
	"os"

	tea "charm.land/bubbletea/v2"
)

// There is no stopping and continuing on Windows.

func notifyStop(chan<- os.Signal) {}

func suspend(*tea.Program) {}

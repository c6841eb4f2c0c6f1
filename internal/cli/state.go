package cli

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/tui"
)

// mapChoice is what was last chosen on the map: a language, when it was another
// than the one at hand, and the cluster's name.
type mapChoice struct {
	Lang string `json:"lang,omitempty"`
	Name string `json:"name,omitempty"`
}

func (a *app) choiceFile() string { return filepath.Join(a.state, "map.json") }

// lastChoice is what was noted. A file that is missing or damaged is no choice.
func (a *app) lastChoice() mapChoice {
	var c mapChoice
	data, err := os.ReadFile(a.choiceFile())
	if err == nil && json.Unmarshal(data, &c) != nil {
		return mapChoice{}
	}
	return c
}

// layoutFile holds how the learner has arranged the screen.
func (a *app) layoutFile() string { return filepath.Join(a.state, "screen.json") }

// layout is how the learner has arranged the screen. A file that is missing or
// damaged is no arrangement: it holds nothing that could not be chosen again.
func (a *app) layout() tui.Layout {
	var l tui.Layout
	data, err := os.ReadFile(a.layoutFile())
	if err == nil && json.Unmarshal(data, &l) != nil {
		return tui.Layout{}
	}
	return l
}

// saveLayout writes it down, whole or not at all.
func (a *app) saveLayout(l tui.Layout) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return a.writeState(a.layoutFile(), append(data, '\n'))
}

// tourFile is there when the learner has seen the tour.
func (a *app) tourFile() string { return filepath.Join(a.state, "tour-seen") }

// tourSeen notes that the tour was seen; it is nil when that is noted already.
func (a *app) tourSeen() func() error {
	if _, err := os.Stat(a.tourFile()); err == nil {
		return nil
	}
	return func() error { return a.writeState(a.tourFile(), []byte("The tour of the screen was seen.\n")) }
}

// writeState writes a file of the state folder, whole or not at all.
func (a *app) writeState(file string, data []byte) error {
	if err := os.MkdirAll(a.state, 0o700); err != nil {
		return err
	}
	return cluster.WritePrivate(file, data)
}

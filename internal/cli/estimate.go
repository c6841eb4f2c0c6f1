package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/k8stutor/k8stutor/cluster"
)

// joinTime is the longest that it takes to join a cluster that runs. A start
// that took no longer says nothing about the next.
const joinTime = 2 * time.Second

// pastStart is how long a start has taken, in seconds, and each phase of it.
type pastStart struct {
	Whole  float64            `json:"whole"`
	Phases map[string]float64 `json:"phases"` // by the phase's ID
}

func (a *app) startsFile() string { return filepath.Join(a.state, "starts.json") }

// pastStarts are the last starts that went well, by kind. A file that is missing
// or damaged is none.
func (a *app) pastStarts() map[string]pastStart {
	starts := map[string]pastStart{}
	data, err := os.ReadFile(a.startsFile())
	if err != nil || json.Unmarshal(data, &starts) != nil || starts == nil {
		return map[string]pastStart{}
	}
	return starts
}

// startKind says which starts take about as long as each other: those of one
// provider, of a new cluster or of one that was made before.
func startKind(p cluster.Provider, isNew bool) string {
	if isNew {
		return p.Name() + " new"
	}
	return p.Name() + " again"
}

// paced tells the phases of a start how long they took the last time; done notes
// how long this one has taken. An estimate that can't be noted is none.
func (a *app) paced(kind string, report cluster.Progress) (paced cluster.Progress, done func()) {
	past, now := a.pastStarts()[kind], pastStart{Phases: map[string]float64{}}
	began := time.Now()
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	paced = func(p cluster.Phase) {
		if p.Done && p.Err == nil {
			now.Phases[p.ID] = p.Elapsed.Seconds()
		}
		p.Before, p.Whole = seconds(past.Phases[p.ID]), seconds(past.Whole)
		report(p)
	}
	return paced, func() {
		if time.Since(began) <= joinTime {
			return
		}
		now.Whole = time.Since(began).Seconds()
		starts := a.pastStarts()
		starts[kind] = now
		if data, err := json.Marshal(starts); err == nil {
			_ = a.writeState(a.startsFile(), append(data, '\n'))
		}
	}
}

package kind

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"sigs.k8s.io/kind/pkg/log"

	"github.com/k8stutor/k8stutor/cluster"
)

// kindLogger makes phases of what kind says to people: " • X  ..." begins a
// phase, " ✓ X" ends it well, " ✗ X" badly. kind calls it from several
// goroutines.
type kindLogger struct {
	report cluster.Progress

	mu    sync.Mutex
	now   cluster.Phase
	began time.Time
}

// errSeeBelow is why a phase of kind's failed: Create's own error, which comes
// last, has all there is to say.
var errSeeBelow = errors.New("failed, see below")

func (l *kindLogger) say(msg string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	msg = strings.TrimSpace(msg)
	mark, title, _ := strings.Cut(msg, " ")
	title, _, _ = strings.Cut(title, " (") // the image's name
	title = strings.TrimFunc(title, func(r rune) bool { return r > unicode.MaxASCII || r == ' ' || r == '.' })
	switch mark {
	case "•":
		l.began = time.Now()
		l.now = cluster.Phase{ID: kindPhaseID(title), Title: title}
		l.report(l.now)
	case "✓":
		l.finish(nil)
	case "✗":
		l.finish(errSeeBelow)
	}
}

// finish ends the phase that runs, if one does. The caller holds mu.
func (l *kindLogger) finish(err error) {
	if l.now.ID == "" {
		return
	}
	l.now.Done, l.now.Err, l.now.Elapsed = true, err, time.Since(l.began)
	l.report(l.now)
	l.now = cluster.Phase{}
}

// end closes a phase that kind left open because it failed.
func (l *kindLogger) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finish(err)
}

// kindPhaseID makes "kind-preparing-nodes" of "Preparing nodes".
func kindPhaseID(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return r < 'a' || r > 'z' })
	return strings.Join(slices.Insert(words, 0, "kind"), "-")
}

func (l *kindLogger) detail(msg string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now.ID == "" {
		return
	}
	l.now.Detail, l.now.Elapsed = strings.TrimSpace(msg), time.Since(l.began)
	l.report(l.now)
}

func (l *kindLogger) Warn(m string)             { l.detail(m) }
func (l *kindLogger) Warnf(f string, a ...any)  { l.detail(fmt.Sprintf(f, a...)) }
func (l *kindLogger) Error(m string)            { l.detail(m) }
func (l *kindLogger) Errorf(f string, a ...any) { l.detail(fmt.Sprintf(f, a...)) }
func (l *kindLogger) V(level log.Level) log.InfoLogger {
	if level > 0 {
		return log.NoopInfoLogger{}
	}
	return kindInfo{l}
}

type kindInfo struct{ l *kindLogger }

func (i kindInfo) Info(m string)            { i.l.say(m) }
func (i kindInfo) Infof(f string, a ...any) { i.l.say(fmt.Sprintf(f, a...)) }
func (i kindInfo) Enabled() bool            { return true }

package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/k8stutor/k8stutor/cluster"
)

// startMode is the start of the cluster, which has the whole screen.
type startMode struct{ inert }

func (startMode) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	a := m.keys.in(scopeStart).at(k.String())
	if a == actAbort || m.stage == failed && a == actLeave {
		return m.quit(nil)
	}
	return nil
}

func (startMode) prefix(*model) (tea.Cmd, bool) { return nil, false }

func (startMode) draw(m *model, frame []string) []string {
	if m.layout.tiny && m.stage != failed {
		return tooSmall{}.draw(m, frame)
	}
	return m.start.view(m.width, m.height, m.now(), m.words, m.styles, m.keys)
}

// startPane shows the cluster coming up.
type startPane struct {
	began     time.Time
	frame     int // of the spinner
	phases    []startPhase
	whole     time.Duration // how long the last start took; 0: not known
	cancelled bool
	err       error
}

// startPhase is one phase of the start, and when it was first heard of.
type startPhase struct {
	cluster.Phase
	began time.Time
}

// apply takes a report of a phase.
func (p *startPane) apply(phase cluster.Phase, now time.Time) {
	p.whole = max(p.whole, phase.Whole)
	for i := range p.phases {
		if p.phases[i].ID == phase.ID {
			p.phases[i].Phase = phase
			return
		}
	}
	p.phases = append(p.phases, startPhase{phase, now.Add(-phase.Elapsed)})
}

func (p *startPane) failed(err error) { p.err = err }

// spinner is drawn beside what is under way.
var spinner = []string{"◐", "◓", "◑", "◒"}

// seconds is how long something took or takes, in tenths.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", max(d, 0).Seconds()) }

// view draws the start in the middle of the screen.
func (p *startPane) view(width, height int, now time.Time, w *words, s *styles, keys *Keymap) []string {
	inner := min(width-4, 76)
	box := []string{s.brand.Render(" k8stutor ") + "  " + s.strong.Render(p.headline(w)), ""}
	for _, ph := range p.phases {
		box = append(box, p.phase(ph, inner, now, w, s))
	}
	if len(p.phases) == 0 && p.err == nil {
		box = append(box, s.wait.Render(p.spin())+" "+s.dim.Render(w.say("start_waiting")))
	}
	box = append(box, "")
	switch {
	case p.err != nil:
		for _, l := range strings.Split(p.err.Error(), "\n") {
			box = append(box, wrap(s.bad.Render("✗ "+l), inner, "  ")...)
		}
		box = append(box, "", s.dim.Render(w.say("start_failed_keys", "Key", keys.name(scopeStart, actLeave))))
	case p.cancelled:
		box = append(box, s.wait.Render(p.spin()+" "+w.say("start_cleaning")))
	default:
		if p.whole > 0 {
			box = append(box, s.dim.Render(w.say("start_before", "Whole", seconds(p.whole), "Now", seconds(now.Sub(p.began)))))
		}
		box = append(box, s.dim.Render(w.say("start_keys", "Key", keys.name(scopeStart, actAbort))))
	}
	frame := make([]string, height)
	for i := range frame {
		frame[i] = strings.Repeat(" ", width)
	}
	for i, l := range box {
		box[i] = fit(ansi.Truncate(l, inner, "…"), inner)
	}
	if len(box) > height {
		box = box[len(box)-height:] // what is happening now is at the end
	}
	return overlay(frame, box, width)
}

func (p *startPane) headline(w *words) string {
	switch {
	case p.err != nil:
		return w.say("start_failed")
	case p.cancelled:
		return w.say("start_cancelled")
	}
	return w.say("start_title")
}

func (p *startPane) spin() string { return spinner[p.frame%len(spinner)] }

func (p *startPane) phase(ph startPhase, width int, now time.Time, w *words, s *styles) string {
	glyph, took := s.wait.Render(p.spin()), now.Sub(ph.began)
	name := phaseTitle(w, ph.Phase)
	title := s.strong.Render(name)
	switch {
	case ph.Err != nil:
		glyph, took = s.mark(markBad), ph.Elapsed
	case ph.Done:
		glyph, took, title = s.mark(markGood), ph.Elapsed, s.text.Render(name)
	}
	line := glyph + " " + title
	if ph.Detail != "" && !ph.Done {
		line += "  " + s.dim.Render(strings.ReplaceAll(ph.Detail, "\n", " "))
	}
	clock := seconds(took)
	if ph.Before > 0 && !ph.Done {
		clock += " / " + seconds(ph.Before)
	}
	return spread(line, s.dim.Render(clock), width)
}

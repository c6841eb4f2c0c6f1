package lessons

import "time"

// Verdict is how a check stands.
type Verdict string

// The four verdicts.
const (
	Unmet      Verdict = "unmet"
	Converging Verdict = "converging" // the spec is right, the status is not there yet
	Met        Verdict = "met"
	Violated   Verdict = "violated" // an invariant was broken; Why holds the evidence and the way to retry
)

// CheckResult is one check's verdict, in the learner's language.
type CheckResult struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Verdict Verdict   `json:"verdict"`
	Why     []string  `json:"why,omitempty"` // why not yet: object, field, wanted and observed, last Event
	Since   time.Time `json:"since,omitzero"`
	// Question is set on an answer check: the prompt to show and, for a
	// choice, the options.
	Question string   `json:"question,omitempty"`
	Options  []string `json:"options,omitempty"`
}

// Outcome is how a step stands. Met is latched for the step: a later change in
// the cluster does not take a tick away; re-entering the step does.
type Outcome struct {
	Lesson string        `json:"lesson"`
	Step   string        `json:"step"`
	Checks []CheckResult `json:"checks"`
	Met    bool          `json:"met"`
	MetAt  time.Time     `json:"metAt,omitzero"`
	// Problem is set while the verdicts cannot be trusted: the API server
	// does not answer, or history was lost and the action must be repeated.
	Problem string    `json:"problem,omitempty"`
	At      time.Time `json:"at"`
}

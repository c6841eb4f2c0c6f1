// Package lessons loads lessons, leads a learner through one, and judges on a
// live cluster whether its steps are met. docs/LESSONS.md describes the format.
//
// # From an event to a tick
//
// A [Session] owns the [Engine] and feeds it in one goroutine: every change the
// watch delivers, every request in the audit log, every answer of the traffic
// prober. [Engine.Handle] applies a change to the store, lets each check
// observe it, and judges the checks that depend on the changed resource, and
// those that depend on other checks. When all checks of the step are met
// together, the step is met, and stays so. If the input can have changed
// anything a learner sees, the Session then works out explanations and live
// text and publishes an [Update].
//
// The Engine does no I/O and has no clock: the same inputs give the same
// verdicts. A [TraceWriter] writes them down and [Replay] runs them again.
//
// # Entering a step
//
//	            prepared
//	StateSetup ──────────▶ StateActive
//	   ▲  │                     │
//	   │  │ failed              │ next, previous, reset, draw
//	   │  ▼                     │
//	   │ StateFailed            │
//	   │  │ reset, next, …      │
//	   └──┴─────────────────────┘
//
// In StateSetup the namespace is emptied, or kept as it is, and start and setup
// are applied; each must settle. Then the step is written to the namespace.
// The resource version of that write separates what the learner does from
// what was there before.
//
// # Verdicts
//
// A check is [Unmet], [Converging] (the learner asked for the right thing, the
// cluster is not there yet), [Met] or [Violated] (an invariant was broken, which
// only a [Retry] forgives). Each kind of check has a file of its own,
// check_NAME.go; the table checkKinds lists them. The table functionGroups lists
// the CEL functions.
package lessons

// The reference in docs/LESSONS.md is written from these tables; a test fails
// when it is stale.
//
//go:generate go test -run=^TestReferenceIsFresh$ -update .

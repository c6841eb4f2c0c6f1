package lessons

// The reference in docs/LESSONS.md is written from the kinds of check and the
// CEL functions in this package; a test fails when it is stale.
//
//go:generate go test -run=^TestReferenceIsFresh$ -update .

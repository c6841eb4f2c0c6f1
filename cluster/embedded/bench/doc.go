// Package bench measures the whole k8stutor-embedded binary: how long a cluster
// takes to start and to resume, against a bare control plane of the same binary
// in the same run, and what it uses while nobody uses it. It builds nothing: the
// binary is the one that K8STUTOR_EMBEDDED_BIN names, which "make bench" sets.
//
//	K8STUTOR_EMBEDDED_BIN=/path/to/k8stutor-embedded go test ./bench -run '^$' -bench . -benchtime 1x -count 5
package bench

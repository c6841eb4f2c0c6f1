// Package fidelity tests the embedded cluster from outside: it walks real
// kubectl commands (kubectl's own code, which the test binary carries) and
// compares what the API shows with what Kubernetes documents. Each test names
// the page it holds the cluster to.
//
// It needs the k8stutor-embedded binary:
//
//	K8STUTOR_EMBEDDED_BIN=/path/to/k8stutor-embedded go test ./fidelity
//
// Without the variable it says so and tests nothing. It brings up a cluster of
// its own in a temporary folder and deletes it at the end;
// K8STUTOR_FIDELITY_KUBECONFIG names a running embedded cluster to use instead.
package fidelity

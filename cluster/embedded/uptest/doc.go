// Package uptest holds the tests of the whole k8stutor-embedded binary. It
// builds nothing: the binary is the one that K8STUTOR_EMBEDDED_BIN names, which
// "make test" sets.
package uptest

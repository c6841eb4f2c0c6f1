// Package host gives a workload.Program the surroundings of a real process, so
// that the programs of the embedded cluster also run as static binaries in the
// images that kind loads. It is for Linux containers; on other Unix systems it
// serves to try a program by hand.
package host

//go:build unix

// Command go-api is the lessons' app as a program of its own, for the images
// that kind loads. Its version is set when it is linked:
// -ldflags "-X main.version=0.0.1".
package main

import (
	"os"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload/goapi"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/host"
)

// version is set by the linker only.
var version = "0.0.1"

func main() {
	os.Exit(host.Main(goapi.New(version), false))
}

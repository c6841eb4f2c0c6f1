//go:build unix

// Command toolbox is the shell and the network tools of the lessons as a
// program of its own, for the images that kind loads. Links to it with the
// names of its commands run those.
package main

import (
	"os"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload/host"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/toolbox"
)

func main() {
	os.Exit(host.Main(toolbox.New("toolbox"), true))
}

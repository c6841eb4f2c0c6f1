// Command workloads makes the lessons' images for kind out of programs that
// are linked already. hack/build.sh calls it.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/k8stutor/k8stutor/cluster/images"
)

func main() {
	spec := flag.String("spec", "", "file with what imagespec printed")
	dir := flag.String("programs", "", "folder of the linked programs")
	arch := flag.String("arch", "", "architecture that they are for")
	out := flag.String("o", "", "archive to write")
	flag.Parse()
	if err := run(*spec, *dir, *arch, *out); err != nil {
		fmt.Fprintln(os.Stderr, "workloads:", err)
		os.Exit(1)
	}
}

func run(spec, dir, arch, out string) error {
	data, err := os.ReadFile(spec)
	if err != nil {
		return err
	}
	specs, err := images.ReadSpecs(data)
	if err != nil {
		return err
	}
	entries, err := images.Build(specs, dir, arch)
	if err != nil {
		return err
	}
	return images.WriteFile(out, entries)
}

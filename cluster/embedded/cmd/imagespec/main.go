// Command imagespec prints, as JSON, what the lessons' own images hold and how
// they start, as the embedded cluster has them. hack/workloads makes the images
// for kind from it: one source, two homes.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload/registry"
)

// spec is an image, and which of the linked programs takes the place of which
// file: in the embedded cluster that file only says what it stands for.
type spec struct {
	registry.Image
	Ref     string
	Program string // name of the linked program
	At      string // absolute path in the image
}

func main() {
	specs := []spec{
		{Program: "go-api-0.0.1", At: "/go-api", Ref: "go-api:0.0.1"},
		{Program: "go-api-0.0.2", At: "/go-api", Ref: "go-api:0.0.2"},
		{Program: "go-api-0.0.3", At: "/go-api", Ref: "go-api:0.0.3"},
		{Program: "toolbox", At: "/bin/toolbox", Ref: "toolbox:1.0"},
	}
	for i, s := range specs {
		img, err := registry.Lookup(s.Ref)
		if err != nil {
			fmt.Fprintln(os.Stderr, "imagespec:", err)
			os.Exit(1)
		}
		specs[i].Image, specs[i].Ref = img, img.Ref()
	}
	if err := json.NewEncoder(os.Stdout).Encode(specs); err != nil {
		fmt.Fprintln(os.Stderr, "imagespec:", err)
		os.Exit(1)
	}
}

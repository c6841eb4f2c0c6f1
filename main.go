// Command k8stutor teaches Kubernetes on a live cluster in the terminal.
package main

import (
	"os"

	"github.com/k8stutor/k8stutor/internal/cli"
)

func main() { os.Exit(cli.Main()) }

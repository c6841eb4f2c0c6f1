// Command k8stutor-embedded runs a Kubernetes cluster without a container
// engine: upstream's etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler and kubelet as supervised processes of this one binary, on an
// in-process container runtime and network.
//
// It is built with upstream's version strings, or the node and the API server
// would call themselves v0.0.0-master:
//
//	V=k8s.io/component-base/version
//	go build -ldflags "-s -w -X $V.gitVersion=v1.36.3 -X $V.gitMajor=1 -X $V.gitMinor=36 \
//	  -X $V.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3" -o k8stutor-embedded .
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	dieWithParent(os.Stdin, os.Exit)
	os.Exit(run())
}

func run() int {
	// kube-apiserver and its siblings install their own handler for these
	// signals, which stops them gracefully.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := newRootCommand().ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "Error:", err)
	return 1
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "k8stutor-embedded",
		Short:         "A Kubernetes cluster without a container engine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newUpCommand(),
		newDownCommand(),
		newDeleteCommand(),
		newStatusCommand(),
		newSuperviseCommand(),
		newPartCommand(),
	)
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// dirFlag adds the --dir flag, which every command needs.
func dirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", "", "folder of the cluster: all its data is in it")
	if err := cmd.MarkFlagRequired("dir"); err != nil {
		panic(err) // the flag was added one line before
	}
}

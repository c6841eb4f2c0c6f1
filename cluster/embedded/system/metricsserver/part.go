// Package metricsserver runs the real sigs.k8s.io/metrics-server as a
// container. It has process-wide state (metrics, logging, feature gates) and
// two versions of it overlap in a rollout, so each container is a child
// process: Part is what runs in the child, Program what runs in the node and
// joins the child to the Pod's virtual network, files and log.
package metricsserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/component-base/logs"
	"k8s.io/klog/v2"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app/options"
)

// NewPartCommand is the hidden command of the child process:
//
//	part metrics-server --listen SOCKET -- FLAGS
//
// FLAGS are metrics-server's own. It serves on a Unix socket instead of a
// port, and ends when its standard input does.
func NewPartCommand() *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:          "metrics-server --listen SOCKET -- FLAGS",
		Hidden:       true,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go func() {
				// It ends with the process at the latest: whatever Read
				// says, there is nobody left to serve for.
				_, _ = io.Copy(io.Discard, cmd.InOrStdin())
				cancel()
			}()
			return run(ctx, socket, args)
		},
	}
	cmd.Flags().StringVar(&socket, "listen", "", "Unix socket to serve on")
	return cmd
}

// run is metrics-server's own main with another listener.
func run(ctx context.Context, socket string, args []string) error {
	logs.InitLogs()
	defer klog.StopFlushDaemon() // that InitLogs started; it flushes a last time
	o := options.NewOptions()
	flags := pflag.NewFlagSet("metrics-server", pflag.ContinueOnError)
	sets := o.Flags()
	for _, name := range sets.Order {
		flags.AddFlagSet(sets.FlagSets[name])
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if errs := o.Validate(); len(errs) > 0 {
		return errs[0]
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("failed to create listener: %w", err)
	}
	o.SecureServing.Listener = portListener{l, o.SecureServing.BindPort}
	config, err := o.ServerConfig()
	if err != nil {
		return err
	}
	server, err := config.Complete()
	if err != nil {
		return err
	}
	return server.RunUntil(ctx.Done())
}

// portListener is a listener on a Unix socket under the name of the port that
// it stands for, which is what the library of API servers insists on.
type portListener struct {
	net.Listener
	port int
}

func (l portListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.port}
}

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
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/component-base/logs"
	"k8s.io/klog/v2"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app/options"
)

// NewPartCommand is the hidden command of the child process:
//
//	part metrics-server --dir DIR -- FLAGS
//
// FLAGS are the Pod's, of metrics-server's own. It serves on the Unix socket
// "s" of DIR instead of a port, takes the credentials that are in DIR, and ends
// when its standard input does.
func NewPartCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:          "metrics-server --dir DIR -- FLAGS",
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
			return run(ctx, dir, args)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the socket and the credentials")
	return cmd
}

// run is metrics-server's own main with another listener.
func run(ctx context.Context, dir string, args []string) error {
	logs.InitLogs()
	defer klog.StopFlushDaemon() // that InitLogs started; it flushes a last time
	o, err := parse(dir, args)
	if err != nil {
		return err
	}
	if errs := o.Validate(); len(errs) > 0 {
		return errs[0]
	}
	l, err := net.Listen("unix", socketIn(dir))
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

// parse reads a Pod's flags and adds those that lead to its network and
// credentials.
func parse(dir string, args []string) (*options.Options, error) {
	o := options.NewOptions()
	flags := pflag.NewFlagSet("metrics-server", pflag.ContinueOnError)
	sets := o.Flags()
	for _, name := range sets.Order {
		flags.AddFlagSet(sets.FlagSets[name])
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var refused []string
	flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains(allowed(), f.Name) {
			refused = append(refused, "--"+f.Name)
		}
	})
	if len(refused) > 0 {
		return nil, fmt.Errorf("the embedded cluster runs metrics-server as a process of this machine and does not take %s, "+
			"which could name files or addresses of it; remove it from the container's args", strings.Join(refused, ", "))
	}
	for name, value := range ownFlags(dir) {
		if err := flags.Set(name, value); err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
	}
	return o, nil
}

// allowed are the flags that a Pod may give: those with which metrics-server
// neither reads nor writes a file, nor listens at or dials an address of the
// machine. --cert-dir is in its own manifest, and replaced.
func allowed() []string {
	return []string{
		"help", "version", "v", "vmodule", "logging-format", "log-flush-frequency",
		"kubelet-insecure-tls", "kubelet-use-node-status-port", "kubelet-preferred-address-types", "kubelet-port",
		"kubelet-request-timeout", "metric-resolution", "node-selector", "secure-port", "cert-dir",
		"authentication-skip-lookup", "authentication-tolerate-lookup-failure", "authentication-token-webhook-cache-ttl",
		"authorization-always-allow-paths", "authorization-webhook-cache-authorized-ttl", "authorization-webhook-cache-unauthorized-ttl",
		"requestheader-allowed-names", "requestheader-extra-headers-prefix", "requestheader-group-headers",
		"requestheader-username-headers", "requestheader-uid-headers", "tls-cipher-suites", "tls-min-version", "http2-max-streams-per-connection",
		"disable-http2-serving", "feature-gates", "goaway-chance", "max-requests-inflight", "max-mutating-requests-inflight",
		"min-request-timeout", "request-timeout", "shutdown-delay-duration", "profiling", "contention-profiling",
	}
}

// ownFlags are what the child needs in the place of a Pod's file system.
func ownFlags(dir string) map[string]string {
	config := filepath.Join(dir, "kubeconfig")
	return map[string]string{
		"kubeconfig":                config,
		"authentication-kubeconfig": config,
		"authorization-kubeconfig":  config,
		"cert-dir":                  filepath.Join(dir, "certs"),
	}
}

// socketIn is the child's socket in its folder.
func socketIn(dir string) string { return filepath.Join(dir, "s") }

// portListener is a listener on a Unix socket under the name of the port that
// it stands for, which is what the library of API servers insists on.
type portListener struct {
	net.Listener
	port int
}

func (l portListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.port}
}

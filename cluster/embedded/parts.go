package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client-go's metrics, as upstream's mains register them
	_ "k8s.io/component-base/metrics/prometheus/version"  // the build_info metric
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
	"github.com/k8stutor/k8stutor/cluster/embedded/pvbinder"
	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
	"github.com/k8stutor/k8stutor/cluster/embedded/system/metricsserver"
)

// newPartCommand is the hidden command that runs one part of the cluster in
// this process. Feature gates, flags and metrics of the components are
// process-wide, so each of them has a process of its own.
func newPartCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "part NAME",
		Short:  "Run one part of the cluster in this process (used by supervise)",
		Hidden: true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			if os.Getenv(supervise.EnvChild) != "" {
				startFast(cmd.Context())
			}
		},
	}
	cmd.AddCommand(
		upstreamPart("apiserver", apiserver.NewAPIServerCommand, nil),
		newControllerManagerPart(),
		upstreamPart("scheduler", func() *cobra.Command { return scheduler.NewSchedulerCommand() }, nil),
		newEtcdPart(),
		newNodePart(),
		metricsserver.NewPartCommand(),
	)
	return cmd
}

// newControllerManagerPart is kube-controller-manager, and beside it the one
// controller of it that touches files of the node.
func newControllerManagerPart() *cobra.Command {
	var kubeconfig, host string
	cmd := upstreamPart("kcm", kcm.NewControllerManagerCommand, func(ctx context.Context) error {
		if kubeconfig == "" {
			return nil // the benchmark's bare control plane, which has no node
		}
		binder, err := pvbinder.New(ctx, kubeconfig, host)
		if err != nil {
			return fmt.Errorf("PersistentVolume controller: %w", err)
		}
		go binder.Run(ctx) // ends with the process, as upstream's controllers do
		return nil
	})
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "credentials of the PersistentVolume controller; without them it does not run")
	cmd.Flags().StringVar(&host, "host", "", "folder that stands for \"/\" of the node")
	return cmd
}

// upstreamPart wraps a component's own command: everything after "--" is its
// command line, as it would be for the binary of that name. beside, if any, is
// called once the gates are passed.
func upstreamPart(name string, build func() *cobra.Command, beside func(ctx context.Context) error) *cobra.Command {
	var gates []string
	cmd := &cobra.Command{
		Use: name + " [--gate GATE]... -- FLAGS",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := passGates(cmd.Context(), gates); err != nil {
				return err
			}
			if beside != nil {
				if err := beside(cmd.Context()); err != nil {
					return err
				}
			}
			// From here on signals are the component's own business:
			// kube-apiserver handles them, kube-controller-manager counts on
			// being ended by them.
			signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			inner := build()
			inner.SetArgs(args)
			if code := cli.Run(inner); code != 0 {
				return exitCode(code)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&gates, "gate", nil, "wait before starting: unix:PATH (something listens) or healthz:KUBECONFIG (the API server is healthy)")
	return cmd
}

// passGates waits until what the part needs is there. Components that start
// too early lose a second or more in the fixed retry intervals of gRPC and
// client-go.
func passGates(ctx context.Context, gates []string) error {
	for _, gate := range gates {
		kind, arg, _ := strings.Cut(gate, ":")
		var err error
		switch kind {
		case "unix":
			err = controlplane.WaitSocket(ctx, arg)
		case "healthz":
			err = controlplane.WaitHealthy(ctx, arg, "/healthz")
		default:
			err = fmt.Errorf("unknown gate %q", gate)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newEtcdPart runs a single-member etcd.
//
// It runs without fsync: what a process wrote survives its death (kill -9
// included) because the kernel holds it, but a power cut or a kernel crash may
// lose or damage a training cluster. In return, starting and writing do not
// wait for the disk, which on laptops and virtual machines is most of the time
// of a cold start.
func newEtcdPart() *cobra.Command {
	var dataDir, client, peer string
	cmd := &cobra.Command{
		Use:  "etcd",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := controlplane.EtcdConfig(dataDir, client, peer)
			if err != nil {
				return err
			}
			// Segments are allocated in full beforehand: upstream's 64 MB would
			// take 128 MB of disk for a cluster of a few hundred objects.
			wal.SegmentSizeBytes = 8 << 20
			return runEtcd(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "folder of the data")
	cmd.Flags().StringVar(&client, "listen-client", "", "URL for clients, such as unix:///run/etcd.sock")
	cmd.Flags().StringVar(&peer, "listen-peer", "", "URL for peers; a single member never has any")
	return cmd
}

func runEtcd(ctx context.Context, cfg *embed.Config) error {
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return fmt.Errorf("starting etcd in %s: %w", filepath.Clean(cfg.Dir), err)
	}
	defer e.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-e.Err():
		return err
	case <-e.Server.StopNotify():
		return fmt.Errorf("etcd stopped by itself")
	}
}

// newNodePart runs the node: virtual network, container runtime, kubelet and
// the workloads, all in one process.
func newNodePart() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:  "node",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runNode(cmd.Context(), dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the cluster")
	return cmd
}

// dieWithParent ends the process when the supervisor's end of standard input
// closes, which it does however the supervisor dies. On Linux the kernel's
// parent-death signal is usually quicker; this works everywhere.
func dieWithParent(stdin io.Reader, exit func(int)) {
	if os.Getenv(supervise.EnvChild) == "" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		exit(1)
	}()
}

// startFast lets the heap grow while the process starts, when nearly all of it
// is there to stay, and after that collects garbage more often than Go's
// default: it costs little in a process that idles, and the memory of a laptop
// is worth more. Who sets GOGC or GOMEMLIMIT decides instead.
func startFast(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	const (
		starting = 256 << 20 // bytes, before anything is collected
		settled  = 50        // percent
		after    = 20 * time.Second
	)
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(starting)
	go func() { // ends with the process at the latest
		select {
		case <-ctx.Done():
		case <-time.After(after):
			debug.SetGCPercent(settled)
			debug.SetMemoryLimit(math.MaxInt64)
			debug.FreeOSMemory()
		}
	}()
}

// exitCode is an error that carries the exit code of a component.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exited with code %d", int(e)) }

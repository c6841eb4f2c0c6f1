package system

import (
	"context"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet/proxy"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// KubeProxy is the program of the kube-proxy container. It watches Services
// and EndpointSlices and sets the routing table of the virtual network. When
// it ends, the rules it made last stay in force, as with the real one.
type KubeProxy struct {
	// SetTable takes each routing table: vnet.Network.SetTable.
	SetTable func(vnet.Table)
	// Server is the URL of the API server at the node's address, such as
	// https://172.18.0.2:6443. It can't be the Service's: kube-proxy makes that
	// reachable in the first place. The credentials are those of the Pod's
	// ServiceAccount.
	Server string
}

// Run implements workload.Program.
func (k *KubeProxy) Run(ctx context.Context, p *workload.Process) int {
	ctx, stop := UntilSignal(ctx, p)
	defer stop()
	log := &klogWriter{file: "proxier.go:1", w: p.Stderr}
	log.info(`"k8stutor-embedded's stand-in for kube-proxy: Services are routed by the in-process virtual network, not by iptables; endpoints take turns"`)
	cfg, err := InCluster(p, k.Server)
	if err != nil {
		log.err(`"Failed to read the ServiceAccount's credentials" err=%q`, err)
		return 1
	}
	cfg = rest.AddUserAgent(cfg, "kube-proxy")
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		log.err(`"Failed to make a client" err=%q`, err)
		return 1
	}
	set := k.SetTable
	if p.CPU != nil {
		set = func(t vnet.Table) { p.CPU.Do(func() { k.SetTable(t) }) }
	}
	s := &proxy.Syncer{Client: client, Set: set, Log: log.info}
	if err := s.Run(ctx); err != nil && ctx.Err() == nil {
		log.err(`"Failed to sync" err=%q`, err)
		return 1
	}
	log.info(`"Shutting down; the routes stay as they are"`)
	return 0
}

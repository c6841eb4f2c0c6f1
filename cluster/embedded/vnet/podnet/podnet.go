// Package podnet fits the virtual network to the interface of the container
// runtime.
package podnet

import (
	"context"

	"github.com/k8stutor/k8stutor/cluster/embedded/runtime"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
)

// New makes n the network of a runtime. Closing n stays the caller's job.
func New(n *vnet.Network) runtime.Network { return network{n} }

type network struct{ *vnet.Network }

// Attach implements runtime.Network.
func (n network) Attach(ctx context.Context, pod runtime.PodNetConfig) (runtime.PodNetwork, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg := vnet.PodConfig{
		Name:        pod.Namespace + "/" + pod.Name,
		Hostname:    pod.Hostname,
		HostNetwork: pod.HostNetwork,
		Resolver: vnet.ResolverConfig{
			Servers: pod.DNSServers, Searches: pod.DNSSearches, Options: pod.DNSOptions,
		},
	}
	for _, m := range pod.PortMappings {
		if m.HostPort == 0 {
			continue
		}
		cfg.HostPorts = append(cfg.HostPorts, vnet.HostPort{
			Protocol: vnet.Protocol(m.Protocol), Host: uint16(m.HostPort), Pod: uint16(m.ContainerPort),
		})
	}
	p, err := n.Network.Attach(cfg)
	if err != nil {
		return nil, err
	}
	return podNetwork{p}, nil
}

type podNetwork struct{ *vnet.Pod }

var _ runtime.ProcessNetwork = podNetwork{}

// Stats implements runtime.PodNetwork.
func (p podNetwork) Stats() runtime.NetStats {
	received, sent := p.Pod.Stats()
	return runtime.NetStats{RxBytes: received, TxBytes: sent}
}

// Process implements runtime.ProcessNetwork.
func (p podNetwork) Process(hosts func() ([]byte, error)) runtime.ProcessNet {
	return p.Pod.NewProcessWithHosts(hosts)
}

package runtime

import (
	"context"
	"net"
	"net/netip"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Network gives Pods their place in the cluster's network. The virtual network
// implements it; its methods are safe for concurrent use.
type Network interface {
	// Attach gives a Pod its network. The runtime calls it once for each Pod
	// sandbox and closes what it got when the sandbox is stopped. A Pod with
	// HostNetwork shares the node's address.
	Attach(ctx context.Context, pod PodNetConfig) (PodNetwork, error)
}

// PodNetwork is one Pod's network. Programs listen and dial through it; the
// runtime itself dials through it for probes and port-forward.
type PodNetwork interface {
	workload.Net
	// IP is the Pod's address, or the node's for a host network Pod.
	IP() netip.Addr
	// DialFromNode connects to an address as a process of the node would,
	// which is how the kubelet probes and forwards: 127.0.0.1 and localhost
	// mean this Pod's own loopback. Listen and Dial of workload.Net see the
	// same loopback.
	DialFromNode(ctx context.Context, network, address string) (net.Conn, error)
	// Stats are the bytes and packets since Attach.
	Stats() NetStats
	// Close takes the Pod off the network: its listeners and connections
	// are closed and its address is free again. Close is idempotent.
	Close() error
}

// PodNetConfig says what a Pod needs from the network.
type PodNetConfig struct {
	ID          string // of the sandbox
	Namespace   string
	Name        string
	Hostname    string
	HostNetwork bool
	// DNS is what the Pod's /etc/resolv.conf says.
	DNSServers   []string
	DNSSearches  []string
	DNSOptions   []string
	PortMappings []PortMapping
}

// PortMapping is a container port that is to answer on the node (hostPort).
type PortMapping struct {
	Protocol      string // "tcp" or "udp"
	ContainerPort int32
	HostPort      int32
	HostIP        string
}

// NetStats counts what went through a Pod's network.
type NetStats struct {
	RxBytes, TxBytes uint64
}

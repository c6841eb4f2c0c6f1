package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// The configuration of the CNI plugins: a veth pair for each Pod, with an
// address out of the node's range, and host ports.
const conflist = `{"cniVersion":"0.3.1","name":"node","plugins":[
  {"type":"ptp","ipMasq":true,"mtu":1500,"ipam":{"type":"host-local","dataDir":"/run/cni-ipam-state",
    "routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":%q}]]}},
  {"type":"portmap","capabilities":{"portMappings":true}}]}
`

// runCNI is what kindnetd is in kind's own node image, for a cluster of one
// node: it configures the node's Pod network and then has nothing to do. It
// waits until the API server answers at its Service's address before: a node
// that is ready sooner starts CoreDNS into a dial that hangs for half a minute.
func runCNI([]string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := configureNetwork(ctx, os.Getenv("NODE_NAME"), "/host/net.d"); err != nil {
		fmt.Fprintln(os.Stderr, "cni:", err)
		return 1
	}
	<-ctx.Done()
	return 0
}

func configureNetwork(ctx context.Context, node, dir string) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	config.Timeout = 2 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		if err == nil && n.Spec.PodCIDR != "" {
			// kubelet and containerd watch the folder: the file comes whole.
			if err := os.WriteFile(dir+"/.new", fmt.Appendf(nil, conflist, n.Spec.PodCIDR), 0o644); err != nil {
				return err
			}
			return os.Rename(dir+"/.new", dir+"/10-node.conflist")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "cni:", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

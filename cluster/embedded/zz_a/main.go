package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	utilversion "k8s.io/component-base/version"

	"net/netip"

	"github.com/k8stutor/k8stutor/cluster/embedded/node"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet/podnet"
)

func main() {
	_ = utilversion.Get()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	n := vnet.New(vnet.Config{NodeIP: netip.MustParseAddr("172.18.0.2"), PodCIDR: netip.MustParsePrefix("10.244.0.0/24")})
	t := time.Now()
	err := node.Run(ctx, node.Config{
		Name: "lab-control-plane", IP: "127.0.0.1", Kubeconfig: os.Args[1], ClientCA: os.Args[2], RootDir: os.Args[3],
		ListenAddress: net.JoinHostPort("127.0.0.1", "21250"), Port: 21250, ClusterDNS: "10.96.0.10",
		ManifestDir: os.Args[4],
		Images:      node.LessonImages(nil), Network: podnet.New(n),
	})
	fmt.Println("ended", err, time.Since(t))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/k8stutor/k8stutor/cluster/embedded/addons"
	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
	"github.com/k8stutor/k8stutor/cluster/embedded/node"
	"github.com/k8stutor/k8stutor/cluster/embedded/runtime"
	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
	"github.com/k8stutor/k8stutor/cluster/embedded/system"
	"github.com/k8stutor/k8stutor/cluster/embedded/system/coredns"
	"github.com/k8stutor/k8stutor/cluster/embedded/system/metricsserver"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet/podnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// kubeletPort is what the Node object announces, as everywhere; the network
// leads it to the port of 127.0.0.1 where the kubelet really listens.
const kubeletPort = 10250

// metricsServerImage is the one in metrics-server's own manifest.
const metricsServerImage = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"

// runNode runs the node until ctx ends: the virtual network, the API server's
// way into it, and the kubelet with its container runtime.
func runNode(ctx context.Context, dir string) error {
	l, err := controlplane.NewLayout(dir)
	if err != nil {
		return err
	}
	cluster, err := controlplane.LoadCluster(l)
	if err != nil {
		return err
	}
	client, err := kubeletClient(l)
	if err != nil {
		return err
	}
	network, err := newNetwork(l, cluster, portEvents{client})
	if err != nil {
		return err
	}
	defer func() { _ = network.Close() }()
	defer saveLastPodIP(l, network)

	egress, err := listenEgress(l)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		served <- (&vnet.Proxy{Dialer: network.Node()}).Serve(ctx, egress)
		cancel() // without it the API server reaches nothing
	}()
	cfg, err := nodeConfig(l, cluster, network)
	if err == nil {
		err = waitNodeObject(ctx, client, cfg.Name)
	}
	if err == nil {
		err = node.Run(ctx, cfg)
	}
	cancel()
	return errors.Join(err, <-served)
}

func newNetwork(l controlplane.Layout, c controlplane.Cluster, ports portEvents) (*vnet.Network, error) {
	podCIDR, err := netip.ParsePrefix(controlplane.PodCIDR)
	if err != nil {
		return nil, err
	}
	nodeIP, err := netip.ParseAddr(controlplane.NodeIP)
	if err != nil {
		return nil, err
	}
	network := vnet.New(vnet.Config{
		PodCIDR:          podCIDR,
		NodeIP:           nodeIP,
		LastPodIP:        loadLastPodIP(l),
		PublishNodePorts: true,
		PortProblem:      ports.problem,
	})
	network.MapNodePort(uint16(c.APIServerPort), loopback(c.APIServerPort))
	network.MapNodePort(kubeletPort, loopback(c.KubeletPort))
	return network, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// listenEgress opens the socket on which the API server asks for connections
// into the network.
func listenEgress(l controlplane.Layout) (net.Listener, error) {
	if err := os.Remove(l.EgressSocket()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing a stale egress socket: %w", err)
	}
	listener, err := net.Listen("unix", l.EgressSocket())
	if err != nil {
		return nil, fmt.Errorf("opening the egress socket: %w", err)
	}
	return listener, nil
}

func nodeConfig(l controlplane.Layout, c controlplane.Cluster, network *vnet.Network) (node.Config, error) {
	images, err := systemImages(l, c, network)
	if err != nil {
		return node.Config{}, err
	}
	return node.Config{
		Name:          c.NodeName,
		IP:            controlplane.NodeIP,
		Kubeconfig:    l.ComponentKubeconfig("kubelet"),
		ClientCA:      l.ClientCA(),
		RootDir:       l.Node(),
		HostDir:       l.NodeHost(),
		ManifestDir:   l.Manifests(),
		ListenAddress: loopback(c.KubeletPort),
		Port:          kubeletPort,
		ClusterDNS:    controlplane.DNSServiceIP,
		ClusterDomain: controlplane.ClusterDomain,
		Images:        node.LessonImages(images),
		Network:       podnet.New(network),
	}, nil
}

// systemImages are the images of kube-system: those of the static Pods stand
// for the supervised parts, the others run in this process.
func systemImages(l controlplane.Layout, c controlplane.Cluster, network *vnet.Network) (map[string]runtime.Image, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	parts := supervise.Source{Client: supervise.NewClient(l.ControlSocket()), LogDir: l.Logs()}
	images := map[string]runtime.Image{
		addons.CoreDNSImage: image("/coredns", coredns.CoreDNS{}),
		addons.KubeProxyImage: image("/usr/local/bin/kube-proxy", &system.KubeProxy{
			SetTable: network.SetTable,
			Server:   "https://" + net.JoinHostPort(controlplane.NodeIP, strconv.Itoa(c.APIServerPort)),
		}),
		metricsServerImage: image("/metrics-server", &metricsserver.Program{Command: []string{self, "part"}, Dir: l.Run}),
	}
	for _, pod := range controlplane.StaticPods(l, c) {
		images[pod.Image] = image("/usr/local/bin/"+pod.Component, &system.Mirror{Part: pod.Part, Source: parts})
	}
	return images, nil
}

// image is an image that holds one program and nothing else.
func image(entrypoint string, program workload.Program) runtime.Image {
	return runtime.Image{
		Entrypoint: []string{entrypoint},
		Find: func(argv0 string) workload.Program {
			if argv0 == entrypoint || argv0 == path.Base(entrypoint) {
				return program
			}
			return nil
		},
	}
}

// kubeletClient is a client with the kubelet's credentials.
func kubeletClient(l controlplane.Layout) (kubernetes.Interface, error) {
	path := l.ComponentKubeconfig("kubelet")
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	cfg.QPS = -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}

// waitNodeObject waits for the Node object that up makes with the node's
// address and labels: a kubelet that finds none makes one without them.
func waitNodeObject(ctx context.Context, client kubernetes.Interface, name string) error {
	err := controlplane.Poll(ctx, func(ctx context.Context) bool {
		_, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the Node object: %w", err)
	}
	return nil
}

func lastPodIPFile(l controlplane.Layout) string { return filepath.Join(l.Node(), "last-pod-ip") }

// loadLastPodIP is the Pod address that was handed out last before a pause, so
// that addresses are not used again at once. It is no loss when it is missing.
func loadLastPodIP(l controlplane.Layout) netip.Addr {
	data, err := os.ReadFile(lastPodIPFile(l))
	if err != nil {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(string(data)))
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

func saveLastPodIP(l controlplane.Layout, network *vnet.Network) {
	if last := network.LastPodIP(); last.IsValid() {
		if err := controlplane.WriteFile(lastPodIPFile(l), []byte(last.String()+"\n")); err != nil {
			klog.ErrorS(err, "Can't remember the last Pod address")
		}
	}
}

package controlplane

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"

	"go.etcd.io/etcd/server/v3/embed"
)

// Names of the parts of a cluster, as status and the log files show them.
const (
	PartEtcd              = "etcd"
	PartAPIServer         = "apiserver"
	PartControllerManager = "controller-manager"
	PartScheduler         = "scheduler"
	PartNode              = "node"
)

// EtcdConfig is the configuration of the cluster's single etcd member. The URLs
// are of Unix sockets, guarded by the rights of their folder.
func EtcdConfig(dataDir, client, peer string) (*embed.Config, error) {
	clientURL, err := url.Parse(client)
	if err != nil {
		return nil, fmt.Errorf("etcd's client URL: %w", err)
	}
	peerURL, err := url.Parse(peer)
	if err != nil {
		return nil, fmt.Errorf("etcd's peer URL: %w", err)
	}
	cfg := embed.NewConfig()
	cfg.Dir = dataDir
	cfg.ListenClientUrls = []url.URL{*clientURL}
	cfg.ListenPeerUrls = []url.URL{*peerURL}
	// What is advertised has to look like host:port, and nobody dials it: the
	// API server is told the socket, and there is no second member.
	advertised := []url.URL{{Scheme: "http", Host: "localhost:2380"}}
	cfg.AdvertisePeerUrls = advertised
	cfg.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: "localhost:2379"}}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.UnsafeNoFsync = true
	cfg.LogLevel = "warn"
	// Zero, which an embedded etcd gets, would log every request as slow.
	cfg.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	cfg.EnableGRPCGateway = false
	return cfg, nil
}

// EtcdArgs is the command line of the part "etcd".
func EtcdArgs(l Layout) []string {
	return []string{
		"--data-dir=" + l.EtcdData(),
		"--listen-client=unix://" + l.EtcdSocket(),
		"--listen-peer=unix://" + l.EtcdPeerSocket(),
	}
}

// APIServerArgs is the command line of kube-apiserver. Where nothing is said,
// it is as kubeadm makes it, which is what kind runs.
func APIServerArgs(l Layout, c Cluster) []string {
	return []string{
		"--advertise-address=" + NodeIP,
		"--allow-privileged=true",
		"--audit-log-format=json",
		"--audit-log-maxbackup=2",
		"--audit-log-maxsize=8", // MB
		"--audit-log-path=" + l.AuditLog(),
		"--audit-policy-file=" + l.AuditPolicy(),
		"--authorization-mode=Node,RBAC",
		"--bind-address=127.0.0.1",
		"--client-ca-file=" + l.Cert(certCA),
		"--egress-selector-config-file=" + l.EgressConfig(),
		"--enable-admission-plugins=NodeRestriction",
		"--enable-aggregator-routing=true",
		"--etcd-servers=unix://" + l.EtcdSocket(),
		"--kubelet-client-certificate=" + l.Cert(certKubeletClient),
		"--kubelet-client-key=" + l.Key(certKubeletClient),
		"--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"--profiling=false",
		"--proxy-client-cert-file=" + l.Cert(certFrontProxy),
		"--proxy-client-key-file=" + l.Key(certFrontProxy),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-client-ca-file=" + l.Cert(certFrontProxyCA),
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--secure-port=" + strconv.Itoa(c.APIServerPort),
		"--service-account-issuer=https://kubernetes.default.svc." + ClusterDomain,
		"--service-account-key-file=" + l.ServiceAccountPublicKey(),
		"--service-account-signing-key-file=" + l.Key(keyServiceAccounts),
		"--service-cluster-ip-range=" + ServiceCIDR,
		"--service-node-port-range=" + NodePorts,
		"--tls-cert-file=" + l.Cert(certAPIServer),
		"--tls-private-key-file=" + l.Key(certAPIServer),
	}
}

// autoscalerPeriod is how often a HorizontalPodAutoscaler is decided on.
// Upstream's 15 s add up with the 10 s between two measurements, and a lesson
// has several decisions in a row.
const autoscalerPeriod = "5s"

// ControllerManagerArgs is the command line of kube-controller-manager. All
// periods that a learner can observe are upstream's, but for the autoscaler's.
func ControllerManagerArgs(l Layout, c Cluster) []string {
	kubeconfig := l.ComponentKubeconfig("controller-manager")
	return []string{
		"--allocate-node-cidrs=false", // the only node comes with its Pod CIDR
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--client-ca-file=" + l.Cert(certCA),
		"--cluster-cidr=" + ClusterCIDR,
		"--cluster-name=" + c.Name,
		"--cluster-signing-cert-file=" + l.Cert(certCA),
		"--cluster-signing-key-file=" + l.Key(certCA),
		// Its own would delete folders of the machine: pvbinder runs beside it.
		"--controllers=*,-persistentvolume-binder-controller",
		"--controller-shutdown-timeout=100ms", // they hold nothing that is worth waiting for
		// The default is a folder of the machine, which is made where it is missing,
		// and programs in it are run.
		"--flex-volume-plugin-dir=" + filepath.Join(l.Node(), "flexvolume"),
		"--horizontal-pod-autoscaler-sync-period=" + autoscalerPeriod,
		// Upstream's 20 requests a second are for a controller among many
		// clients; here they would only stretch the start.
		"--kube-api-burst=200",
		"--kube-api-qps=100",
		"--kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--profiling=false",
		"--root-ca-file=" + l.Cert(certCA),
		"--secure-port=0",
		"--service-account-private-key-file=" + l.Key(keyServiceAccounts),
		"--service-cluster-ip-range=" + ServiceCIDR,
		"--use-service-account-credentials=false",
	}
}

// SchedulerArgs is the command line of kube-scheduler.
func SchedulerArgs(l Layout) []string {
	return []string{
		"--kubeconfig=" + l.ComponentKubeconfig("scheduler"),
		"--leader-elect=false",
		"--profiling=false",
		"--secure-port=0",
	}
}

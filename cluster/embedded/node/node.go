package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"time"

	noop "go.opentelemetry.io/otel/trace/noop"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	clientset "k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	internalapi "k8s.io/cri-api/pkg/apis"
	"k8s.io/klog/v2"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/config"
	kubetypes "k8s.io/kubernetes/pkg/kubelet/types"
	kubeletutil "k8s.io/kubernetes/pkg/kubelet/util"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"

	"github.com/k8stutor/k8stutor/cluster/embedded/runtime"
)

// Config says what a node is.
type Config struct {
	// Name of the Node object.
	Name string
	// IP is the address at which the cluster's network knows the node, such
	// as 172.18.0.2. It is put into the Node's status if the object does not
	// have an address yet.
	IP string
	// Kubeconfig holds the credentials of system:node:NAME.
	Kubeconfig string
	// ClientCA is the file of the CA whose client certificates the kubelet's
	// own API accepts.
	ClientCA string
	// RootDir holds everything of the node. It is created with mode 0700.
	RootDir string
	// HostDir, in RootDir, stands for "/" of the node: hostPath volumes name
	// places in it.
	HostDir string
	// ManifestDir holds the static Pods. Empty: there are none.
	ManifestDir string

	// ListenAddress is where the kubelet's API listens on this machine, such
	// as 127.0.0.1:40123. The kubelet can't report a port that the system
	// chose, so it is not 0.
	ListenAddress string
	// Port is the one that the Node object announces; the network leads
	// IP:Port to ListenAddress. 10250 when 0.
	Port int32

	// ClusterDNS is the address of the DNS Service, ClusterDomain its domain
	// ("cluster.local" when empty).
	ClusterDNS    string
	ClusterDomain string

	// Cores and Memory (bytes) are the node's capacity; 0 takes all cores and
	// half of the memory. MaxPods is 110 when 0.
	Cores   int
	Memory  uint64
	MaxPods int32

	// Images are what containers can be made from; see LessonImages. Dir is
	// filled in here, PullTime is 700 ms when 0.
	Images runtime.ImagesConfig
	// Network is the Pods' network.
	Network runtime.Network
}

// node is a kubelet being set up.
type node struct {
	cfg     Config
	machine *machine
	rewrite *rewriter
	images  *runtime.Images
	runtime *runtime.Runtime

	client, heartbeat clientset.Interface
	events            corev1.EventsGetter
}

// Run runs a kubelet until ctx ends. It sets feature gates and other things
// that are global to a process, and the kubelet leaves goroutines behind when
// it ends, so it is for a process of its own; a kubelet that can't go on ends
// that process.
func Run(ctx context.Context, cfg Config) error {
	n, err := prepare(cfg)
	if err != nil {
		return fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	err = n.run(ctx)
	// Containers end with the node, whatever ended it.
	err = errors.Join(err, n.runtime.Close(context.WithoutCancel(ctx)))
	if err != nil {
		return fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	return nil
}

func (cfg *Config) defaults() {
	if cfg.Port == 0 {
		cfg.Port = 10250
	}
	if cfg.ClusterDomain == "" {
		cfg.ClusterDomain = "cluster.local"
	}
	if cfg.MaxPods == 0 {
		cfg.MaxPods = 110
	}
	if cfg.Images.PullTime == 0 {
		cfg.Images.PullTime = 700 * time.Millisecond
	}
}

func prepare(cfg Config) (*node, error) {
	cfg.defaults()
	// The kubelet writes the real path of volumes into mounts.
	root, err := filepath.Abs(cfg.RootDir)
	if err != nil {
		return nil, err
	}
	cfg.RootDir = root
	n := &node{cfg: cfg}
	for _, dir := range []string{root, n.path("kubelet"), cfg.HostDir, n.path("log")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("state folder: %w", err)
		}
	}
	if err := n.connect(); err != nil {
		return nil, err
	}
	marker, err := newMarker()
	if err != nil {
		return nil, err
	}
	n.rewrite = newRewriter(marker)
	n.machine = newMachine(cfg.Name, root, cfg.Cores, cfg.Memory, marker[:16])
	cfg.Images.Dir = root
	n.images = runtime.NewImages(cfg.Images)
	n.runtime, err = runtime.New(runtime.Config{
		StateDir: n.path("runtime"), MountBase: root, Images: n.images, Network: cfg.Network, NodeName: cfg.Name,
		NodeProbe: probePod, NodeProbeMarker: marker, Exited: n.rewrite.exited,
	})
	return n, err
}

func (n *node) path(name string) string { return filepath.Join(n.cfg.RootDir, name) }

// newMarker is a word that nobody can guess.
func newMarker() (string, error) {
	var b [24]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return "k8stutor-" + hex.EncodeToString(b[:]), nil
}

// connect makes the clients as upstream's kubelet does: one for objects, one
// for Events with a rate of its own, one for heartbeats that may not hang.
func (n *node) connect() error {
	base, err := clientcmd.BuildConfigFromFlags("", n.cfg.Kubeconfig)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	base.ContentType = "application/vnd.kubernetes.protobuf"
	base.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	base.QPS, base.Burst = 50, 100
	if n.client, err = clientset.NewForConfig(base); err != nil {
		return err
	}
	if n.events, err = corev1.NewForConfig(restclient.CopyConfig(base)); err != nil {
		return err
	}
	heartbeat := restclient.CopyConfig(base)
	heartbeat.Timeout = 10 * time.Second
	heartbeat.QPS = -1
	n.heartbeat, err = clientset.NewForConfig(heartbeat)
	return err
}

// kubeletConfig is upstream's default, changed where there are no privileges
// and where kind changes it, too.
func (n *node) kubeletConfig() (*kubeletconfig.KubeletConfiguration, error) {
	c, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(n.cfg.ListenAddress)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	c.Address, c.Port, c.ReadOnlyPort = host, n.cfg.Port, 0
	c.HealthzPort = 0
	c.StaticPodPath = n.cfg.ManifestDir
	c.PodLogsDir = n.path("log")
	c.MaxPods = n.cfg.MaxPods
	c.ClusterDomain = n.cfg.ClusterDomain
	if n.cfg.ClusterDNS != "" {
		c.ClusterDNS = []string{n.cfg.ClusterDNS}
	}
	c.ResolverConfig = n.path("resolv.conf")
	c.Authentication.X509.ClientCAFile = n.cfg.ClientCA
	c.Authentication.Anonymous.Enabled = false
	c.Authentication.Webhook.Enabled = true
	c.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook
	c.RotateCertificates = false

	// Without privileges: no cgroups, no iptables, no logs of the machine.
	c.CgroupsPerQOS = false
	c.EnforceNodeAllocatable = nil
	c.MakeIPTablesUtilChains = false
	c.FailSwapOn = false
	c.EnableSystemLogHandler = false

	// As kind does: a full disk of a laptop is not a full node.
	c.ImageGCHighThresholdPercent = 100
	c.EvictionHard = map[string]string{"nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"}
	return c, nil
}

// gates are the feature gates that differ from upstream's defaults.
func gates() map[string]bool {
	return map[string]bool{
		// Numbers for metrics come from the runtime; there is no cAdvisor.
		"PodAndContainerStatsFromCRI": true,
	}
}

func (n *node) run(ctx context.Context) error {
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(gates()); err != nil {
		return err
	}
	// Containers that burn CPU run in this process. With a few threads more
	// than cores, the operating system shares the cores between them and the
	// kubelet, as it does between processes.
	goruntime.GOMAXPROCS(goruntime.NumCPU()*2 + 2)
	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true})
	// What Pods with the DNS policy Default see, as on a node of kind.
	if err := os.WriteFile(n.path("resolv.conf"), []byte("nameserver 172.18.0.1\n"), 0o600); err != nil {
		return err
	}
	conf, err := n.kubeletConfig()
	if err != nil {
		return err
	}
	if err := n.ensureNode(ctx); err != nil {
		return err
	}
	flags := options.NewKubeletFlags()
	flags.RootDirectory = n.path("kubelet")
	flags.CertDirectory = n.path("pki")
	flags.HostnameOverride = n.cfg.Name
	deps, err := n.dependencies(ctx, flags, conf)
	if err != nil {
		return err
	}
	// Both sources are known from the start, or the kubelet would take the Pods
	// of the later one for leftovers.
	apiPods := deps.PodConfig.Channel(ctx, kubetypes.ApiserverSource)
	startFiles := func() {}
	if conf.StaticPodPath != "" {
		filePods := deps.PodConfig.Channel(ctx, kubetypes.FileSource)
		startFiles = func() {
			config.NewSourceFile(klog.FromContext(ctx), conf.StaticPodPath, types.NodeName(n.cfg.Name),
				conf.FileCheckFrequency.Duration, filePods)
		}
	}
	k, err := n.newKubelet(ctx, flags, conf, deps)
	if err != nil {
		return err
	}
	// Upstream looks once a second whether the Node object has been seen; a
	// cold start is shorter when it is looked for more often. Its capacity
	// must be seen, too: Pods are admitted against it.
	if err := waitFor(ctx, 10*time.Millisecond, func() bool {
		obj, err := k.GetNode(ctx)
		return err == nil && len(obj.Status.Allocatable) > 0
	}); err != nil {
		return nil // stopped before it began
	}
	startFiles()
	config.NewSourceApiserver(klog.FromContext(ctx), n.client, types.NodeName(n.cfg.Name), func() bool { return true }, apiPods)
	return n.serve(ctx, k, conf, deps)
}

// dependencies are what upstream's kubelet takes from its machine.
func (n *node) dependencies(ctx context.Context, flags *options.KubeletFlags, conf *kubeletconfig.KubeletConfiguration) (*kubelet.Dependencies, error) {
	// A self-signed serving certificate, as kind's nodes have.
	tlsOptions, err := kubeletapp.InitializeTLS(ctx, flags, conf)
	if err != nil {
		return nil, err
	}
	name := types.NodeName(n.cfg.Name)
	auth, runAuth, err := kubeletapp.BuildAuth(name, n.client, *conf)
	if err != nil {
		return nil, err
	}
	runAuth(ctx.Done())
	disk, err := diskInfo(n.cfg.RootDir)
	if err != nil {
		return nil, err
	}
	volumes, err := volumePlugins(n.cfg.HostDir)
	if err != nil {
		return nil, err
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartStructuredLogging(3)
	broadcaster.StartRecordingToSink(&corev1.EventSinkImpl{Interface: n.events.Events("")})
	deps := &kubelet.Dependencies{
		Auth:                      auth,
		CAdvisorInterface:         n.machine,
		ContainerManager:          newContainerManager(disk.Capacity),
		EventClient:               n.events,
		HeartbeatClient:           n.heartbeat,
		KubeClient:                n.rewrite.client(n.client),
		Mounter:                   newMounter(),
		HostUtil:                  hostUtil{HostUtil: hostutil.NewHostUtil(), base: n.cfg.RootDir},
		OOMAdjuster:               oom.NewFakeOOMAdjuster(),
		OSInterface:               nodeOS{},
		Subpather:                 subpather{base: n.cfg.RootDir},
		TracerProvider:            noop.NewTracerProvider(),
		VolumePlugins:             volumes,
		TLSOptions:                tlsOptions,
		RemoteRuntimeService:      internalapi.RuntimeService(n.runtime),
		RemoteImageService:        internalapi.ImageManagerService(n.images),
		PodStartupLatencyTracker:  kubeletutil.NewPodStartupLatencyTracker(),
		NodeStartupLatencyTracker: kubeletutil.NewNodeStartupLatencyTracker(),
		Recorder:                  broadcaster.NewRecorder(legacyscheme.Scheme, v1.EventSource{Component: "kubelet", Host: n.cfg.Name}),
	}
	deps.PodConfig = config.NewPodConfig(deps.Recorder, deps.PodStartupLatencyTracker)
	return deps, nil
}

func (n *node) newKubelet(ctx context.Context, flags *options.KubeletFlags, conf *kubeletconfig.KubeletConfiguration, deps *kubelet.Dependencies) (*kubelet.Kubelet, error) {
	k, err := kubelet.NewMainKubelet(ctx, conf, deps, &flags.ContainerRuntimeOptions,
		n.cfg.Name, types.NodeName(n.cfg.Name), nil, "", "external",
		flags.CertDirectory, flags.RootDirectory, conf.PodLogsDir, "", "",
		conf.RegisterNode, conf.RegisterWithTaints, nil, "", false, false,
		flags.MinimumGCAge, flags.MaxPerPodContainerCount, flags.MaxContainerCount,
		nil, conf.NodeStatusMaxImages, false)
	if err != nil {
		return nil, fmt.Errorf("kubelet: %w", err)
	}
	k.BirthCry()
	k.StartGarbageCollection(ctx)
	return k, nil
}

// serve runs the kubelet's loop and its API until ctx ends.
func (n *node) serve(ctx context.Context, k *kubelet.Kubelet, conf *kubeletconfig.KubeletConfiguration, deps *kubelet.Dependencies) error {
	updates := make(chan kubetypes.PodUpdate)
	failed := make(chan error, 1)
	go func() {
		if err := n.rewrite.run(ctx, deps.PodConfig.Updates(), updates); err != nil {
			failed <- fmt.Errorf("pod update: %w", err)
		}
	}()
	go k.Run(ctx, updates)
	listen := *conf
	_, port, err := net.SplitHostPort(n.cfg.ListenAddress)
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(port, &listen.Port); err != nil {
		return fmt.Errorf("listen address %s: %w", n.cfg.ListenAddress, err)
	}
	go k.ListenAndServe(ctx, &listen, deps.TLSConfig, deps.Auth, deps.TracerProvider)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// ensureNode makes the Node object if there is none and gives it its address.
// The kubelet itself leaves addresses to a cloud provider (see
// pkg/kubelet/nodestatus/setters.go): those of the machine mean nothing to Pods.
func (n *node) ensureNode(ctx context.Context) error {
	nodes := n.client.CoreV1().Nodes()
	for {
		obj, err := nodes.Get(ctx, n.cfg.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			obj, err = nodes.Create(ctx, n.newNode(), metav1.CreateOptions{})
		}
		if err == nil && n.fillStatus(obj) {
			_, err = nodes.UpdateStatus(ctx, obj, metav1.UpdateOptions{})
		}
		if err == nil {
			return nil
		}
		klog.FromContext(ctx).Info("The Node object is not there yet", "node", n.cfg.Name, "reason", err.Error())
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("node object: %w", err)
		}
	}
}

// fillStatus adds what a new Node object lacks and reports whether it lacked
// anything. The kubelet admits static Pods before it reports its capacity.
func (n *node) fillStatus(obj *v1.Node) bool {
	changed := false
	if len(obj.Status.Addresses) == 0 && n.cfg.IP != "" {
		changed = true
		obj.Status.Addresses = []v1.NodeAddress{
			{Type: v1.NodeInternalIP, Address: n.cfg.IP}, {Type: v1.NodeHostName, Address: n.cfg.Name},
		}
	}
	if len(obj.Status.Allocatable) == 0 {
		changed = true
		obj.Status.Capacity = v1.ResourceList{
			v1.ResourceCPU:    *resource.NewQuantity(int64(n.machine.cores), resource.DecimalSI),
			v1.ResourceMemory: *resource.NewQuantity(int64(n.machine.memory), resource.BinarySI),
			v1.ResourcePods:   *resource.NewQuantity(int64(n.cfg.MaxPods), resource.DecimalSI),
		}
		obj.Status.Allocatable = obj.Status.Capacity
	}
	return changed
}

func (n *node) newNode() *v1.Node {
	return &v1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: n.cfg.Name,
		Labels: map[string]string{
			v1.LabelHostname: n.cfg.Name,
		},
	}}
}

// waitFor asks again and again until done says so or ctx ends.
func waitFor(ctx context.Context, every time.Duration, done func() bool) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

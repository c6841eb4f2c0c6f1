package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sandboxRecord is what is kept of a sandbox over a restart.
type sandboxRecord struct {
	ID        string                       `json:"id"`
	Config    *runtimeapi.PodSandboxConfig `json:"config"`
	Handler   string                       `json:"handler,omitempty"`
	CreatedAt int64                        `json:"createdAt"` // nanoseconds
	IP        string                       `json:"ip,omitempty"`
}

// sandbox is one Pod's place: its network and the files that its containers
// share.
type sandbox struct {
	sandboxRecord
	dir      string
	nodeName string

	mu      sync.Mutex
	network PodNetwork // nil once stopped
	rate    cpuRate    // of all its containers
	ended   time.Duration
}

// RunPodSandbox makes the place of a Pod and puts it on the network.
func (r *Runtime) RunPodSandbox(ctx context.Context, config *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	s := &sandbox{sandboxRecord: sandboxRecord{
		ID: newID(), Config: config, Handler: handler, CreatedAt: time.Now().UnixNano(),
	}, nodeName: r.cfg.NodeName}
	s.dir = filepath.Join(r.cfg.StateDir, "sandboxes", s.ID)
	network, err := r.cfg.Network.Attach(ctx, podNetConfig(s.ID, config))
	if err != nil {
		return "", status.Errorf(codes.Unknown, "failed to setup network for sandbox %q: %v", s.ID, err)
	}
	s.network = network
	s.IP = network.IP().String()
	s.rate.at = time.Now()
	err = s.writeFiles()
	if err == nil {
		err = saveJSON(filepath.Join(s.dir, "sandbox.json"), s.sandboxRecord)
	}
	if err != nil {
		return "", status.Errorf(codes.Unknown, "failed to create sandbox: %v", errors.Join(err, network.Close(), os.RemoveAll(s.dir)))
	}
	r.mu.Lock()
	r.sandboxes[s.ID] = s
	r.mu.Unlock()
	return s.ID, nil
}

func podNetConfig(id string, config *runtimeapi.PodSandboxConfig) PodNetConfig {
	n := PodNetConfig{
		ID:          id,
		Namespace:   config.GetMetadata().GetNamespace(),
		Name:        config.GetMetadata().GetName(),
		Hostname:    config.GetHostname(),
		HostNetwork: hostNetwork(config),
		DNSServers:  config.GetDnsConfig().GetServers(),
		DNSSearches: config.GetDnsConfig().GetSearches(),
		DNSOptions:  config.GetDnsConfig().GetOptions(),
	}
	for _, p := range config.GetPortMappings() {
		if p.HostPort > 0 {
			n.PortMappings = append(n.PortMappings, PortMapping{
				Protocol:      strings.ToLower(p.Protocol.String()),
				ContainerPort: p.ContainerPort, HostPort: p.HostPort, HostIP: p.HostIp,
			})
		}
	}
	return n
}

func hostNetwork(config *runtimeapi.PodSandboxConfig) bool {
	return config.GetLinux().GetSecurityContext().GetNamespaceOptions().GetNetwork() == runtimeapi.NamespaceMode_NODE
}

// writeFiles writes what containers find under /etc.
func (s *sandbox) writeFiles() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	var conf strings.Builder
	dns := s.Config.GetDnsConfig()
	if len(dns.GetSearches()) > 0 {
		fmt.Fprintf(&conf, "search %s\n", strings.Join(dns.GetSearches(), " "))
	}
	for _, server := range dns.GetServers() {
		fmt.Fprintf(&conf, "nameserver %s\n", server)
	}
	if len(dns.GetOptions()) > 0 {
		fmt.Fprintf(&conf, "options %s\n", strings.Join(dns.GetOptions(), " "))
	}
	for name, text := range map[string]string{"resolv.conf": conf.String(), "hostname": s.hostname() + "\n"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// hostname is the Pod's, or the node's own for a host network Pod.
func (s *sandbox) hostname() string {
	if name := s.Config.GetHostname(); name != "" {
		return name
	}
	if s.nodeName != "" && hostNetwork(s.Config) {
		return s.nodeName
	}
	return s.Config.GetMetadata().GetName()
}

// net is the Pod's network, or an error when the sandbox is stopped.
func (s *sandbox) net() (PodNetwork, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.network == nil {
		return nil, status.Errorf(codes.FailedPrecondition, "sandbox %q is not ready", s.ID)
	}
	return s.network, nil
}

func (s *sandbox) state() runtimeapi.PodSandboxState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.network == nil {
		return runtimeapi.PodSandboxState_SANDBOX_NOTREADY
	}
	return runtimeapi.PodSandboxState_SANDBOX_READY
}

// StopPodSandbox kills the Pod's containers and takes it off the network. It is
// idempotent.
func (r *Runtime) StopPodSandbox(_ context.Context, id string) error {
	s, err := r.sandbox(id)
	if status.Code(err) == codes.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for _, c := range r.containersOf(id) {
		c.killAndWait()
	}
	s.mu.Lock()
	network := s.network
	s.network = nil
	s.mu.Unlock()
	if network == nil {
		return nil
	}
	if err := network.Close(); err != nil {
		return status.Errorf(codes.Unknown, "failed to take sandbox %q off the network: %v", id, err)
	}
	return nil
}

// RemovePodSandbox stops a sandbox and forgets it and its containers.
func (r *Runtime) RemovePodSandbox(ctx context.Context, id string) error {
	s, err := r.sandbox(id)
	if err != nil {
		return nil // gone already
	}
	if err := r.StopPodSandbox(ctx, id); err != nil {
		return err
	}
	for _, c := range r.containersOf(id) {
		if err := r.RemoveContainer(ctx, c.ID); err != nil {
			return err
		}
	}
	r.mu.Lock()
	delete(r.sandboxes, id)
	r.mu.Unlock()
	if err := os.RemoveAll(s.dir); err != nil {
		return status.Errorf(codes.Unknown, "failed to remove sandbox %q: %v", id, err)
	}
	return nil
}

// PodSandboxStatus describes a sandbox.
func (r *Runtime) PodSandboxStatus(_ context.Context, id string, _ bool) (*runtimeapi.PodSandboxStatusResponse, error) {
	s, err := r.sandbox(id)
	if err != nil {
		return nil, err
	}
	network := &runtimeapi.PodSandboxNetworkStatus{}
	// A host network Pod's address is the node's business, as with containerd.
	if !hostNetwork(s.Config) {
		network.Ip = s.IP
	}
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
		Id:             s.ID,
		Metadata:       s.Config.GetMetadata(),
		State:          s.state(),
		CreatedAt:      s.CreatedAt,
		Network:        network,
		Linux:          &runtimeapi.LinuxPodSandboxStatus{Namespaces: &runtimeapi.Namespace{Options: s.Config.GetLinux().GetSecurityContext().GetNamespaceOptions()}},
		Labels:         s.Config.GetLabels(),
		Annotations:    s.Config.GetAnnotations(),
		RuntimeHandler: s.Handler,
	}}, nil
}

// ListPodSandbox lists the sandboxes that a filter lets through.
func (r *Runtime) ListPodSandbox(_ context.Context, filter *runtimeapi.PodSandboxFilter) ([]*runtimeapi.PodSandbox, error) {
	r.mu.Lock()
	all := make([]*sandbox, 0, len(r.sandboxes))
	for _, s := range r.sandboxes {
		all = append(all, s)
	}
	r.mu.Unlock()
	var list []*runtimeapi.PodSandbox
	for _, s := range all {
		state := s.state()
		switch {
		case filter.GetId() != "" && filter.GetId() != s.ID:
		case filter.GetState() != nil && filter.GetState().GetState() != state:
		case !matches(s.Config.GetLabels(), filter.GetLabelSelector()):
		default:
			list = append(list, &runtimeapi.PodSandbox{
				Id: s.ID, Metadata: s.Config.GetMetadata(), State: state, CreatedAt: s.CreatedAt,
				Labels: s.Config.GetLabels(), Annotations: s.Config.GetAnnotations(), RuntimeHandler: s.Handler,
			})
		}
	}
	return list, nil
}

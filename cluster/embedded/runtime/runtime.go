package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
)

// Name is what Version calls this runtime; it is the scheme of container IDs in
// Pod status.
const Name = "k8stutor"

// Version is the runtime's version in node status.
const Version = "1.0.0"

// Config is what a Runtime needs.
type Config struct {
	// StateDir holds the containers' file systems and what is known of them.
	// It is created with mode 0700.
	StateDir string
	// MountBase is the folder that everything mounted into a container lies
	// in, StateDir included. Below it mounts must name what they mean without
	// symbolic links.
	MountBase string
	Images    *Images
	Network   Network
	// NodeName is the hostname of Pods on the host's network.
	NodeName string
	// NodeProbe answers an exec whose command begins with NodeProbeMarker:
	// the node's way to dial a Pod for a probe. The marker is a secret of
	// this process, so that no Pod can ask for it. Both may be empty.
	NodeProbe       NodeProbe
	NodeProbeMarker string
	// Exited is told of each container that has ended by itself or by a
	// signal, with the UID of its Pod. It must not block. It may be nil.
	Exited func(podUID string)
}

// NodeProbe makes a probe of a Pod over its network. args is what followed the
// marker in the command. It returns whether the probe succeeded and what it
// has to say, and it ends in timeout (0: none).
type NodeProbe func(ctx context.Context, pod PodNetwork, args []string, timeout time.Duration) (ok bool, output string, err error)

// Runtime is the container runtime. It implements internalapi.RuntimeService
// and is safe for concurrent use.
type Runtime struct {
	cfg Config

	mu         sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container

	stream     streaming.Server
	streamStop func() error
}

var (
	_ internalapi.RuntimeService      = (*Runtime)(nil)
	_ internalapi.ImageManagerService = (*Images)(nil)
)

// New starts a runtime: it reads what the last one left in the state folder and
// serves exec, attach and port-forward on a free port of 127.0.0.1. Containers
// of the last one are gone with its process; they are reported as exited with
// code 255 and the reason Unknown, as containerd does after a crash, so that the
// kubelet makes new ones and counts a restart.
func New(cfg Config) (*Runtime, error) {
	for _, dir := range []string{cfg.StateDir, filepath.Join(cfg.StateDir, "sandboxes"), filepath.Join(cfg.StateDir, "containers")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("container runtime: state folder: %w", err)
		}
	}
	r := &Runtime{cfg: cfg, sandboxes: map[string]*sandbox{}, containers: map[string]*container{}}
	if err := r.load(); err != nil {
		return nil, fmt.Errorf("container runtime: %w", err)
	}
	if err := r.serveStreams(); err != nil {
		return nil, fmt.Errorf("container runtime: streaming server: %w", err)
	}
	return r, nil
}

// Close kills every container, takes the Pods off the network and stops the
// streaming server. ctx bounds nothing: killing takes killGrace at most.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	var ids []string
	for id := range r.sandboxes {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	var errs []error
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, id := range ids {
		wg.Go(func() {
			if err := r.StopPodSandbox(ctx, id); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, r.streamStop())...)
}

func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Version names the runtime.
func (r *Runtime) Version(context.Context, string) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{
		Version: "0.1.0", RuntimeName: Name, RuntimeVersion: Version, RuntimeApiVersion: "v1",
	}, nil
}

// Status tells that the runtime and its network are ready.
func (r *Runtime) Status(context.Context, bool) (*runtimeapi.StatusResponse, error) {
	return &runtimeapi.StatusResponse{
		Status: &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
			{Type: runtimeapi.RuntimeReady, Status: true},
			{Type: runtimeapi.NetworkReady, Status: true},
		}},
		RuntimeHandlers: []*runtimeapi.RuntimeHandler{{Name: "", Features: &runtimeapi.RuntimeHandlerFeatures{}}},
		Features:        &runtimeapi.RuntimeFeatures{},
	}, nil
}

// RuntimeConfig tells nothing: there are no cgroups.
func (r *Runtime) RuntimeConfig(context.Context) (*runtimeapi.RuntimeConfigResponse, error) {
	return &runtimeapi.RuntimeConfigResponse{}, nil
}

// UpdateRuntimeConfig is told the Pod CIDR, which the network knows already.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *runtimeapi.RuntimeConfig) error { return nil }

// CheckpointContainer is not supported: a goroutine can't be frozen.
func (r *Runtime) CheckpointContainer(context.Context, *runtimeapi.CheckpointContainerRequest) error {
	return status.Error(codes.Unimplemented, "checkpoint of containers is not supported by the embedded cluster")
}

// GetContainerEvents is not supported; the kubelet lists containers instead.
func (r *Runtime) GetContainerEvents(context.Context, chan *runtimeapi.ContainerEventResponse, func(runtimeapi.RuntimeService_GetContainerEventsClient)) error {
	return status.Error(codes.Unimplemented, "container events are not supported by the embedded cluster")
}

// UpdatePodSandboxResources accepts a resize of a Pod: limits are enforced on
// containers only.
func (r *Runtime) UpdatePodSandboxResources(context.Context, *runtimeapi.UpdatePodSandboxResourcesRequest) (*runtimeapi.UpdatePodSandboxResourcesResponse, error) {
	return &runtimeapi.UpdatePodSandboxResourcesResponse{}, nil
}

func (r *Runtime) sandbox(id string) (*sandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sandboxes[id]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "an error occurred when try to find sandbox: %q: not found", id)
	}
	return s, nil
}

func (r *Runtime) container(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.containers[id]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "an error occurred when try to find container %q: not found", id)
	}
	return c, nil
}

// containersOf lists the containers of a sandbox.
func (r *Runtime) containersOf(sandboxID string) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*container
	for _, c := range r.containers {
		if c.SandboxID == sandboxID {
			list = append(list, c)
		}
	}
	return list
}

// matches reports whether labels hold everything that a selector asks for.
func matches(labels, selector map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

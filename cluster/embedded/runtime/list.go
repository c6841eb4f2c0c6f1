package runtime

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ListContainers lists the containers that a filter lets through.
func (r *Runtime) ListContainers(_ context.Context, filter *runtimeapi.ContainerFilter) ([]*runtimeapi.Container, error) {
	var list []*runtimeapi.Container
	for _, c := range r.all() {
		state := c.state()
		switch {
		case filter.GetId() != "" && filter.GetId() != c.ID:
		case filter.GetPodSandboxId() != "" && filter.GetPodSandboxId() != c.SandboxID:
		case filter.GetState() != nil && filter.GetState().GetState() != state:
		case !matches(c.Config.GetLabels(), filter.GetLabelSelector()):
		default:
			list = append(list, &runtimeapi.Container{
				Id: c.ID, PodSandboxId: c.SandboxID, Metadata: c.Config.GetMetadata(),
				Image: c.imageSpec(), ImageRef: digest(c.ImageName), ImageId: digest(c.ImageName),
				State: state, CreatedAt: c.CreatedAt,
				Labels: c.Config.GetLabels(), Annotations: c.Config.GetAnnotations(),
			})
		}
	}
	return list, nil
}

func (r *Runtime) all() []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*container, 0, len(r.containers))
	for _, c := range r.containers {
		list = append(list, c)
	}
	return list
}

// imageSpec names the image as containerd does in Pod status.
func (c *container) imageSpec() *runtimeapi.ImageSpec {
	return &runtimeapi.ImageSpec{
		Image:              c.ImageName,
		UserSpecifiedImage: c.Config.GetImage().GetUserSpecifiedImage(),
		Annotations:        c.Config.GetImage().GetAnnotations(),
	}
}

// ContainerStatus describes a container.
func (r *Runtime) ContainerStatus(_ context.Context, id string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := &runtimeapi.ContainerStatus{
		Id: c.ID, Metadata: c.Config.GetMetadata(), State: c.State,
		CreatedAt: c.CreatedAt, StartedAt: c.StartedAt, FinishedAt: c.FinishedAt,
		ExitCode: int32(c.ExitCode), Reason: c.Reason, Message: c.Message,
		Image: c.imageSpec(), ImageRef: repo(c.ImageName) + "@" + digest(c.ImageName), ImageId: digest(c.ImageName),
		Labels: c.Config.GetLabels(), Annotations: c.Config.GetAnnotations(),
		Mounts: c.Config.GetMounts(), LogPath: c.LogPath,
	}
	if c.Resources != nil {
		st.Resources = &runtimeapi.ContainerResources{Linux: c.Resources}
	}
	return &runtimeapi.ContainerStatusResponse{Status: st}, nil
}

// UpdateContainerResources changes the CPU and memory limits of a container.
func (r *Runtime) UpdateContainerResources(_ context.Context, id string, resources *runtimeapi.ContainerResources) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	res := resources.GetLinux()
	if res == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State == runtimeapi.ContainerState_CONTAINER_EXITED {
		return status.Errorf(codes.FailedPrecondition, "container %q has exited", id)
	}
	cores, memory := limits(res)
	if used, _ := c.memory.Usage(); memory > 0 && used > memory {
		return status.Errorf(codes.Unknown, "memory limit %d is below what container %q uses (%d)", memory, id, used)
	}
	c.cpu.setLimit(cores)
	c.memory.setLimit(memory)
	c.Resources = res
	return saveJSON(c.recordPath(), c.containerRecord)
}

// ReopenContainerLog reopens the log file after a rotation.
func (r *Runtime) ReopenContainerLog(_ context.Context, id string) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	if c.state() != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return status.Errorf(codes.FailedPrecondition, "container %q is not running", id)
	}
	return c.log.reopen()
}

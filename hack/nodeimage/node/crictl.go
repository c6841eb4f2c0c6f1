package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	remote "k8s.io/cri-client/pkg"
)

// runCrictl knows the calls of crictl that kind makes and those one reaches
// for when a node is in trouble. The module proxy has no crictl that builds as a
// package of another module.
func runCrictl(args []string) int {
	if err := crictl(context.Background(), args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		return 1
	}
	return 0
}

func crictl(ctx context.Context, args []string) error {
	const (
		endpoint = "unix:///run/containerd/containerd.sock"
		patience = 5 * time.Second
	)
	command := strings.Join(args[:min(1, len(args))], "")
	switch command {
	case "images", "inspecti":
		images, err := remote.NewRemoteImageService(ctx, endpoint, patience, noop.NewTracerProvider(), false)
		if err != nil {
			return err
		}
		if command == "inspecti" {
			return inspectImage(ctx, images, args[len(args)-1])
		}
		list, err := images.ListImages(ctx, nil)
		if err != nil {
			return err
		}
		for _, i := range list {
			fmt.Println(i.Id, i.Size, strings.Join(i.RepoTags, " "))
		}
		return nil
	case "ps", "pods":
		pods, err := remote.NewRemoteRuntimeService(ctx, endpoint, patience, noop.NewTracerProvider(), false)
		if err != nil {
			return err
		}
		list, err := pods.ListContainers(ctx, nil)
		if err != nil {
			return err
		}
		for _, c := range list {
			fmt.Println(c.Id, c.State, c.Labels["io.kubernetes.pod.name"], c.Metadata.Name, c.Metadata.Attempt)
		}
		return nil
	default:
		return fmt.Errorf("%q is none of images, inspecti, ps", command)
	}
}

// inspectImage prints the part of `crictl inspecti` that kind reads.
func inspectImage(ctx context.Context, images interface {
	ImageStatus(context.Context, *cri.ImageSpec, bool) (*cri.ImageStatusResponse, error)
}, name string,
) error {
	got, err := images.ImageStatus(ctx, &cri.ImageSpec{Image: name}, false)
	if err != nil {
		return err
	}
	if got.Image == nil {
		return fmt.Errorf("no such image %q present", name)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"status": map[string]any{
		"id": got.Image.Id, "repoTags": got.Image.RepoTags, "repoDigests": got.Image.RepoDigests,
	}})
}

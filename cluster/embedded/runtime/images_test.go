package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestNormalise(t *testing.T) {
	for ref, want := range map[string]string{
		"go-api":                           "docker.io/library/go-api:latest",
		"go-api:0.0.1":                     "docker.io/library/go-api:0.0.1",
		"user/app":                         "docker.io/user/app:latest",
		"docker.io/nginx:1":                "docker.io/library/nginx:1",
		"docker.io/library/nginx:1":        "docker.io/library/nginx:1",
		"registry.k8s.io/pause:3.10":       "registry.k8s.io/pause:3.10",
		"localhost:5000/app":               "localhost:5000/app:latest",
		"localhost/app:1":                  "localhost/app:1",
		"app@sha256:0123":                  "docker.io/library/app@sha256:0123",
		"registry.k8s.io/a/b/c@sha256:012": "registry.k8s.io/a/b/c@sha256:012",
	} {
		if got := normalise(ref); got != want {
			t.Errorf("%s: got %s, want %s", ref, got, want)
		}
	}
}

func TestPull(t *testing.T) {
	ctx := context.Background()
	s := NewImages(ImagesConfig{
		Local: map[string]Image{"go-api:0.0.1": {Size: 7}},
		Registry: func(ref string) (Image, error) {
			if ref == "nginx:1.29" {
				return Image{Size: 9}, nil
			}
			return Image{}, errors.New("there is only go-api and nginx")
		},
	})
	spec := func(ref string) *runtimeapi.ImageSpec { return &runtimeapi.ImageSpec{Image: ref} }
	present := func(ref string) bool {
		t.Helper()
		resp, err := s.ImageStatus(ctx, spec(ref), false)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Image != nil
	}
	if !present("go-api:0.0.1") || present("nginx:1.29") {
		t.Error("wrong images at the start")
	}
	id, err := s.PullImage(ctx, spec("nginx:1.29"), nil, nil)
	if err != nil || !present("nginx:1.29") || !present(id) || !present("docker.io/library/nginx@"+id) {
		t.Errorf("pull: %s, %v", id, err)
	}
	_, err = s.PullImage(ctx, spec("go-api:9"), nil, nil)
	if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), `"docker.io/library/go-api:9"`) || !strings.Contains(err.Error(), "there is only go-api and nginx") {
		t.Errorf("unknown image: %v", err)
	}
	list, err := s.ListImages(ctx, nil)
	if err != nil || len(list) != 2 || list[0].Size != 7 || list[1].RepoTags[0] != "docker.io/library/nginx:1.29" {
		t.Errorf("list: %v, %v", list, err)
	}
	if info, err := s.ImageFsInfo(ctx); err != nil || info.ImageFilesystems[0].UsedBytes.Value != 16 {
		t.Errorf("file system: %v, %v", info, err)
	}
	// A local image that was removed can be had again.
	if err := s.RemoveImage(ctx, spec("go-api:0.0.1")); err != nil || present("go-api:0.0.1") {
		t.Errorf("remove: %v", err)
	}
	if _, err := s.PullImage(ctx, spec("go-api:0.0.1"), nil, nil); err != nil || !present("go-api:0.0.1") {
		t.Errorf("pull again: %v", err)
	}
}

package node

import (
	"strings"

	"github.com/k8stutor/k8stutor/cluster/embedded/runtime"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/registry"
)

// LessonImages are the images of package registry: the lessons' own are on the
// node from the start, the others are pulled when they are asked for. system
// are further ones on the node, by reference, such as those of static Pods.
func LessonImages(system map[string]runtime.Image) runtime.ImagesConfig {
	local := map[string]runtime.Image{}
	for _, image := range registry.List() {
		switch image.Repository {
		case "go-api", "toolbox", "registry.k8s.io/pause":
			local[image.Repository+":"+image.Tag] = convertImage(image)
		}
	}
	for name, image := range system {
		local[name] = image
	}
	return runtime.ImagesConfig{
		Local: local,
		Registry: func(ref string) (runtime.Image, error) {
			image, err := registry.Lookup(ref)
			if err != nil {
				return runtime.Image{}, err
			}
			return convertImage(image), nil
		},
	}
}

func convertImage(image registry.Image) runtime.Image {
	converted := runtime.Image{
		Find: func(argv0 string) workload.Program {
			program, ok := image.Program(argv0)
			if !ok {
				return nil
			}
			return program
		},
		Entrypoint: image.Entrypoint, Cmd: image.Cmd, Env: image.Env, WorkingDir: image.WorkingDir,
		User: image.UID, Size: image.Size,
	}
	for _, f := range image.Files {
		converted.Files = append(converted.Files, runtime.File{Name: "/" + strings.TrimPrefix(f.Name, "/"), Mode: f.Mode, Data: f.Data, Link: f.Link})
	}
	return converted
}

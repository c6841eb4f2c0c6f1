package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Image is what a container is made from.
type Image struct {
	// Find returns the program that argv[0] names: a path such as "/go-api",
	// or a bare name as execvp would look it up in PATH. Nil means that the
	// image holds no such file. It is asked for the container's own command
	// and for exec, so an image whose Find knows no "sh" has no shell.
	Find func(argv0 string) workload.Program
	// Entrypoint and Cmd are the command when the Pod gives none.
	Entrypoint, Cmd []string
	Env             []string // KEY=value
	WorkingDir      string   // "/" when empty
	User            int64    // numeric user, 0 is root
	// Files are laid into the root file system of each container. May be nil.
	Files fs.FS
	// Memory is the working set, in bytes, of a container that declares
	// nothing. 8 MiB when 0.
	Memory int64
	// Size is the image's size in bytes, shown in Events and node status.
	Size uint64
	// Remote says that the image is not on the node from the start: it is
	// pulled first, as from a registry.
	Remote bool
}

// Single returns a Find for an image that holds exactly one program, as a
// scratch image does. path is absolute; a command that gives the same path or,
// as PATH would find it, nothing else, is not found.
func Single(path string, program workload.Program) func(string) workload.Program {
	return func(argv0 string) workload.Program {
		if argv0 == path {
			return program
		}
		return nil
	}
}

// Images is the node's image store and its registry in one. It implements
// internalapi.ImageManagerService and is safe for concurrent use.
type Images struct {
	known map[string]Image // by normalised name
	delay time.Duration
	root  string

	mu      sync.Mutex
	present map[string]bool // by normalised name
}

// NewImages makes a store of the images that exist, by reference such as
// "go-api:0.0.1". dir is the file system that ImageFsInfo speaks of; a pull
// takes pullTime.
func NewImages(images map[string]Image, dir string, pullTime time.Duration) *Images {
	s := &Images{known: map[string]Image{}, delay: pullTime, root: dir, present: map[string]bool{}}
	for name, image := range images {
		name = normalise(name)
		s.known[name] = image
		s.present[name] = !image.Remote
	}
	return s
}

// normalise gives an image reference its full name as containerd does:
// "go-api" is docker.io/library/go-api:latest.
func normalise(ref string) string {
	ref = strings.TrimSpace(ref)
	name, digest, hasDigest := strings.Cut(ref, "@")
	first, _, hasSlash := strings.Cut(name, "/")
	switch {
	case !hasSlash:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		name = "docker.io/" + name
	case first == "docker.io" && strings.Count(name, "/") == 1:
		name = "docker.io/library/" + strings.TrimPrefix(name, "docker.io/")
	}
	if hasDigest {
		return name + "@" + digest
	}
	if strings.LastIndex(name, ":") <= strings.LastIndex(name, "/") {
		name += ":latest"
	}
	return name
}

// familiar is the short name of a normalised reference, as people write it.
func familiar(name string) string {
	if short, ok := strings.CutPrefix(name, "docker.io/library/"); ok {
		return short
	}
	return strings.TrimPrefix(name, "docker.io/")
}

// digest is the stable image ID of a name; there are no layers to hash.
func digest(name string) string {
	sum := sha256.Sum256([]byte("k8stutor image " + name))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// repo is a normalised reference without its tag.
func repo(name string) string {
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		return name[:i]
	}
	return name
}

// lookup finds a present image by any of its names: a tag, a repo digest or an
// image ID. It returns the normalised name.
func (s *Images) lookup(ref string) (string, Image, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := normalise(ref); s.present[name] {
		return name, s.known[name], true
	}
	for name, there := range s.present {
		if there && (ref == digest(name) || strings.HasSuffix(ref, "@"+digest(name))) {
			return name, s.known[name], true
		}
	}
	return "", Image{}, false
}

func (s *Images) describe(name string, image Image) *runtimeapi.Image {
	return &runtimeapi.Image{
		Id:          digest(name),
		RepoTags:    []string{name},
		RepoDigests: []string{repo(name) + "@" + digest(name)},
		Size:        image.Size,
		Uid:         &runtimeapi.Int64Value{Value: image.User},
		Spec:        &runtimeapi.ImageSpec{Image: digest(name)},
	}
}

// ListImages lists the images on the node.
func (s *Images) ListImages(_ context.Context, filter *runtimeapi.ImageFilter) ([]*runtimeapi.Image, error) {
	if ref := filter.GetImage().GetImage(); ref != "" {
		if name, image, ok := s.lookup(ref); ok {
			return []*runtimeapi.Image{s.describe(name, image)}, nil
		}
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*runtimeapi.Image
	for name, there := range s.present {
		if there {
			list = append(list, s.describe(name, s.known[name]))
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].RepoTags[0] < list[j].RepoTags[0] })
	return list, nil
}

// ImageStatus describes one image; Image is nil in the answer when the node
// does not have it.
func (s *Images) ImageStatus(_ context.Context, spec *runtimeapi.ImageSpec, _ bool) (*runtimeapi.ImageStatusResponse, error) {
	name, image, ok := s.lookup(spec.GetImage())
	if !ok {
		return &runtimeapi.ImageStatusResponse{}, nil
	}
	return &runtimeapi.ImageStatusResponse{Image: s.describe(name, image)}, nil
}

// PullImage brings a known image onto the node. An unknown one fails with the
// words of containerd and a list of what exists here.
func (s *Images) PullImage(ctx context.Context, spec *runtimeapi.ImageSpec, _ *runtimeapi.AuthConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	select {
	case <-time.After(s.delay):
	case <-ctx.Done():
		return "", status.FromContextError(ctx.Err()).Err()
	}
	ref := spec.GetImage()
	name := normalise(ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[name]; !ok {
		return "", status.Errorf(codes.NotFound,
			"failed to pull and unpack image %q: failed to resolve reference %q: %s: not found (the embedded cluster has no registry to reach; its images are: %s)",
			name, name, name, strings.Join(s.names(), ", "))
	}
	s.present[name] = true
	return digest(name), nil
}

// names lists what can be pulled, as people write it. s.mu is held.
func (s *Images) names() []string {
	var names []string
	for name := range s.known {
		if !strings.HasPrefix(name, "registry.k8s.io/") {
			names = append(names, familiar(name))
		}
	}
	sort.Strings(names)
	return names
}

// RemoveImage takes an image off the node. It can be pulled again.
func (s *Images) RemoveImage(_ context.Context, spec *runtimeapi.ImageSpec) error {
	if name, _, ok := s.lookup(spec.GetImage()); ok {
		s.mu.Lock()
		s.present[name] = false
		s.mu.Unlock()
	}
	return nil
}

// ImageFsInfo tells how much space images take.
func (s *Images) ImageFsInfo(context.Context) (*runtimeapi.ImageFsInfoResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var used uint64
	for name, there := range s.present {
		if there {
			used += s.known[name].Size
		}
	}
	fsInfo := &runtimeapi.FilesystemUsage{
		Timestamp:  time.Now().UnixNano(),
		FsId:       &runtimeapi.FilesystemIdentifier{Mountpoint: s.root},
		UsedBytes:  &runtimeapi.UInt64Value{Value: used},
		InodesUsed: &runtimeapi.UInt64Value{Value: uint64(len(s.present))},
	}
	return &runtimeapi.ImageFsInfoResponse{
		ImageFilesystems:     []*runtimeapi.FilesystemUsage{fsInfo},
		ContainerFilesystems: []*runtimeapi.FilesystemUsage{fsInfo},
	}, nil
}

// Close does nothing; the store holds no connection.
func (s *Images) Close(context.Context) error { return nil }

// errNotPresent is what CreateContainer answers for an image that was removed
// between the pull and the create.
func errNotPresent(ref string) error {
	return status.Error(codes.NotFound, fmt.Sprintf("image %q not found on the node", ref))
}

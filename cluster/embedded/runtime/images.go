package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	// Files are laid into the root file system of each container.
	Files []File
	// Memory is the working set, in bytes, of a container that declares
	// nothing. 8 MiB when 0.
	Memory int64
	// Size is the image's size in bytes, shown in Events and node status.
	Size uint64
}

// File is one entry of an image's root file system. A mode with fs.ModeDir is
// a directory; a Link that is not empty makes it a symbolic link.
type File struct {
	Name string // absolute
	Mode fs.FileMode
	Data string
	Link string
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

// ImagesConfig says which images exist.
type ImagesConfig struct {
	// Local are on the node from the start, as if loaded with
	// "kind load docker-image"; the key is a reference such as "go-api:0.0.1".
	Local map[string]Image
	// Registry finds an image that is not on the node. Its error is for
	// people and says what there is. May be nil.
	Registry func(ref string) (Image, error)
	// PullTime is how long a pull takes.
	PullTime time.Duration
	// Dir is the file system that ImageFsInfo speaks of.
	Dir string
}

// Images is the node's image store. It implements
// internalapi.ImageManagerService and is safe for concurrent use.
type Images struct {
	cfg ImagesConfig

	mu      sync.Mutex
	present map[string]Image // by normalised name
	removed map[string]Image // local ones that were removed; they can be pulled
}

// NewImages makes a store.
func NewImages(cfg ImagesConfig) *Images {
	s := &Images{cfg: cfg, present: map[string]Image{}, removed: map[string]Image{}}
	for name, image := range cfg.Local {
		s.present[normalise(name)] = image
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
	name := normalise(ref)
	if image, ok := s.present[name]; ok {
		return name, image, true
	}
	for name, image := range s.present {
		if ref == digest(name) || strings.HasSuffix(ref, "@"+digest(name)) {
			return name, image, true
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
	for name, image := range s.present {
		list = append(list, s.describe(name, image))
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

// PullImage brings an image onto the node. An unknown one fails with the words
// of containerd, followed by what the registry says.
func (s *Images) PullImage(ctx context.Context, spec *runtimeapi.ImageSpec, _ *runtimeapi.AuthConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	select {
	case <-time.After(s.cfg.PullTime):
	case <-ctx.Done():
		return "", status.FromContextError(ctx.Err()).Err()
	}
	name := normalise(spec.GetImage())
	image, err := s.find(spec.GetImage(), name)
	if err != nil {
		return "", status.Errorf(codes.NotFound,
			"failed to pull and unpack image %q: failed to resolve reference %q: %s: not found: %v", name, name, name, err)
	}
	s.mu.Lock()
	s.present[name] = image
	s.mu.Unlock()
	return digest(name), nil
}

// find looks an image up as a pull does.
func (s *Images) find(ref, name string) (Image, error) {
	s.mu.Lock()
	image, ok := s.present[name]
	if !ok {
		image, ok = s.removed[name]
	}
	s.mu.Unlock()
	if ok {
		return image, nil
	}
	if s.cfg.Registry == nil {
		return Image{}, errors.New("the embedded cluster has no registry to pull from")
	}
	return s.cfg.Registry(ref)
}

// RemoveImage takes an image off the node. It can be pulled again.
func (s *Images) RemoveImage(_ context.Context, spec *runtimeapi.ImageSpec) error {
	if name, image, ok := s.lookup(spec.GetImage()); ok {
		s.mu.Lock()
		delete(s.present, name)
		s.removed[name] = image
		s.mu.Unlock()
	}
	return nil
}

// ImageFsInfo tells how much space images take.
func (s *Images) ImageFsInfo(context.Context) (*runtimeapi.ImageFsInfoResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var used uint64
	for _, image := range s.present {
		used += image.Size
	}
	fsInfo := &runtimeapi.FilesystemUsage{
		Timestamp:  time.Now().UnixNano(),
		FsId:       &runtimeapi.FilesystemIdentifier{Mountpoint: s.cfg.Dir},
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

// Package registry lists the images that the embedded cluster has: which names
// and tags exist, what they run by default, and which program answers to which
// command. There is no other registry: an image that is not here fails to pull.
package registry

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sort"
	"strings"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// Image is one image with one tag, as Lookup found it. Values are shared and
// must not be changed.
type Image struct {
	// Repository is the short name ("go-api"), Tag the tag that was asked
	// for ("0.0.1", "latest").
	Repository, Tag string
	// About says in one line what runs and what it stands in for.
	About string

	// Entrypoint and Cmd are the image's ENTRYPOINT and CMD: a container's
	// command replaces both, its args replace Cmd.
	Entrypoint, Cmd []string
	Env             []string // KEY=value
	WorkingDir      string   // "/" where the image says nothing
	// UID is the numeric user of the image, for runAsNonRoot: 0 is root.
	UID int64
	// Ports are the TCP ports that the image's program listens on.
	Ports []int
	// Shell reports whether the image has one: go-api is built from scratch, so
	// `kubectl exec … -- sh` fails on it as it does for real.
	Shell bool
	// Size is what `kubectl describe node` shows, in bytes.
	Size uint64
	// Files is the root file system that a container starts with, beside
	// what every container has (/etc/hosts, /etc/resolv.conf, /etc/hostname).
	Files []File

	resolve func(argv0 string) (workload.Program, bool)
}

// File is one entry of an image's root file system. A mode with fs.ModeDir is
// a directory; a Link that is not empty is a symbolic link.
type File struct {
	Name string // absolute
	Mode fs.FileMode
	Data string
	Link string
}

// Ref is the full name of the image, such as "docker.io/library/go-api:0.0.1".
func (i Image) Ref() string { return canonical(i.Repository) + ":" + i.Tag }

// Program finds what runs when a container or an exec starts with argv0 ("sh",
// "/bin/ls", "/go-api"). False means that the image has no such file; the
// runtime then answers as runc does: exec: "sh": executable file not found in
// $PATH.
func (i Image) Program(argv0 string) (workload.Program, bool) { return i.resolve(argv0) }

// Command is the argv of a container: what command and args of the Pod leave
// of the image's own Entrypoint and Cmd, by the rules of Kubernetes.
func (i Image) Command(command, args []string) []string {
	entry, cmd := i.Entrypoint, i.Cmd
	if len(command) > 0 {
		entry, cmd = command, nil
	}
	if len(args) > 0 {
		cmd = args
	}
	return append(append([]string{}, entry...), cmd...)
}

// entry is a repository: the image without its tag, and the tags it has.
type entry struct {
	repository string
	tags       *regexp.Regexp
	examples   string // for people: which tags there are
	build      func(tag string) Image
}

// Lookup finds the image that a Pod names: "go-api:0.0.1",
// "docker.io/library/busybox", "registry.k8s.io/pause:3.10". A missing tag is
// "latest", as everywhere. The error is for people and says what exists.
func Lookup(ref string) (Image, error) {
	repository, tag, err := parse(ref)
	if err != nil {
		return Image{}, err
	}
	for _, e := range entries() {
		if e.repository != repository {
			continue
		}
		if !e.tags.MatchString(tag) {
			return Image{}, fmt.Errorf("image %q: tag %q not found: k8stutor's embedded cluster has %s:%s", ref, tag, repository, e.examples)
		}
		img := e.build(tag)
		img.Repository, img.Tag = repository, tag
		if img.WorkingDir == "" {
			img.WorkingDir = "/"
		}
		return img, nil
	}
	return Image{}, fmt.Errorf("image %q not found: k8stutor's embedded cluster can't download images, it has only %s", ref, strings.Join(Names(), ", "))
}

// Names lists the images that exist, with their tags, sorted.
func Names() []string {
	var names []string
	for _, e := range entries() {
		names = append(names, e.repository+":"+e.examples)
	}
	sort.Strings(names)
	return names
}

// List returns one image of each repository and known tag, for the node's list
// of images.
func List() []Image {
	refs := []string{
		"go-api:0.0.1", "go-api:0.0.2", "go-api:0.0.3", "toolbox:1.0", "busybox:latest",
		"nginx:latest", "curlimages/curl:latest", "hello-world:latest", "registry.k8s.io/pause:3.10.1",
	}
	var images []Image
	for _, ref := range refs {
		img, err := Lookup(ref)
		if err != nil {
			continue // the test of this package shows that none is lost
		}
		images = append(images, img)
	}
	return images
}

var validRepository = regexp.MustCompile(`^([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*$`)

// parse splits a reference into the short repository name and the tag.
func parse(ref string) (repository, tag string, err error) {
	rest, _, hasDigest := strings.Cut(ref, "@")
	repository, tag = rest, "latest"
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		repository, tag = rest[:i], rest[i+1:]
	}
	for _, prefix := range []string{"docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/", "library/", "localhost/"} {
		if short, ok := strings.CutPrefix(repository, prefix); ok {
			repository = short
			break
		}
	}
	if !validRepository.MatchString(repository) {
		return "", "", fmt.Errorf("image %q: invalid reference format", ref)
	}
	if hasDigest {
		return "", "", fmt.Errorf("image %q: images by digest are not available in k8stutor's embedded cluster; use a tag: %s", ref, strings.Join(Names(), ", "))
	}
	return repository, tag, nil
}

// canonical puts the registry and the namespace in front that short names mean.
func canonical(repository string) string {
	first, _, ok := strings.Cut(repository, "/")
	switch {
	case !ok:
		return "docker.io/library/" + repository
	case strings.ContainsAny(first, ".:"):
		return repository
	}
	return "docker.io/" + repository
}

// only resolves the program's own names and nothing else.
func only(p workload.Program, names ...string) func(string) (workload.Program, bool) {
	return func(argv0 string) (workload.Program, bool) {
		for _, n := range names {
			if argv0 == n || (!strings.Contains(argv0, "/") && argv0 == path.Base(n)) {
				return p, true
			}
		}
		return nil, false
	}
}

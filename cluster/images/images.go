// Package images makes, keeps and moves container images without a container
// engine: the lessons' own images, made from our static programs, and archives
// that carry them and a node image to where no registry can be reached.
//
// An archive is an OCI image layout (https://github.com/opencontainers/image-spec,
// image-layout.md) in one tar file, which containerd, skopeo and newer Docker
// can read too. Nothing here holds a large image in memory.
package images

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Role is what an image of an archive is for.
type Role string

// Roles of images.
const (
	RoleLesson Role = "lesson" // the lessons' own: go-api and toolbox
	RoleNode   Role = "node"   // a kind node: Kubernetes itself
	RoleAddon  Role = "addon"  // what a lesson installs, such as metrics-server
)

// Entry is one image with the name that Pods and engines know it by.
type Entry struct {
	Role  Role
	Ref   string // full name, such as "docker.io/library/go-api:0.0.1"
	Image v1.Image
}

// Digest is the digest of the image's manifest.
func (e Entry) Digest() (v1.Hash, error) { return e.Image.Digest() }

// Arch is the processor architecture that the image is for, as Go names it.
func (e Entry) Arch() (string, error) {
	config, err := e.Image.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("image %s: %w", e.Ref, err)
	}
	return config.Architecture, nil
}

// Select returns the entries with this role, in their order.
func Select(entries []Entry, role Role) []Entry {
	var out []Entry
	for _, e := range entries {
		if e.Role == role {
			out = append(out, e)
		}
	}
	return out
}

package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Spec says what an image holds and how it starts. The command imagespec of
// the embedded module prints it from the registry of the embedded cluster, so
// that the images are alike in both homes.
type Spec struct {
	Ref             string
	About           string
	Entrypoint, Cmd []string
	Env             []string
	WorkingDir      string
	UID             int64
	Ports           []int // TCP
	Files           []File
	Program         string // file name of the linked program
	At              string // its absolute path in the image
}

// File is one entry of an image's file system. A mode with fs.ModeDir is a
// directory; a Link that is not empty is a symbolic link.
type File struct {
	Name string // absolute
	Mode fs.FileMode
	Data string
	Link string
}

// ReadSpecs reads what imagespec printed.
func ReadSpecs(data []byte) ([]Spec, error) {
	var specs []Spec
	if err := json.Unmarshal(data, &specs); err != nil {
		return nil, fmt.Errorf("image specification: %w", err)
	}
	for _, s := range specs {
		if s.Ref == "" || s.Program == "" || !path.IsAbs(s.At) {
			return nil, fmt.Errorf("image specification of %q: it needs Ref, Program and an absolute At", s.Ref)
		}
	}
	return specs, nil
}

// Build makes the lessons' images for linux on arch from the programs in dir.
// The same programs give the same digests: no time and no name of the machine
// goes in.
func Build(specs []Spec, dir, arch string) ([]Entry, error) {
	var out []Entry
	for _, s := range specs {
		program, err := os.ReadFile(filepath.Join(dir, s.Program))
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", s.Ref, err)
		}
		img, err := build(s, program, arch)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", s.Ref, err)
		}
		out = append(out, Entry{Role: RoleLesson, Ref: s.Ref, Image: img})
	}
	return out, nil
}

func build(s Spec, program []byte, arch string) (v1.Image, error) {
	data, err := s.layer(program)
	if err != nil {
		return nil, err
	}
	// The layer stays uncompressed: the node would have to decompress it
	// while its control plane starts, and nothing is downloaded.
	layer := static.NewLayer(data, types.OCIUncompressedLayer)
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.Append(base, mutate.Addendum{
		Layer: layer, MediaType: types.OCIUncompressedLayer,
		History: v1.History{Created: v1.Time{Time: epoch()}, CreatedBy: "k8stutor", Comment: s.About},
	})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Created = v1.Time{Time: epoch()}
	config.Config = v1.Config{
		Entrypoint: s.Entrypoint, Cmd: s.Cmd, Env: s.Env, WorkingDir: s.WorkingDir,
		Labels: map[string]string{"org.opencontainers.image.description": s.About},
	}
	if s.UID != 0 {
		config.Config.User = strconv.FormatInt(s.UID, 10)
	}
	for _, port := range s.Ports {
		if config.Config.ExposedPorts == nil {
			config.Config.ExposedPorts = map[string]struct{}{}
		}
		config.Config.ExposedPorts[fmt.Sprintf("%d/tcp", port)] = struct{}{}
	}
	return mutate.ConfigFile(img, config)
}

// epoch is the time that all our files carry.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

// layer is the image's file system as a tar file, with the program in place of
// the file that stands for it.
func (s Spec) layer(program []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	found := false
	for _, f := range s.Files {
		h := &tar.Header{
			Name: strings.TrimPrefix(f.Name, "/"), Mode: int64(f.Mode.Perm()),
			ModTime: epoch(), Format: tar.FormatPAX,
		}
		if f.Mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000 // the bit's place in a tar header, which is not Go's
		}
		data := []byte(f.Data)
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname, data = tar.TypeSymlink, f.Link, nil
		case f.Mode.IsDir():
			h.Typeflag, data = tar.TypeDir, nil
			h.Name += "/"
		case f.Name == s.At:
			found, data = true, program
			fallthrough
		default:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(data))
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, fmt.Errorf("its files don't have %s, where the program goes", s.At)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

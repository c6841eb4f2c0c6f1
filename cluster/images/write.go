package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Annotations of an archive. The first two are what containerd and others
// look for; the others are ours.
const (
	nameAnnotation   = "io.containerd.image.name"
	refAnnotation    = "org.opencontainers.image.ref.name"
	roleAnnotation   = "io.k8stutor.role"
	formatAnnotation = "io.k8stutor.format"
	// format is the version of what an archive must hold to be ours.
	format = "1"
)

const layoutFile, indexFile, blobFolder = "oci-layout", "index.json", "blobs/sha256/"

// blob is one file below blobs/.
type blob struct {
	digest v1.Hash
	size   int64
	open   func() (io.ReadCloser, error)
}

func bytesBlob(data []byte) (blob, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	return blob{digest, size, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}, err
}

// WriteFile writes an archive of the entries at path. It is there whole or not
// at all.
func WriteFile(path string, entries []Entry) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing of this name
	err = Write(f, entries)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Write writes an archive of the entries: the index first, so that a reader
// knows early what comes, then each blob once. What the entries' blobs hold is
// compared with their digests on the way.
func Write(w io.Writer, entries []Entry) error {
	index := v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex,
		Annotations: map[string]string{formatAnnotation: format},
	}
	var blobs []blob
	for _, e := range entries {
		desc, found, err := e.blobs()
		if err != nil {
			return fmt.Errorf("image %s: %w", e.Ref, err)
		}
		index.Manifests = append(index.Manifests, desc)
		blobs = append(blobs, found...)
	}
	indexData, err := json.Marshal(index)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	if err := writeFile(out, layoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	if err := writeFile(out, indexFile, indexData); err != nil {
		return err
	}
	written := map[v1.Hash]bool{}
	for _, b := range blobs {
		if written[b.digest] {
			continue
		}
		written[b.digest] = true
		if err := writeBlob(out, b); err != nil {
			return fmt.Errorf("%s: %w", b.digest, err)
		}
	}
	return out.Close()
}

// blobs lists what the image is made of, the manifest first.
func (e Entry) blobs() (v1.Descriptor, []blob, error) {
	manifest, err := e.Image.RawManifest()
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	config, err := e.Image.RawConfigFile()
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	var out []blob
	for _, data := range [][]byte{manifest, config} {
		b, err := bytesBlob(data)
		if err != nil {
			return v1.Descriptor{}, nil, err
		}
		out = append(out, b)
	}
	layers, err := e.Image.Layers()
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	for _, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return v1.Descriptor{}, nil, err
		}
		size, err := l.Size()
		if err != nil {
			return v1.Descriptor{}, nil, err
		}
		out = append(out, blob{digest, size, l.Compressed})
	}
	file, err := e.Image.ConfigFile()
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	mediaType, err := e.Image.MediaType()
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	_, tag, _ := strings.Cut(e.Ref[strings.LastIndex(e.Ref, "/")+1:], ":")
	return v1.Descriptor{
		MediaType: mediaType, Digest: out[0].digest, Size: out[0].size,
		Platform: &v1.Platform{OS: file.OS, Architecture: file.Architecture, Variant: file.Variant},
		Annotations: map[string]string{
			nameAnnotation: e.Ref, refAnnotation: tag, roleAnnotation: string(e.Role),
		},
	}, out, nil
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: epoch(), Format: tar.FormatPAX}
}

func writeFile(w *tar.Writer, name string, data []byte) error {
	if err := w.WriteHeader(header(name, int64(len(data)))); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func writeBlob(w *tar.Writer, b blob) error {
	r, err := b.open()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := w.WriteHeader(header(blobFolder+b.digest.Hex, b.size)); err != nil {
		return err
	}
	got, _, err := v1.SHA256(io.TeeReader(r, w))
	if err != nil {
		return err
	}
	if got != b.digest {
		return fmt.Errorf("its content has the digest %s", got)
	}
	return nil
}

package images

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxDocument bounds index, manifests and configs, which are read into memory.
const maxDocument = 4 << 20

// Archive is an open archive. Its images read from the file whenever they are
// asked for their layers, so it must stay open as long as they are in use. It
// may be used from several goroutines.
type Archive struct {
	file    *os.File
	blobs   map[v1.Hash]span
	Entries []Entry
}

// span is where a blob lies in the file.
type span struct{ offset, size int64 }

// Open reads what an archive holds. It looks at the file's structure, and at
// each document in it; Verify looks at every byte.
func Open(path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	a := &Archive{file: f, blobs: map[v1.Hash]span{}}
	if err := a.read(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is no archive of k8stutor's, or it is damaged: %w", path, err)
	}
	return a, nil
}

// Close closes the file.
func (a *Archive) Close() error { return a.file.Close() }

func (a *Archive) read() error {
	var index []byte
	r := tar.NewReader(a.file)
	seen := map[string]bool{}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the tar file: %w", err)
		}
		if h.Typeflag == tar.TypeDir { // as other tools write layouts
			continue
		}
		if h.Typeflag != tar.TypeReg || seen[h.Name] {
			return fmt.Errorf("unexpected entry %q", h.Name)
		}
		seen[h.Name] = true
		hex, isBlob := strings.CutPrefix(h.Name, blobFolder)
		switch {
		case isBlob:
			digest, err := v1.NewHash("sha256:" + hex)
			if err != nil {
				return fmt.Errorf("unexpected entry %q", h.Name)
			}
			// The reader has just consumed the header: here the content begins.
			at, err := a.file.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			a.blobs[digest] = span{at, h.Size}
		case h.Name == indexFile:
			if index, err = readDocument(r, h.Size); err != nil {
				return err
			}
		case h.Name == layoutFile || h.Name == "manifest.json": // the latter of Docker's own archives
		default:
			return fmt.Errorf("unexpected entry %q", h.Name)
		}
	}
	if !seen[layoutFile] || index == nil {
		return errors.New("it has no oci-layout and index.json")
	}
	return a.readIndex(index)
}

func readDocument(r io.Reader, size int64) ([]byte, error) {
	if size > maxDocument {
		return nil, fmt.Errorf("a document of %d bytes", size)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument))
	if err == nil && int64(len(data)) != size {
		err = io.ErrUnexpectedEOF
	}
	return data, err
}

func (a *Archive) readIndex(data []byte) error {
	var index v1.IndexManifest
	if err := json.Unmarshal(data, &index); err != nil {
		return fmt.Errorf("index.json: %w", err)
	}
	switch got := index.Annotations[formatAnnotation]; got {
	case format:
	case "":
		return errors.New("it is an OCI archive of some other program")
	default:
		return fmt.Errorf("its format is %s, and this k8stutor knows %s: use the k8stutor that wrote it, or a newer one", got, format)
	}
	for _, desc := range index.Manifests {
		ref, role := desc.Annotations[nameAnnotation], Role(desc.Annotations[roleAnnotation])
		if ref == "" || !slices.Contains([]Role{RoleLesson, RoleNode, RoleAddon}, role) {
			return fmt.Errorf("an image with the name %q and the role %q", ref, role)
		}
		img, err := a.image(desc)
		if err != nil {
			return fmt.Errorf("image %s: %w", ref, err)
		}
		a.Entries = append(a.Entries, Entry{Role: role, Ref: ref, Image: img})
	}
	return nil
}

func (a *Archive) image(desc v1.Descriptor) (v1.Image, error) {
	img := &archived{archive: a}
	var err error
	if img.manifest, err = a.document(desc.Digest); err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(img.manifest, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	img.mediaType, img.layers = m.MediaType, m.Layers
	if img.config, err = a.document(m.Config.Digest); err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		at, ok := a.blobs[l.Digest]
		if !ok {
			return nil, fmt.Errorf("layer %s is missing", l.Digest)
		}
		if at.size != l.Size {
			return nil, fmt.Errorf("layer %s has %d bytes, not %d", l.Digest, at.size, l.Size)
		}
	}
	out, err := partial.CompressedToImage(img)
	if err != nil {
		return nil, err
	}
	config, err := out.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(m.Layers) {
		return nil, fmt.Errorf("%d layers, but its config names %d", len(m.Layers), len(config.RootFS.DiffIDs))
	}
	return out, nil
}

// document reads a blob into memory and holds it against its digest.
func (a *Archive) document(digest v1.Hash) ([]byte, error) {
	at, ok := a.blobs[digest]
	if !ok {
		return nil, fmt.Errorf("%s is missing", digest)
	}
	data, err := readDocument(a.section(at), at.size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", digest, err)
	}
	if b, err := bytesBlob(data); err != nil || b.digest != digest {
		return nil, fmt.Errorf("%s is damaged: its content has another digest", digest)
	}
	return data, nil
}

func (a *Archive) section(at span) io.Reader { return io.NewSectionReader(a.file, at.offset, at.size) }

// Verify reads everything and holds it against its digests: each layer as it
// is stored, and what is in it against the image's configuration.
func (a *Archive) Verify() error {
	for _, e := range a.Entries {
		layers, err := e.Image.Layers()
		if err != nil {
			return err
		}
		config, err := e.Image.ConfigFile()
		if err != nil {
			return err
		}
		for i, l := range layers {
			if err := verifyLayer(l, config.RootFS.DiffIDs[i]); err != nil {
				return fmt.Errorf("%s is damaged: image %s: %w", a.file.Name(), e.Ref, err)
			}
		}
	}
	return nil
}

func verifyLayer(l v1.Layer, diffID v1.Hash) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	if got, _, err := v1.SHA256(r); err != nil || got != digest {
		return fmt.Errorf("layer %s: its content has the digest %s (%w)", digest, got, errOr(err, "not what was written"))
	}
	content, err := l.Uncompressed()
	if err != nil {
		return fmt.Errorf("layer %s: %w", digest, err)
	}
	defer content.Close()
	if got, _, err := v1.SHA256(content); err != nil || got != diffID {
		return fmt.Errorf("layer %s: it unpacks to %s, not %s (%w)", digest, got, diffID, errOr(err, "not what the image names"))
	}
	return nil
}

func errOr(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}

// archived is an image of an archive, for partial.CompressedToImage.
type archived struct {
	archive          *Archive
	manifest, config []byte
	mediaType        types.MediaType
	layers           []v1.Descriptor
}

func (i *archived) RawManifest() ([]byte, error)        { return i.manifest, nil }
func (i *archived) RawConfigFile() ([]byte, error)      { return i.config, nil }
func (i *archived) MediaType() (types.MediaType, error) { return i.mediaType, nil }
func (i *archived) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range i.layers {
		if l.Digest == h {
			return &archivedLayer{archive: i.archive, desc: l}, nil
		}
	}
	return nil, fmt.Errorf("no layer %s", h)
}

// archivedLayer reopens its file for each reader, through a section of it.
type archivedLayer struct {
	archive *Archive
	desc    v1.Descriptor
}

func (l *archivedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *archivedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *archivedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *archivedLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(l.archive.section(l.archive.blobs[l.desc.Digest])), nil
}

package images

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// FromSaved makes an entry of the one image in saved, a file that an engine's
// `save` command wrote. Its layers are compressed into files in dir, which must
// stay there as long as the entry is in use. The image keeps its configuration,
// byte for byte, and with it its ID; its manifest is a new one.
func FromSaved(ctx context.Context, saved, dir string, role Role, ref string) (Entry, error) {
	e, err := fromSaved(ctx, saved, dir)
	if err != nil {
		return Entry{}, fmt.Errorf("image %s, as the engine saved it: %w", ref, err)
	}
	return Entry{Role: role, Ref: ref, Image: e}, nil
}

func fromSaved(ctx context.Context, saved, dir string) (v1.Image, error) {
	src, err := tarball.Image(func() (io.ReadCloser, error) { return os.Open(saved) }, nil)
	if err != nil {
		return nil, err
	}
	raw, err := src.RawConfigFile()
	if err != nil {
		return nil, err
	}
	config, err := src.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := src.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("%d layers, but its config names %d", len(layers), len(config.RootFS.DiffIDs))
	}
	configBlob, err := bytesBlob(raw)
	if err != nil {
		return nil, err
	}
	m := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: configBlob.digest, Size: configBlob.size},
	}
	img := &spooled{config: raw, files: map[v1.Hash]string{}}
	for i, l := range layers {
		desc, file, err := spool(ctx, l, config.RootFS.DiffIDs[i], dir)
		if err != nil {
			return nil, err
		}
		m.Layers = append(m.Layers, desc)
		img.files[desc.Digest] = file
	}
	img.layers = m.Layers
	if img.manifest, err = json.Marshal(m); err != nil {
		return nil, err
	}
	return partial.CompressedToImage(img)
}

// spool compresses a layer into a file in dir.
func spool(ctx context.Context, l v1.Layer, diffID v1.Hash, dir string) (v1.Descriptor, string, error) {
	none := v1.Descriptor{}
	content, err := l.Uncompressed()
	if err != nil {
		return none, "", err
	}
	defer content.Close()
	f, err := os.CreateTemp(dir, "layer-*")
	if err != nil {
		return none, "", err
	}
	defer f.Close()
	pr, pw := io.Pipe()
	type packed struct {
		diff v1.Hash
		err  error
	}
	done := make(chan packed, 1)
	go func() { // ends when content does, or when pr is closed below
		diff, err := compress(pw, &ctxReader{ctx, content})
		pw.CloseWithError(err)
		done <- packed{diff, err}
	}()
	digest, size, err := v1.SHA256(io.TeeReader(pr, f))
	pr.CloseWithError(err)
	p := <-done
	if err := errors.Join(p.err, err, f.Close()); err != nil {
		return none, "", err
	}
	if p.diff != diffID {
		return none, "", fmt.Errorf("layer %s has the content %s", diffID, p.diff)
	}
	return v1.Descriptor{MediaType: types.OCILayerZStd, Digest: digest, Size: size}, f.Name(), nil
}

// compress writes r to w with zstd, which unpacks several times as fast as
// gzip, and returns the digest of r's content.
func compress(w io.Writer, r io.Reader) (v1.Hash, error) {
	z, err := zstd.NewWriter(w)
	if err != nil {
		return v1.Hash{}, err
	}
	diff, _, err := v1.SHA256(io.TeeReader(r, z))
	return diff, errors.Join(err, z.Close())
}

// ctxReader fails as soon as its context has ended.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// spooled is an image whose layers lie in files, for partial.CompressedToImage.
type spooled struct {
	manifest, config []byte
	layers           []v1.Descriptor
	files            map[v1.Hash]string
}

func (i *spooled) RawManifest() ([]byte, error)        { return i.manifest, nil }
func (i *spooled) RawConfigFile() ([]byte, error)      { return i.config, nil }
func (i *spooled) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (i *spooled) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range i.layers {
		if l.Digest == h {
			return &fileLayer{l, i.files[h]}, nil
		}
	}
	return nil, fmt.Errorf("no layer %s", h)
}

type fileLayer struct {
	desc v1.Descriptor
	file string
}

func (l *fileLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *fileLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)  { return os.Open(l.file) }

// WriteLoadable writes the image as every engine's `load` command reads it:
// Docker's own archive, with plain layers, under the name tag. The engine keeps
// the image's configuration, and with it its ID.
func WriteLoadable(ctx context.Context, w io.Writer, e Entry, tag string) error {
	config, err := e.Image.RawConfigFile()
	if err != nil {
		return err
	}
	id, err := e.Image.ConfigName()
	if err != nil {
		return err
	}
	file, err := e.Image.ConfigFile()
	if err != nil {
		return err
	}
	layers, err := e.Image.Layers()
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	manifest := tarball.Descriptor{Config: id.Hex + ".json", RepoTags: []string{tag}}
	if err := writeFile(out, manifest.Config, config); err != nil {
		return err
	}
	written := map[string]bool{}
	for i, l := range layers {
		diffID := file.RootFS.DiffIDs[i]
		name := diffID.Hex + ".tar"
		manifest.Layers = append(manifest.Layers, name)
		if written[name] {
			continue
		}
		written[name] = true
		size, err := unpackedSize(ctx, l)
		if err != nil {
			return fmt.Errorf("layer %s: %w", diffID, err)
		}
		if err := writePlain(ctx, out, l, name, size); err != nil {
			return fmt.Errorf("layer %s: %w", diffID, err)
		}
	}
	data, err := json.Marshal(tarball.Manifest{manifest})
	if err != nil {
		return err
	}
	if err := writeFile(out, "manifest.json", data); err != nil {
		return err
	}
	return out.Close()
}

// unpackedSize unpacks the layer only to know its size, which a tar header
// must say before the content: that costs a second or two and no memory.
func unpackedSize(ctx context.Context, l v1.Layer) (int64, error) {
	r, err := l.Uncompressed()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return io.Copy(io.Discard, &ctxReader{ctx, r})
}

func writePlain(ctx context.Context, out *tar.Writer, l v1.Layer, name string, size int64) error {
	r, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := out.WriteHeader(header(name, size)); err != nil {
		return err
	}
	_, err = io.Copy(out, &ctxReader{ctx, r})
	return err
}

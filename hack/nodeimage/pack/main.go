// Command pack writes container images to a docker archive, which engines load
// and containerd imports. It needs neither registry nor engine.
//
//	pack OUT.tar <<END
//	layer base   DIR
//	layer node   DIR
//	image NAME:TAG LAYER[,LAYER...] {"Entrypoint": ["/pause"]}
//	END
//
// A layer that several images name is written once. Times are left out, so that
// equal folders make equal images; owners and modes are kept.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const created = "2026-01-01T00:00:00Z"

// image is an entry of the archive's manifest.json.
type image struct {
	Config   string
	RepoTags []string
	Layers   []string
}

type archive struct {
	*tar.Writer
	temp   string
	layers map[string]string // digest of each layer, in hex
	images []image
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pack OUT.tar <LIST")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(out string, list io.Reader) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	a := archive{Writer: tar.NewWriter(f), temp: out + ".layer", layers: map[string]string{}}
	defer os.Remove(a.temp)
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		words := strings.SplitN(strings.TrimSpace(lines.Text()), " ", 4)
		switch {
		case words[0] == "":
		case words[0] == "layer" && len(words) == 3:
			err = a.layer(words[1], words[2])
		case words[0] == "image" && len(words) == 4:
			err = a.image(words[1], strings.Split(words[2], ","), []byte(words[3]))
		default:
			err = fmt.Errorf("what is %q?", lines.Text())
		}
		if err != nil {
			return err
		}
	}
	manifest, err := json.Marshal(a.images)
	if err != nil {
		return err
	}
	return errors.Join(lines.Err(), a.file("manifest.json", int64(len(manifest)), bytes.NewReader(manifest)), a.Close())
}

func (a *archive) file(name string, size int64, from io.Reader) error {
	if err := a.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o644}); err != nil {
		return err
	}
	_, err := io.Copy(a, from)
	return err
}

// image adds an image of layers that are there. Its config is that of Docker's
// image format: Entrypoint, Cmd, Env, User and so on.
func (a *archive) image(name string, layers []string, config json.RawMessage) error {
	var ids, files []string
	for _, l := range layers {
		digest, ok := a.layers[l]
		if !ok {
			return fmt.Errorf("image %s: no layer %q", name, l)
		}
		ids, files = append(ids, "sha256:"+digest), append(files, digest+".tar")
	}
	raw, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": created, "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
	if err != nil {
		return fmt.Errorf("image %s: %w", name, err)
	}
	file := fmt.Sprintf("%x.json", sha256.Sum256(raw))
	for i, other := range a.images {
		if other.Config == file {
			a.images[i].RepoTags = append(other.RepoTags, name)
			return nil
		}
	}
	a.images = append(a.images, image{Config: file, RepoTags: []string{name}, Layers: files})
	return a.file(file, int64(len(raw)), bytes.NewReader(raw))
}

// layer adds what is in dir.
func (a *archive) layer(name, dir string) error {
	f, err := os.Create(a.temp)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	t := tar.NewWriter(io.MultiWriter(f, sum))
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return addFile(t, dir, path, d)
	})
	if err := errors.Join(err, t.Close()); err != nil {
		return fmt.Errorf("layer %s: %w", name, err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	a.layers[name] = fmt.Sprintf("%x", sum.Sum(nil))
	return a.file(a.layers[name]+".tar", size, f)
}

func addFile(t *tar.Writer, dir, path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if info.Mode()&(fs.ModeSocket|fs.ModeDevice|fs.ModeNamedPipe) != 0 {
		return nil // the engine makes /dev itself
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	h.Name = filepath.ToSlash(rel)
	if d.IsDir() {
		h.Name += "/"
	}
	h.Uname, h.Gname, h.Format = "", "", tar.FormatPAX
	h.ModTime, h.AccessTime, h.ChangeTime = time.Unix(0, 0), time.Time{}, time.Time{}
	if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(t, from)
	return err
}

package toolbox

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

const tarUsage = "-c|-x|-t [-zvmp] [-f FILE] [-C DIR] [FILE]..."

type tarOptions struct {
	mode                byte // c, x or t
	gzip, verbose, keep bool
	noTime, toStdout    bool
	file, dir           string
	strip               int
	names               []string
}

// tarCommand is what kubectl cp runs in a container.
func tarCommand(c *call) int {
	args := c.args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		args = append([]string{"-" + args[0]}, args[1:]...) // tar cf, the old way
	}
	opts, names, err := getopt(args, "cxtzvf:C:mpohPkOT:", "create=c", "extract=x", "list=t", "file=f", "directory=C", "gzip=z", "verbose=v",
		"no-same-permissions", "no-same-owner", "touch=m", "preserve-permissions=p", "to-stdout=O", "overwrite", "numeric-owner", "exclude:", "strip-components:")
	if err != nil {
		c.errorf("tar: %v", err)
		return c.usage(tarUsage)
	}
	o := tarOptions{file: "-", dir: c.dir, names: names}
	for _, opt := range opts {
		switch opt.name {
		case "c", "x", "t":
			o.mode = opt.name[0]
		case "z":
			o.gzip = true
		case "v":
			o.verbose = true
		case "f":
			o.file = opt.value
		case "C":
			o.dir = c.path(opt.value)
		case "m":
			o.noTime = true
		case "k":
			o.keep = true
		case "O":
			o.toStdout = true
		case "strip-components":
			o.strip = int(leadingNumber(opt.value, false))
		}
	}
	switch o.mode {
	case 'c':
		return c.tarCreate(o)
	case 'x', 't':
		return c.tarRead(o)
	}
	return c.usage(tarUsage)
}

func (c *call) tarCreate(o tarOptions) int {
	if len(o.names) == 0 {
		return c.fail("empty archive")
	}
	var out io.Writer = c.out
	if o.file != "-" {
		f, err := c.open(o.file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return c.fail("can't open '%s': %s", o.file, errText(err))
		}
		defer func() {
			if err := f.Close(); err != nil {
				c.errorf("tar: %s: %s", o.file, errText(err))
			}
		}()
		out = f
	}
	closers := []io.Closer{}
	if o.gzip {
		z := gzip.NewWriter(out)
		closers, out = append(closers, z), z
	}
	w := tar.NewWriter(out)
	closers = append([]io.Closer{w}, closers...)
	code := exitOK
	for _, name := range o.names {
		base := absolute(o.dir, name)
		err := c.walk(base, func(full string, info fs.FileInfo, _ int) bool {
			stored := strings.TrimLeft(path.Join(name, strings.TrimPrefix(full, base)), "/")
			for strings.HasPrefix(stored, "../") {
				stored = stored[3:]
			}
			if stored == "" {
				stored = "."
			}
			if err := c.tarAdd(w, full, stored, info); err != nil {
				code = c.fail("%s: %s", full, errText(err))
				return false
			}
			if o.verbose {
				c.errorf("%s", stored)
			}
			return true
		})
		if err != nil {
			code = c.fail("%s: %s", name, errText(err))
		}
	}
	for _, cl := range closers {
		if err := cl.Close(); err != nil && code == exitOK {
			code = c.fail("%s", errText(err))
		}
	}
	return code
}

func (c *call) tarAdd(w *tar.Writer, full, stored string, info fs.FileInfo) error {
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = c.box.p.FS.Readlink(full); err != nil {
			return err
		}
	}
	if !info.Mode().IsRegular() && !info.IsDir() && link == "" {
		return nil // devices and sockets aren't kept
	}
	h := &tar.Header{Name: stored, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Typeflag: tar.TypeReg, Uname: "root", Gname: "root"}
	switch {
	case link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, link
	case info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, stored+"/"
	default:
		h.Size = info.Size()
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := c.open(full, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	// A file that grows while it is read must not spoil the archive.
	_, err = io.Copy(w, io.LimitReader(contextBound{c, f}, h.Size))
	return err
}

func (c *call) tarRead(o tarOptions) int {
	r, err := c.openInput(o.file)
	if err != nil {
		return c.fail("can't open '%s': %s", o.file, errText(err))
	}
	defer r.Close()
	in := bufio.NewReader(contextBound{c, r})
	var src io.Reader = in
	if magic, err := in.Peek(2); err == nil && (o.gzip || magic[0] == 0x1f && magic[1] == 0x8b) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return c.fail("invalid gzip magic")
		}
		src = z
	}
	t := tar.NewReader(src)
	code := exitOK
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if c.ctx.Err() != nil {
				return exitKilled
			}
			return c.fail("invalid tar: %v", err)
		}
		if !o.wants(h.Name) {
			continue
		}
		if o.mode == 't' {
			if o.verbose {
				c.printf("%s root/root %9d %s %s\n", modeString(h.FileInfo().Mode()), h.Size, h.ModTime.UTC().Format("2006-01-02 15:04:05"), h.Name)
			} else {
				c.printf("%s\n", h.Name)
			}
			continue
		}
		if err := c.tarExtract(o, t, h); err != nil {
			code = c.fail("can't extract '%s': %s", h.Name, errText(err))
		}
		if o.verbose {
			c.errorf("%s", h.Name)
		}
	}
	// The end of the archive is not the end of the stream that kubectl sends.
	if _, err := io.Copy(io.Discard, src); err != nil && c.ctx.Err() != nil {
		return exitKilled
	}
	return max(code, c.done())
}

func (o tarOptions) wants(name string) bool {
	if len(o.names) == 0 {
		return true
	}
	clean := path.Clean(name)
	for _, n := range o.names {
		n = path.Clean(strings.TrimLeft(n, "/"))
		if clean == n || strings.HasPrefix(clean, n+"/") {
			return true
		}
	}
	return false
}

func (c *call) tarExtract(o tarOptions, r io.Reader, h *tar.Header) error {
	name := path.Clean("/" + h.Name) // ".." ends at the target folder
	for range o.strip {
		_, rest, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
		if !ok {
			return nil
		}
		name = "/" + rest
	}
	if o.toStdout {
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		_, err := c.copy(c.out, r)
		return err
	}
	full := path.Join(o.dir, name)
	if full == path.Clean(o.dir) {
		return nil
	}
	if h.Typeflag == tar.TypeDir {
		return c.mkdirAll(full)
	}
	if err := c.mkdirAll(path.Dir(full)); err != nil {
		return err
	}
	if _, err := c.box.p.FS.Lstat(full); err == nil {
		if o.keep {
			return nil
		}
		// A link that stands there would be written through.
		if err := c.box.p.FS.Remove(full); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return c.box.p.FS.Symlink(h.Linkname, full)
	case tar.TypeReg:
	default:
		return fmt.Errorf("type %q is not supported", h.Typeflag)
	}
	f, err := c.box.p.FS.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fs.FileMode(h.Mode)&0o777)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if o.noTime {
		return nil
	}
	return c.box.p.FS.Chtimes(full, h.ModTime, h.ModTime)
}

package images

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/validate"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const specJSON = `[{"Ref": "docker.io/library/box:1.0", "About": "a box", "Cmd": ["sleep", "infinity"], "Env": ["PATH=/bin"],
  "WorkingDir": "/", "UID": 65532, "Ports": [8080], "Program": "box", "At": "/bin/box",
  "Files": [
    {"Name": "/bin", "Mode": 2147484141},
    {"Name": "/tmp", "Mode": 2148532735},
    {"Name": "/etc/motd", "Mode": 420, "Data": "hello\n"},
    {"Name": "/bin/box", "Mode": 493, "Data": "stands for the program\n"},
    {"Name": "/bin/sh", "Mode": 134218239, "Link": "box"}]}]`

// built makes the image of specJSON with a program of n bytes.
func built(t *testing.T, n int) []Entry {
	t.Helper()
	specs, err := ReadSpecs([]byte(specJSON))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "box"), bytes.Repeat([]byte("box\n"), n/4), 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := Build(specs, dir, "arm64")
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestBuild(t *testing.T) {
	e := built(t, 4096)[0]
	if err := validate.Image(e.Image, validate.Fast); err != nil {
		t.Errorf("go-containerregistry does not take the image for valid: %v", err)
	}
	config, err := e.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	_, port := config.Config.ExposedPorts["8080/tcp"]
	if config.OS != "linux" || config.Architecture != "arm64" || config.Config.User != "65532" || !port ||
		!slices.Equal(config.Config.Cmd, []string{"sleep", "infinity"}) || !slices.Equal(config.Config.Env, []string{"PATH=/bin"}) {
		t.Errorf("config = %+v", config)
	}
	layers, err := e.Image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.FileInfo().Mode().String()+" "+h.Name+h.Linkname)
		if h.Size != 0 && h.Name == "bin/box" && h.Size != 4096 {
			t.Errorf("the program has %d bytes", h.Size)
		}
	}
	want := []string{
		(fs.ModeDir | 0o755).String() + " bin/", (fs.ModeDir | fs.ModeSticky | 0o777).String() + " tmp/",
		"-rw-r--r-- etc/motd", "-rwxr-xr-x bin/box", "Lrwxrwxrwx bin/shbox",
	}
	if !slices.Equal(got, want) {
		t.Errorf("files:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestBuildIsReproducible(t *testing.T) {
	var first, second bytes.Buffer
	if err := Write(&first, built(t, 4096)); err != nil {
		t.Fatal(err)
	}
	if err := Write(&second, built(t, 4096)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same program gave two archives that differ")
	}
}

func TestBuildNeedsItsPrograms(t *testing.T) {
	specs, err := ReadSpecs([]byte(specJSON))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Build(specs, t.TempDir(), "amd64"); err == nil || !strings.Contains(err.Error(), "docker.io/library/box:1.0") {
		t.Errorf("err = %v", err)
	}
	specs[0].At = "/elsewhere"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "box"), []byte("x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(specs, dir, "amd64"); err == nil || !strings.Contains(err.Error(), "/elsewhere") {
		t.Errorf("err = %v", err)
	}
	for _, bad := range []string{"", "[", `[{"Ref": "x"}]`, `[{"Ref": "x", "Program": "y", "At": "bin/y"}]`} {
		if _, err := ReadSpecs([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestArchiveAndEngine takes an image all the way: archive, engine's archive,
// back into an archive with compressed layers. It must stay the same image.
func TestArchiveAndEngine(t *testing.T) {
	dir := t.TempDir()
	want := built(t, 1<<20)[0]
	wantID, err := want.Image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}

	loadable := filepath.Join(dir, "load.tar")
	f, err := os.Create(loadable)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteLoadable(t.Context(), f, want, "localhost/box:1"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	node, err := FromSaved(t.Context(), loadable, dir, RoleNode, "docker.io/kindest/node:v1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bundle.tar")
	if err := WriteFile(path, []Entry{node, want}); err != nil {
		t.Fatal(err)
	}
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Verify(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 2<<20 {
		t.Errorf("the archive of %d bytes holds the compressible layer twice uncompressed", info.Size())
	}
	got := Select(a.Entries, RoleNode)
	if len(a.Entries) != 2 || len(got) != 1 || got[0].Ref != "docker.io/kindest/node:v1" {
		t.Fatalf("entries = %+v", a.Entries)
	}
	for _, e := range a.Entries {
		if id, err := e.Image.ConfigName(); err != nil || id != wantID {
			t.Errorf("%s: ID %s, %v; want %s", e.Ref, id, err, wantID)
		}
		if err := validate.Image(e.Image, validate.Fast); err != nil {
			t.Errorf("%s: %v", e.Ref, err)
		}
		if arch, err := e.Arch(); err != nil || arch != "arm64" {
			t.Errorf("%s: %s, %v", e.Ref, arch, err)
		}
	}
	// What comes out for the engine is what went in.
	var again bytes.Buffer
	if err := WriteLoadable(t.Context(), &again, got[0], "localhost/box:1"); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(loadable)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again.Bytes()) {
		t.Error("the image changed on its way")
	}
}

func TestFromSavedStops(t *testing.T) {
	dir := t.TempDir()
	var buf bytes.Buffer
	if err := WriteLoadable(t.Context(), &buf, built(t, 1<<20)[0], "localhost/box:1"); err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(dir, "saved.tar")
	if err := os.WriteFile(saved, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FromSaved(ctx, saved, dir, RoleNode, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// Damage in the layer's content is seen by its digest.
	data := buf.Bytes()
	at := bytes.Index(data, []byte("box\nbox\nbox\n"))
	data[at+100] ^= 1
	if err := os.WriteFile(saved, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := FromSaved(t.Context(), saved, dir, RoleNode, "x"); err == nil || !strings.Contains(err.Error(), "has the content") {
		t.Errorf("damaged: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	var good bytes.Buffer
	if err := Write(&good, built(t, 64<<10)); err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Replace(good.Bytes(), []byte(formatAnnotation), []byte("io.somebody.format"), 1)
	newer := bytes.Replace(good.Bytes(), []byte(formatAnnotation+`":"1"`), []byte(formatAnnotation+`":"9"`), 1)
	path := tarOf(t, "../../etc/passwd", "x")
	document := bytes.Replace(good.Bytes(), []byte(`"architecture":"arm64"`), []byte(`"architecture":"arm65"`), -1)
	layer := bytes.Replace(good.Bytes(), []byte("hello\n"), []byte("hallo\n"), 1)

	for _, tc := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "no oci-layout", nil},
		{"no tar", "read the tar file", bytes.Repeat([]byte("no tar file"), 1000)},
		{"cut", "read the tar file", good.Bytes()[:good.Len()/2]},
		{"foreign", "some other program", foreign},
		{"newer", "its format is 9", newer},
		{"path", `unexpected entry "../../etc/passwd"`, path},
		{"document", "is damaged", document},
		{"layer", "is damaged", layer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.tar")
			if err := os.WriteFile(file, tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			a, err := Open(file)
			if err == nil {
				err = a.Verify()
				a.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("err = %v, want …%s… and the file's name", err, tc.want)
			}
		})
	}
}

func tarOf(t *testing.T, name, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := writeFile(w, name, []byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestWriteFileLeavesNothing: an archive that can't be written whole must not
// be there at all, and the one that was there before must stay.
func TestWriteFileLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.tar")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := built(t, 4096)[0]
	node, err := fromBuilt(t, broken, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []Entry{node}); err == nil {
		t.Fatal("an image without its layers was written")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 { // x.tar and saved.tar
		t.Errorf("left behind: %v, %v", left, err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "before" {
		t.Errorf("the file before: %q, %v", data, err)
	}
}

// fromBuilt is e as an engine saved it, whose spooled layers are gone.
func fromBuilt(t *testing.T, e Entry, dir string) (Entry, error) {
	t.Helper()
	saved := filepath.Join(dir, "saved.tar")
	f, err := os.Create(saved)
	if err != nil {
		return Entry{}, err
	}
	defer f.Close()
	if err := WriteLoadable(t.Context(), f, e, "x:1"); err != nil {
		return Entry{}, err
	}
	spools := t.TempDir()
	node, err := FromSaved(t.Context(), saved, spools, RoleNode, "x:1")
	return node, errors.Join(err, os.RemoveAll(spools))
}

//go:build unix

package kind

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/k8stutor/k8stutor/cluster/images"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
	"github.com/k8stutor/k8stutor/cluster/provider/engine/enginetest"
)

// fakeEngine stands in for an engine's command: it keeps images as files in a
// folder, pulls nothing, and writes down what it was asked.
const fakeEngine = `dir=%DIR%
echo "$@" >>$dir/asked
name() { echo "$dir/$(echo "$1" | tr '/:@' '___')"; }
case "$1 $2" in
"ps --quiet") ;;
"image inspect") for last; do :; done; [ -f "$(name "$last")" ] ;;
"pull "*) echo "no route to the registry" >&2; exit 1 ;;
"save "*) cat "$(name "$2")" ;;
"load "*) cat >$dir/loading; cp $dir/loading "$(name "$(cat $dir/loads)")" ;;
*) exit 64 ;;
esac`

// engineDir puts fakeEngine on PATH and returns its folder.
func engineDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := os.Getenv("PATH")
	enginetest.Install(t, map[string]string{"docker": strings.ReplaceAll(fakeEngine, "%DIR%", dir)})
	t.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+path)
	return dir
}

func imageFile(name string) string {
	return strings.NewReplacer("/", "_", ":", "_", "@", "_").Replace(name)
}

// someImage is a small image for this machine, of which the node image and
// the lessons' images of these tests are made.
func someImage(t *testing.T) images.Entry {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p"), []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := images.Build([]images.Spec{{
		Ref: "docker.io/library/go-api:0.0.1", Program: "p", At: "/p", Files: []images.File{{Name: "/p", Mode: 0o755}},
	}}, dir, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	return entries[0]
}

func TestBundleSaveAndLoad(t *testing.T) {
	engineAt := engineDir(t)
	state, dir := t.TempDir(), t.TempDir()
	img := someImage(t)
	own := filepath.Join(dir, "lesson-images.tar")
	if err := images.WriteFile(own, []images.Entry{img}); err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := images.WriteLoadable(t.Context(), &saved, img, "node:1"); err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(engineAt, imageFile(defaults.Image))
	if err := os.WriteFile(there, saved.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	bundle := filepath.Join(dir, "bundle.tar")
	o := BundleOptions{State: state, Images: own, Addons: []string{"registry.example/addon:1"}}
	got, left, err := SaveBundle(t.Context(), bundle, o, ignore)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Role != "node" || got[0].Name != defaults.Image || got[1].Role != "lesson" {
		t.Errorf("saved %+v", got)
	}
	if len(left) != 1 || !strings.Contains(left[0].Err.Error(), "no route to the registry") {
		t.Errorf("left out %+v", left)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}

	// Now the engine has nothing, and nothing can be pulled.
	if err := os.Remove(there); err != nil {
		t.Fatal(err)
	}
	id, err := img.Image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	local := localName(id)
	if err := os.WriteFile(filepath.Join(engineAt, "loads"), []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds the image there
		if _, err := LoadBundle(t.Context(), state, bundle, ignore); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := os.ReadFile(filepath.Join(engineAt, imageFile(local)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(loaded, []byte(local)) || !bytes.Contains(loaded, []byte("program")) {
		t.Error("the engine got another image")
	}
	asked, err := os.ReadFile(filepath.Join(engineAt, "asked"))
	if err != nil || strings.Count("\n"+string(asked), "\nload\n") != 1 {
		t.Errorf("the engine was asked, %v:\n%s", err, asked)
	}

	eng, err := engine.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for want, use := range map[string]string{"": local, defaults.Image: local, "other/node:1": "other/node:1"} {
		if got, err := UsableImage(t.Context(), eng, state, want); err != nil || got != use {
			t.Errorf("UsableImage(%q) = %q, %v; want %q", want, got, err, use)
		}
	}
	if got, err := FindLessonImages(state, ""); err != nil || got != bundleDir(state).images() {
		t.Errorf("FindLessonImages = %q, %v", got, err)
	}
}

func TestLoadBundleRefuses(t *testing.T) {
	engineDir(t)
	dir := t.TempDir()
	lessonsOnly := filepath.Join(dir, "lessons.tar")
	if err := images.WriteFile(lessonsOnly, []images.Entry{someImage(t)}); err != nil {
		t.Fatal(err)
	}
	node := someImage(t)
	node.Role = images.RoleNode
	whole := filepath.Join(dir, "whole.tar")
	if err := images.WriteFile(whole, []images.Entry{node}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged.tar")
	if err := os.WriteFile(damaged, bytes.Replace(data, []byte("program"), []byte("Program"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "nosuch"): "no such file",
		lessonsOnly:                  "it holds 0 node images",
		damaged:                      "is damaged",
	} {
		state := t.TempDir()
		if _, err := LoadBundle(t.Context(), state, file, ignore); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want …%s…", file, err, want)
		}
		if left, err := os.ReadDir(state); err != nil || len(left) > 0 {
			t.Errorf("%s: left in the state folder: %v, %v", file, left, err)
		}
	}
}

func TestFindLessonImagesSaysWhatToDo(t *testing.T) {
	_, err := FindLessonImages(t.TempDir(), "")
	if err == nil || !strings.Contains(err.Error(), "make build") || !strings.Contains(err.Error(), "bundle load") {
		t.Errorf("err = %v", err)
	}
	if _, err = FindLessonImages(t.TempDir(), "/nosuch"); err == nil || !strings.Contains(err.Error(), "K8STUTOR_LESSON_IMAGES") {
		t.Errorf("err = %v", err)
	}
}

func TestParseDigests(t *testing.T) {
	got := parseDigests(`REF                            TYPE                                                 DIGEST                                                                  SIZE    PLATFORMS   LABELS
docker.io/library/go-api:0.0.1 application/vnd.oci.image.manifest.v1+json           sha256:f110bdbedddd00338359c38574590d07b72494f935791b9d948805c1fedbd16e 5.8 MiB linux/amd64 io.cri-containerd.image=managed
`)
	want := "sha256:f110bdbedddd00338359c38574590d07b72494f935791b9d948805c1fedbd16e"
	if len(got) != 1 || got["docker.io/library/go-api:0.0.1"] != want {
		t.Errorf("got %v", got)
	}
}

package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/images"
)

// nodesReady is the phase of kind after which containerd runs in the nodes.
// Loading begins when it ends. Should another kind name it otherwise, the
// images are loaded last instead of meanwhile.
const nodesReady = "kind-preparing-nodes"

// importTime is for how long an import is tried: containerd is not up yet when
// the node is, and kind restarts it while it configures the node.
const importTime = 2 * time.Minute

// LessonImagesFile is the file name of the archive with the lessons' images
// for nodes of this architecture.
func LessonImagesFile(arch string) string { return "k8stutor-images-linux-" + arch + ".tar" }

// FindLessonImages looks for the archive with the lessons' images: at want when
// that is given, else beside this executable, else in the bundle that was
// loaded into the state folder.
func FindLessonImages(state, want string) (string, error) {
	name := LessonImagesFile(runtime.GOARCH)
	if want != "" {
		if isFile(want) {
			return want, nil
		}
		return "", fmt.Errorf("K8STUTOR_LESSON_IMAGES is %s, which is no file: build it with `make build`, or unset the variable", want)
	}
	var beside string
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		beside = filepath.Join(filepath.Dir(self), name)
		if isFile(beside) {
			return beside, nil
		}
	}
	if loaded := bundleDir(state).images(); isFile(loaded) {
		return loaded, nil
	}
	return "", fmt.Errorf("the lessons' images for kind are missing: there is no %s, and no bundle has been loaded; run `make build` in the source folder, load a bundle with `k8stutor bundle load FILE`, or use --cluster embedded, which needs none", beside)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// imageLoad brings images into the nodes of a cluster while it comes up: kind
// waits for the control plane most of that time. It belongs to one call of Up.
type imageLoad struct {
	archives []*images.Archive
	wanted   []images.Entry
	nodes    func() ([]nodes.Node, error)

	mu     sync.Mutex // keeps calls of report apart
	report cluster.Progress
	begun  chan struct{} // closed when loading has begun
	once   sync.Once
	done   chan error
}

// openLoad finds and opens the images before anything is made, so that what is
// missing is said at once. Finish must be called.
func (k *Provider) openLoad(p *kind.Provider, report cluster.Progress) (*imageLoad, error) {
	l := &imageLoad{
		nodes:  func() ([]nodes.Node, error) { return p.ListInternalNodes(k.cluster()) },
		report: report, begun: make(chan struct{}), done: make(chan error, 1),
	}
	file, err := FindLessonImages(k.home.State(), k.lessonImages)
	if err != nil {
		return nil, err
	}
	files := []string{file}
	if loaded := bundleDir(k.home.State()).images(); loaded != file && isFile(loaded) {
		files = append(files, loaded)
	}
	for _, file := range files {
		a, err := images.Open(file)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("the lessons' images: %w; build or load them again", err)
		}
		l.archives = append(l.archives, a)
		for _, e := range a.Entries {
			known := slices.ContainsFunc(l.wanted, func(w images.Entry) bool { return w.Ref == e.Ref })
			if !known && e.Role != images.RoleNode {
				l.wanted = append(l.wanted, e)
			}
		}
	}
	return l, nil
}

func (l *imageLoad) close() {
	for _, a := range l.archives {
		a.Close()
	}
}

// observe passes phases on and begins to load when the nodes are there.
func (l *imageLoad) observe(ctx context.Context) cluster.Progress {
	return func(p cluster.Phase) {
		l.tell(p)
		if p.ID == nodesReady && p.Done && p.Err == nil {
			l.begin(ctx)
		}
	}
}

func (l *imageLoad) tell(p cluster.Phase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report(p)
}

func (l *imageLoad) begin(ctx context.Context) {
	l.once.Do(func() {
		close(l.begun)
		go func() { // finish waits for its end
			l.done <- l.load(ctx)
		}()
	})
}

// finish waits until the images are there. up is how coming up ended: when it
// failed nothing is begun any more, and what runs ends with the nodes.
func (l *imageLoad) finish(ctx context.Context, up error) error {
	defer l.close()
	if up == nil {
		l.begin(ctx)
	}
	select {
	case <-l.begun:
		if err := <-l.done; up == nil {
			return err
		}
	default:
	}
	return up
}

func (l *imageLoad) load(ctx context.Context) error {
	began := time.Now()
	phase := cluster.Phase{ID: "kind-images", Title: "Loading the lessons' images"}
	l.tell(phase)
	n, err := l.loadAll(ctx)
	phase.Done, phase.Err, phase.Elapsed = true, err, time.Since(began)
	phase.Detail = fmt.Sprintf("%d of %d", n, len(l.wanted))
	if n == 0 {
		phase.Detail = "there already"
	}
	l.tell(phase)
	return err
}

// loadAll loads what is missing and says how many images that was.
func (l *imageLoad) loadAll(ctx context.Context) (int, error) {
	all, err := l.nodes()
	if err != nil {
		return 0, fmt.Errorf("kind: list nodes: %w", err)
	}
	most := 0
	for _, n := range all {
		if err := l.checkArch(ctx, n); err != nil {
			return most, err
		}
		var loaded int
		err := pollFor(ctx, importTime, time.Second/2, func(ctx context.Context) (err error) {
			loaded, err = l.loadInto(ctx, n)
			return err
		})
		if err != nil {
			return most, fmt.Errorf("kind: load the lessons' images into %s: %w", n, err)
		}
		most = max(most, loaded)
	}
	return most, nil
}

// checkArch refuses images for another processor than the node's, whose
// programs would fail with "exec format error" in the middle of a lesson.
func (l *imageLoad) checkArch(ctx context.Context, n nodes.Node) error {
	var out bytes.Buffer
	if err := n.CommandContext(ctx, "uname", "-m").SetStdout(&out).Run(); err != nil {
		return fmt.Errorf("kind: ask %s for its architecture: %w", n, err)
	}
	node := strings.TrimSpace(out.String())
	if goArch, ok := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[node]; ok {
		node = goArch
	}
	for _, e := range l.wanted {
		arch, err := e.Arch()
		if err != nil {
			return err
		}
		if arch != node {
			return fmt.Errorf("kind: %s is %s, but the image %s is for %s: make them with `make images ARCH=%s`, and set K8STUTOR_LESSON_IMAGES to the file", n, node, e.Ref, arch, node)
		}
	}
	return nil
}

// loadInto imports those images that the node does not have with the same
// digest.
func (l *imageLoad) loadInto(ctx context.Context, n nodes.Node) (int, error) {
	there, err := digests(ctx, n)
	if err != nil {
		return 0, err
	}
	var missing []images.Entry
	for _, e := range l.wanted {
		digest, err := e.Digest()
		if err != nil {
			return 0, err
		}
		if there[e.Ref] != digest.String() {
			missing = append(missing, e)
		}
	}
	if len(missing) == 0 {
		return 0, nil
	}
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() { // ends with the reader
		err := images.Write(w, missing)
		w.CloseWithError(err)
		written <- err
	}()
	// kind's call takes no context: when ctx ends the node goes, and with it
	// the import.
	err = nodeutils.LoadImageArchive(n, r)
	r.CloseWithError(errors.New("the import has ended"))
	if wrote := <-written; err == nil {
		err = wrote
	}
	return len(missing), withOutput(err)
}

// digests maps the names of a node's images to the digests of their manifests.
func digests(ctx context.Context, n nodes.Node) (map[string]string, error) {
	var out, stderr bytes.Buffer
	cmd := n.CommandContext(ctx, "ctr", "--namespace=k8s.io", "images", "list")
	if err := cmd.SetStdout(&out).SetStderr(&stderr).Run(); err != nil {
		return nil, fmt.Errorf("list its images: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return parseDigests(out.String()), nil
}

// parseDigests reads the table of `ctr images list`: REF TYPE DIGEST ….
func parseDigests(table string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[2], "sha256:") {
			found[f[0]] = f[2]
		}
	}
	return found
}

package cluster

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/pager"

	"github.com/k8stutor/k8stutor/cluster/internal/tail"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

// stepAnnotation on a namespace says which step of the lesson it holds.
const stepAnnotation = "k8stutor.dev/step"

// Space is the namespace in which one lesson happens, with all that a lesson
// may do there. It is safe for concurrent use.
type Space struct {
	world     *World
	access    Access
	namespace string
	options   SpaceOptions
}

// SpaceOptions say how scripts of a lesson are run.
type SpaceOptions struct {
	// Kubeconfig is a file whose context points to the namespace. It is
	// written by OpenSpace.
	Kubeconfig string
	// Path is PATH for scripts, with kubectl on it; empty is this process's.
	Path string
	// Ports makes the NodePorts of a namespace answer on 127.0.0.1 until ctx
	// ends; nil where the cluster does so itself.
	Ports func(ctx context.Context, client dynamic.Interface, namespace string)
}

// OpenSpace makes the namespace, unless it is there, and the kubeconfig that
// points to it.
func OpenSpace(ctx context.Context, access Access, namespace string, options SpaceOptions) (*Space, error) {
	world, err := NewWorld(access)
	if err != nil {
		return nil, err
	}
	if err := world.EnsureNamespace(ctx, namespace); err != nil {
		return nil, err
	}
	if err := access.WriteKubeconfig(namespace, options.Kubeconfig); err != nil {
		return nil, err
	}
	return &Space{world: world, access: access, namespace: namespace, options: options}, nil
}

// Namespace is the name of the namespace.
func (s *Space) Namespace() string { return s.namespace }

// Watch starts to watch; the caller closes the Watcher. As long as it is open,
// the namespace's NodePorts answer on 127.0.0.1 with every provider.
func (s *Space) Watch(ctx context.Context, specs []watch.Spec) *watch.Watcher {
	client := s.world.Dynamic()
	if s.options.Ports == nil {
		return watch.Start(ctx, client, specs)
	}
	return watch.Start(ctx, client, specs, func(ctx context.Context) { s.options.Ports(ctx, client, s.namespace) })
}

// Requests follows the audit log; nil when the cluster keeps none. The caller
// closes it.
func (s *Space) Requests(ctx context.Context) (*AuditTail, error) {
	if s.access.AuditLog == "" {
		return nil, nil
	}
	return TailAudit(ctx, s.access.AuditLog)
}

// Enter notes on the namespace which step it holds from now on, and returns the
// resource version of that write: what has a lower one happened before.
func (s *Space) Enter(ctx context.Context, step string) (uint64, error) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		// The time makes sure that it is a write.
		stepAnnotation: step, stepAnnotation + "-entered": time.Now().UTC().Format(time.RFC3339Nano),
	}}})
	if err != nil {
		return 0, err
	}
	u, err := s.world.Dynamic().Resource(namespaces).Patch(ctx, s.namespace, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: UserAgent})
	if err != nil {
		return 0, fmt.Errorf("mark the beginning of step %s: %w", step, err)
	}
	version, err := strconv.ParseUint(u.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resource version %q of namespace %s is no number", u.GetResourceVersion(), s.namespace)
	}
	return version, nil
}

// Entered is the step that the namespace holds, "" when it holds none.
func (s *Space) Entered(ctx context.Context) (string, error) {
	u, err := s.world.Dynamic().Resource(namespaces).Get(ctx, s.namespace, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read namespace %s: %w", s.namespace, err)
	}
	return u.GetAnnotations()[stepAnnotation], nil
}

// Clear empties the namespace.
func (s *Space) Clear(ctx context.Context) error { return s.world.EmptyNamespace(ctx, s.namespace) }

// Delete removes the namespace.
func (s *Space) Delete(ctx context.Context) error { return s.world.DeleteNamespace(ctx, s.namespace) }

// Apply applies a manifest into the namespace.
func (s *Space) Apply(ctx context.Context, manifest []byte) error {
	return s.world.Apply(ctx, s.namespace, manifest)
}

// Probe asks a Service of the namespace.
func (s *Space) Probe(ctx context.Context, service, port, path string) (Reply, error) {
	return s.world.Probe(ctx, s.namespace, service, port, path)
}

// listPage is how many objects are asked for at once.
const listPage = 100

// Snapshot lists what specs name, as it is now.
func (s *Space) Snapshot(ctx context.Context, specs []watch.Spec) ([]Listing, error) {
	out := make([]Listing, 0, len(specs))
	for _, spec := range specs {
		l, err := s.list(ctx, spec)
		if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
			continue // not served: nothing to wait for
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", spec.Resource.Resource, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// list lists one resource. Page by page, all of one revision, of which only the
// names are kept: a thousand Pods at once would take 20 MB for a moment. When the
// API server forgets the revision meanwhile, all are listed at once.
func (s *Space) list(ctx context.Context, spec watch.Spec) (Listing, error) {
	l := Listing{Spec: spec}
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		list, err := s.world.Dynamic().Resource(spec.Resource).Namespace(spec.Namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		page := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{
			ResourceVersion: list.GetResourceVersion(), Continue: list.GetContinue(),
		}}
		for _, u := range list.Items {
			page.Items = append(page.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
				Namespace: u.GetNamespace(), Name: u.GetName(), ResourceVersion: u.GetResourceVersion(),
			}})
		}
		return page, nil
	})
	pages.PageSize = listPage
	list, _, err := pages.List(ctx, metav1.ListOptions{})
	if err != nil {
		return l, err
	}
	whole, err := meta.ListAccessor(list)
	if err != nil {
		return l, err
	}
	l.Revision = revisionOf(whole.GetResourceVersion())
	return l, meta.EachListItem(list, func(o runtime.Object) error {
		m, err := meta.Accessor(o)
		if err == nil {
			l.Objects = append(l.Objects, ObjectRef{m.GetNamespace(), m.GetName(), revisionOf(m.GetResourceVersion())})
		}
		return err
	})
}

// revisionOf is 0 for a version that is no number.
func revisionOf(version string) uint64 {
	n, err := strconv.ParseUint(version, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// ScriptResult is what a script left behind.
type ScriptResult struct {
	Output  string         // stdout and stderr, together
	Answers []ScriptAnswer // given with `answer CHECK VALUE`
}

// ScriptAnswer is one use of `answer` in a script.
type ScriptAnswer struct{ Check, Value string }

// scriptPrelude gives scripts the command `answer`.
const scriptPrelude = `answer() { printf '%s\t%s\n' "$1" "$2" >>"$K8STUTOR_ANSWERS"; }
`

// Script runs a shell script (`sh -e`) in dir with kubectl pointing to the
// namespace. The error of a script that fails holds its last lines.
func (s *Space) Script(ctx context.Context, dir, script string) (ScriptResult, error) {
	var result ScriptResult
	answers, err := os.CreateTemp("", "k8stutor-answers-")
	if err != nil {
		return result, fmt.Errorf("file for the answers of a script: %w", err)
	}
	defer os.Remove(answers.Name())
	defer answers.Close()
	path := s.options.Path
	if path == "" {
		path = os.Getenv("PATH")
	}
	kubeconfig, err := filepath.Abs(s.options.Kubeconfig)
	if err != nil {
		return result, err
	}
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", scriptPrelude+script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "NAMESPACE="+s.namespace, "PATH="+path,
		"K8STUTOR_ANSWERS="+answers.Name())
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	wholeGroup(cmd)
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Run()
	result.Output = output.String()
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errors.New("it did not end in time")
		}
		return result, fmt.Errorf("script: %w\n%s", err, tail.LastLines(result.Output, 8))
	}
	lines := bufio.NewScanner(answers)
	for lines.Scan() {
		if check, value, ok := strings.Cut(lines.Text(), "\t"); ok {
			result.Answers = append(result.Answers, ScriptAnswer{check, value})
		}
	}
	return result, lines.Err()
}

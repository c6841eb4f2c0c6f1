package node

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	kubetypes "k8s.io/kubernetes/pkg/kubelet/types"
)

// rewriter replaces the probes and hooks that dial in Pods on their way into
// the kubelet. It is safe for concurrent use.
type rewriter struct {
	marker string

	exits chan types.UID // Pods of which a container has ended

	mu     sync.Mutex
	static map[types.UID]*v1.Pod // static Pods as they were

	// Only run uses these.
	current map[types.UID]kubetypes.PodUpdate // each Pod as last handed on
	due     chan types.UID                    // Pods to be looked at once more
}

func newRewriter(marker string) *rewriter {
	return &rewriter{
		marker: marker, exits: make(chan types.UID, 256), static: map[types.UID]*v1.Pod{},
		current: map[types.UID]kubetypes.PodUpdate{}, due: make(chan types.UID),
	}
}

// exited is told by the runtime of a container that has ended. It does not
// block; if very many end at once, some Pods get no second look.
func (w *rewriter) exited(podUID string) {
	select {
	case w.exits <- types.UID(podUID):
	default:
	}
}

// secondLook is how long after the end of a container its Pod is handed to the
// kubelet again. When a container crashes again and again, the kubelet of
// Kubernetes 1.35 and later reports "Error", decides on a back-off, and then
// does not look at the Pod until the back-off is over, so that the state
// CrashLoopBackOff, which
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts
// describes, is shown only for Pods that something else makes it look at (a
// probe, for one). Earlier kubelets looked after 10 to 15 s in any case.
const secondLook = 3 * time.Second

// run passes updates on until ctx ends or in is closed.
func (w *rewriter) run(ctx context.Context, in <-chan kubetypes.PodUpdate, out chan<- kubetypes.PodUpdate) error {
	for {
		var next kubetypes.PodUpdate
		select {
		case update, ok := <-in:
			if !ok {
				return nil
			}
			var err error
			if next, err = w.update(update); err != nil {
				return err
			}
			w.remember(next)
		case uid := <-w.exits:
			time.AfterFunc(secondLook, func() {
				select {
				case w.due <- uid:
				case <-ctx.Done():
				}
			})
			continue
		case uid := <-w.due:
			var ok bool
			if next, ok = w.current[uid]; !ok || next.Pods[0].DeletionTimestamp != nil {
				continue
			}
		case <-ctx.Done():
			return nil
		}
		select {
		case out <- next:
		case <-ctx.Done():
			return nil
		}
	}
}

// remember keeps each Pod as an update that can be handed on again.
func (w *rewriter) remember(update kubetypes.PodUpdate) {
	for _, pod := range update.Pods {
		if update.Op == kubetypes.REMOVE {
			delete(w.current, pod.UID)
			continue
		}
		w.current[pod.UID] = kubetypes.PodUpdate{Pods: []*v1.Pod{pod}, Op: kubetypes.UPDATE, Source: update.Source}
	}
}

func (w *rewriter) update(update kubetypes.PodUpdate) (kubetypes.PodUpdate, error) {
	pods := make([]*v1.Pod, len(update.Pods))
	for i, pod := range update.Pods {
		rewritten, err := w.pod(pod)
		if err != nil {
			return update, err
		}
		pods[i] = rewritten
		if update.Source == kubetypes.FileSource {
			w.keep(pod, update.Op)
		}
	}
	update.Pods = pods
	return update, nil
}

// keep remembers a static Pod as its manifest says it is.
func (w *rewriter) keep(pod *v1.Pod, op kubetypes.PodOperation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if op == kubetypes.REMOVE {
		delete(w.static, pod.UID)
		return
	}
	w.static[pod.UID] = pod
}

// pod returns a Pod whose probes and hooks do not dial; the given one is not
// changed.
func (w *rewriter) pod(pod *v1.Pod) (*v1.Pod, error) {
	pod = pod.DeepCopy()
	for _, containers := range [][]v1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			if err := w.container(&containers[i]); err != nil {
				return nil, err
			}
		}
	}
	return pod, nil
}

func (w *rewriter) container(c *v1.Container) error {
	for _, p := range []*v1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p == nil {
			continue
		}
		action, err := w.action(probeRequest{HTTP: p.HTTPGet, TCP: p.TCPSocket, GRPC: p.GRPC, Ports: c.Ports})
		if err != nil {
			return err
		}
		if action != nil {
			p.ProbeHandler = v1.ProbeHandler{Exec: action}
		}
	}
	if c.Lifecycle == nil {
		return nil
	}
	for _, h := range []*v1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
		if h == nil || h.HTTPGet == nil {
			continue
		}
		action, err := w.action(probeRequest{HTTP: h.HTTPGet, Ports: c.Ports, Hook: true})
		if err != nil {
			return err
		}
		*h = v1.LifecycleHandler{Exec: action}
	}
	return nil
}

// action is the exec action for a request, or nil when it does not dial.
func (w *rewriter) action(r probeRequest) (*v1.ExecAction, error) {
	if r.HTTP == nil && r.TCP == nil && r.GRPC == nil {
		return nil, nil
	}
	arg, err := r.encode()
	if err != nil {
		return nil, err
	}
	return &v1.ExecAction{Command: []string{w.marker, arg}}, nil
}

// client wraps the kubelet's client so that the mirror Pods it makes of static
// Pods show the probes that their manifests say.
func (w *rewriter) client(c clientset.Interface) clientset.Interface {
	return mirrorClient{Interface: c, w: w}
}

type mirrorClient struct {
	clientset.Interface
	w *rewriter
}

func (c mirrorClient) CoreV1() corev1.CoreV1Interface {
	return mirrorCore{CoreV1Interface: c.Interface.CoreV1(), w: c.w}
}

type mirrorCore struct {
	corev1.CoreV1Interface
	w *rewriter
}

func (c mirrorCore) Pods(namespace string) corev1.PodInterface {
	return mirrorPods{PodInterface: c.CoreV1Interface.Pods(namespace), w: c.w}
}

type mirrorPods struct {
	corev1.PodInterface
	w *rewriter
}

func (p mirrorPods) Create(ctx context.Context, pod *v1.Pod, opts metav1.CreateOptions) (*v1.Pod, error) {
	p.w.mu.Lock()
	// The hash of a static Pod's manifest is its UID.
	original := p.w.static[types.UID(pod.Annotations[kubetypes.ConfigMirrorAnnotationKey])]
	p.w.mu.Unlock()
	if original != nil {
		restored := pod.DeepCopy()
		restoreProbes(restored.Spec.InitContainers, original.Spec.InitContainers)
		restoreProbes(restored.Spec.Containers, original.Spec.Containers)
		pod = restored
	}
	return p.PodInterface.Create(ctx, pod, opts)
}

func restoreProbes(to, from []v1.Container) {
	for i := range min(len(to), len(from)) {
		to[i].LivenessProbe, to[i].ReadinessProbe, to[i].StartupProbe = from[i].LivenessProbe, from[i].ReadinessProbe, from[i].StartupProbe
		to[i].Lifecycle = from[i].Lifecycle
	}
}

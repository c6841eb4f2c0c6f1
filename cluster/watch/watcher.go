package watch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/watchlist"
	"k8s.io/klog/v2"

	"github.com/k8stutor/k8stutor/cluster/internal/queue"
)

// Spec names what is watched: one resource in one namespace. An empty
// Namespace is every namespace, or none for cluster-scoped resources.
type Spec struct {
	Resource  schema.GroupVersionResource
	Namespace string
}

// Connection reports whether the API server answers.
type Connection struct {
	OK    bool
	Since time.Time
	Err   error // why it does not answer
}

// Watcher watches resources and delivers what it sees in two ways:
//
//   - Events never drops: it is an unbounded queue, in the order in which each
//     resource's watch delivered. It is the lesson engine's input. What keeps
//     it short is that the engine is faster than an API server.
//   - View coalesces: it holds the newest state of each object and says that
//     something has changed, for a screen that draws as fast as it likes.
//
// A resource that the API server does not (yet) serve counts as empty and is
// asked for once a second until it is there.
type Watcher struct {
	events *queue.Queue[Event]
	view   *View
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu   sync.Mutex
	lost map[*resourceWatch]error
	conn Connection
}

const (
	retryLost    = 200 * time.Millisecond // between attempts to reach an API server that is gone
	retryMissing = time.Second            // between attempts to find a resource that is not served
)

// Start begins to watch specs and returns at once; a Synced event comes
// for each of them. It runs until ctx ends or Close is called, and so does each
// of also, for which Close waits too.
func Start(ctx context.Context, client dynamic.Interface, specs []Spec, also ...func(context.Context)) *Watcher {
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, logr.Discard()))
	w := &Watcher{
		events: queue.New[Event](),
		view:   newView(),
		cancel: cancel,
		lost:   map[*resourceWatch]error{},
		conn:   Connection{OK: true, Since: time.Now()},
	}
	w.view.setConnection(w.conn)
	w.done.Go(func() { w.events.Run(ctx) })
	for _, run := range also {
		w.done.Go(func() { run(ctx) })
	}
	seen := map[Spec]bool{}
	for _, spec := range specs {
		if seen[spec] {
			continue
		}
		seen[spec] = true
		r := &resourceWatch{spec: spec, client: client, out: w, objects: map[string]*unstructured.Unstructured{}}
		w.done.Go(func() { r.run(ctx) })
	}
	return w
}

// Events is the stream that never drops. It is closed after Close.
func (w *Watcher) Events() <-chan Event { return w.events.Out() }

// View is the coalesced picture. It is safe for concurrent use.
func (w *Watcher) View() *View { return w.view }

// Close ends all watches and returns when they have ended.
func (w *Watcher) Close() {
	w.cancel()
	w.done.Wait()
}

func (w *Watcher) emit(e Event) {
	e.At = time.Now()
	w.view.apply(e)
	w.events.Push(e)
}

// report notes that one watch can, or can't, reach the API server, and tells
// of the change of the whole: lost with the first, recovered with the last.
func (w *Watcher) report(r *resourceWatch, err error) {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err // the URL of a watch tells a learner nothing
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		delete(w.lost, r)
	} else {
		w.lost[r] = err
	}
	if ok := len(w.lost) == 0; ok != w.conn.OK {
		w.conn = Connection{OK: ok, Since: time.Now(), Err: err}
		w.view.setConnection(w.conn)
		e := Event{Type: Lost, Err: err}
		if ok {
			e.Type = Recovered
		}
		w.emit(e)
	}
}

// resourceWatch lists and watches one resource. client-go's Reflector does the
// work of staying current; this type is its source (where it turns an
// unreachable server into Lost and waiting) and its store (where a second
// Replace is a Gap).
type resourceWatch struct {
	spec   Spec
	client dynamic.Interface
	out    *Watcher

	// The reflector calls the store from one goroutine at a time.
	objects map[string]*unstructured.Unstructured
	last    *unstructured.Unstructured // the one that came last, mostly much like the next
	listed  bool
}

func (r *resourceWatch) run(ctx context.Context) {
	discard := logr.Discard()
	reflector := cache.NewReflectorWithOptions(r, &unstructured.Unstructured{}, r, cache.ReflectorOptions{
		Name:    "k8stutor/" + r.spec.Resource.Resource,
		Logger:  &discard,
		Backoff: &wait.Backoff{Duration: retryLost, Factor: 1.5, Cap: time.Second, Steps: 5, Jitter: 0.1},
	})
	reflector.RunWithContext(ctx)
	r.out.report(r, nil)
}

func (r *resourceWatch) resource() dynamic.ResourceInterface {
	if r.spec.Namespace == "" {
		return r.client.Resource(r.spec.Resource)
	}
	return r.client.Resource(r.spec.Resource).Namespace(r.spec.Namespace)
}

// List implements cache.ListerWatcher.
func (r *resourceWatch) List(options metav1.ListOptions) (runtime.Object, error) {
	return r.ListWithContext(context.Background(), options)
}

// Watch implements cache.ListerWatcher.
func (r *resourceWatch) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return r.WatchWithContext(context.Background(), options)
}

// ListWithContext lists, waiting while the API server can't be reached.
func (r *resourceWatch) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	var list *unstructured.UnstructuredList
	err := r.reach(ctx, func() (err error) {
		list, err = r.resource().List(ctx, options)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// WatchWithContext opens a watch, waiting while the API server can't be
// reached: the reflector would back off for up to half a minute, and the
// learner should see within a blink that the cluster is back.
func (r *resourceWatch) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	var w watch.Interface
	err := r.reach(ctx, func() (err error) {
		w, err = r.resource().Watch(ctx, options)
		return err
	})
	return w, err
}

// reach calls try until the API server answers it, with a result or with an
// error that waiting does not fix.
func (r *resourceWatch) reach(ctx context.Context, try func() error) error {
	for {
		err := try()
		pause := retryLost
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err):
			r.out.report(r, nil)
			r.notServed()
			pause = retryMissing
		case unreachable(err):
			r.out.report(r, err)
		default:
			r.out.report(r, nil)
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// unreachable tells errors of the connection, and answers of an API server that
// is starting or stopping, from answers.
func unreachable(err error) bool {
	if err == nil {
		return false
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		// A starting API server refuses even its own certificates for a
		// moment, until its authorizer has synced.
		return code == http.StatusServiceUnavailable || code == http.StatusBadGateway ||
			code == http.StatusUnauthorized || code == http.StatusForbidden || apierrors.IsServerTimeout(err)
	}
	// What is no API status came from the transport: a refused connection, EOF, a
	// reset HTTP/2 stream, a TLS failure.
	return true
}

// notServed makes an unserved resource an empty one.
func (r *resourceWatch) notServed() {
	if !r.listed {
		_ = r.Replace(nil, "")
		return
	}
	if len(r.objects) > 0 {
		_ = r.Replace(nil, "")
	}
}

func (r *resourceWatch) event(t EventType, old, obj *unstructured.Unstructured) Event {
	return Event{Type: t, Resource: r.spec.Resource, Namespace: r.spec.Namespace, Old: old, New: obj}
}

// Add implements cache.ReflectorStore.
func (r *resourceWatch) Add(obj any) error { return r.upsert(obj) }

// Update implements cache.ReflectorStore.
func (r *resourceWatch) Update(obj any) error { return r.upsert(obj) }

func (r *resourceWatch) upsert(obj any) error {
	u, err := r.take(obj)
	if err != nil {
		return err
	}
	key := objectKey(u)
	old := r.objects[key]
	r.objects[key] = u
	t := Modified
	switch {
	case old == nil:
		t = Added
	case old.GetResourceVersion() == u.GetResourceVersion():
		return nil // seen before; a watch may repeat itself after a reconnect
	}
	r.out.emit(r.event(t, old, u))
	return nil
}

// Delete implements cache.ReflectorStore. Old carries the final state, with
// the resource version of the deletion.
func (r *resourceWatch) Delete(obj any) error {
	u, err := r.take(obj)
	if err != nil {
		return err
	}
	key := objectKey(u)
	if r.objects[key] == nil {
		return nil
	}
	delete(r.objects, key)
	r.out.emit(r.event(Deleted, u, nil))
	return nil
}

// Replace implements cache.ReflectorStore: the first time it is what was there
// before, later it is a re-list whose differences come as inferred events
// after a Gap.
func (r *resourceWatch) Replace(items []any, _ string) error {
	first := !r.listed
	r.listed = true
	if !first {
		r.out.emit(r.event(Gap, nil, nil))
	}
	next := make(map[string]*unstructured.Unstructured, len(items))
	for _, item := range items {
		u, err := r.take(item)
		if err != nil {
			return err
		}
		next[objectKey(u)] = u
	}
	previous := r.objects
	r.objects = next
	for key, u := range next {
		old := previous[key]
		e := r.event(Added, nil, u)
		switch {
		case old == nil:
		case old.GetUID() != u.GetUID():
			gone := r.event(Deleted, old, nil)
			gone.Inferred = true
			r.out.emit(gone)
		case old.GetResourceVersion() == u.GetResourceVersion():
			continue
		default:
			e = r.event(Modified, old, u)
		}
		e.Initial, e.Inferred = first, !first
		r.out.emit(e)
	}
	for key, old := range previous {
		if next[key] == nil {
			e := r.event(Deleted, old, nil)
			e.Inferred = true
			r.out.emit(e)
		}
	}
	if first {
		r.out.emit(r.event(Synced, nil, nil))
	}
	return nil
}

// Resync implements cache.ReflectorStore; nothing is ever resynced.
func (r *resourceWatch) Resync() error { return nil }

// Transformer implements cache.TransformingStore: the reflector keeps a first
// list that is streamed until it has all of it, so each object is made small when
// it comes.
func (r *resourceWatch) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) {
		u, err := r.take(obj)
		return taken{u}, err
	}
}

// taken is an object that take has had already. A second time it would change
// what others, who read it, have in common with it.
type taken struct{ *unstructured.Unstructured }

// take makes an object that was just decoded as small as it can be: it shares
// what it can with the same object before, or with the one that came last.
func (r *resourceWatch) take(obj any) (*unstructured.Unstructured, error) {
	if t, ok := obj.(taken); ok {
		return t.Unstructured, nil
	}
	u, err := unwrap(obj)
	if err != nil {
		return nil, err
	}
	like := r.objects[objectKey(u)]
	if like == nil {
		like = r.last
	}
	if like != nil {
		share(u.Object, like.Object)
	}
	r.last = u
	return u, nil
}

// unwrap takes the object out of what a reflector hands over, tombstones
// included, and leaves out who manages which of its fields: nobody here asks,
// and it is half of what an object takes in memory.
func unwrap(obj any) (*unstructured.Unstructured, error) {
	if t, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = t.Obj
	}
	u, ok := obj.(*unstructured.Unstructured)
	if !ok || u == nil {
		return nil, fmt.Errorf("watch delivered %T, wanted an unstructured object", obj)
	}
	if metadata, ok := u.Object["metadata"].(map[string]any); ok && metadata["managedFields"] != nil {
		delete(metadata, "managedFields")
	}
	return u, nil
}

func objectKey(u *unstructured.Unstructured) string { return u.GetNamespace() + "/" + u.GetName() }

// IsWatchListSemanticsUnSupported tells the reflector whether the client can
// stream the first list; the fake clients of tests can't.
func (r *resourceWatch) IsWatchListSemanticsUnSupported() bool {
	return watchlist.DoesClientNotSupportWatchListSemantics(r.client)
}

package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

var podsResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

func testPod(name, version string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "namespace": "ns", "uid": name, "resourceVersion": version},
	}}
}

// server is an API server of one resource: its list and its watch are what a
// test says.
type server struct {
	client  *dynamicfake.FakeDynamicClient
	watches chan *watch.FakeWatcher
	items   atomic.Pointer[[]unstructured.Unstructured]
	version atomic.Int64
	failure atomic.Pointer[error]
}

func newServer(t *testing.T, pods ...*unstructured.Unstructured) *server {
	t.Helper()
	s := &server{watches: make(chan *watch.FakeWatcher, 16)}
	s.set(1, pods...)
	s.client = dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{podsResource: "PodList"})
	s.client.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		if err := s.failure.Load(); err != nil {
			return true, nil, *err
		}
		list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "PodList"}}
		list.SetResourceVersion(fmt.Sprint(s.version.Load()))
		list.Items = slices.Clone(*s.items.Load())
		return true, list, nil
	})
	s.client.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		if err := s.failure.Load(); err != nil {
			return true, nil, *err
		}
		w := watch.NewFakeWithChanSize(64, false)
		s.watches <- w
		return true, w, nil
	})
	return s
}

func (s *server) set(version int64, pods ...*unstructured.Unstructured) {
	items := []unstructured.Unstructured{}
	for _, p := range pods {
		items = append(items, *p)
	}
	s.items.Store(&items)
	s.version.Store(version)
}

func (s *server) fail(err error) {
	if err == nil {
		s.failure.Store(nil)
		return
	}
	s.failure.Store(&err)
}

// next waits for the watch to be opened again.
func (s *server) next(t *testing.T) *watch.FakeWatcher {
	t.Helper()
	select {
	case w := <-s.watches:
		return w
	case <-time.After(10 * time.Second):
		t.Fatal("no watch was opened")
		return nil
	}
}

func startTest(t *testing.T, s *server) *Watcher {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	w := Start(context.Background(), s.client, []Spec{{podsResource, "ns"}})
	t.Cleanup(func() {
		w.Close()
		goleak.VerifyNone(t, leaks)
	})
	return w
}

// expect reads events and compares them, as "TYPE name flags".
func expect(t *testing.T, w *Watcher, want ...string) {
	t.Helper()
	var got []string
	for range want {
		select {
		case e := <-w.Events():
			line := string(e.Type)
			if e.Object() != nil {
				line += " " + e.Object().GetName()
			}
			if e.Initial {
				line += " initial"
			}
			if e.Inferred {
				line += " inferred"
			}
			got = append(got, line)
		case <-time.After(10 * time.Second):
			t.Fatalf("got %q, and then nothing; wanted %q", got, want)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, wanted %q", got, want)
	}
}

func refused() error { return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED} }

func TestWatcherTellsWhatWasThereFromWhatHappens(t *testing.T) {
	s := newServer(t, testPod("a", "1"))
	w := startTest(t, s)
	expect(t, w, "ADDED a initial", "SYNCED")
	stream := s.next(t)
	stream.Add(testPod("b", "2"))
	stream.Modify(testPod("a", "3"))
	stream.Modify(testPod("a", "3")) // the same again is nothing new
	stream.Delete(testPod("b", "4"))
	expect(t, w, "ADDED b", "MODIFIED a", "DELETED b")
	if got := w.View().Objects(podsResource); len(got) != 1 || got[0].GetResourceVersion() != "3" {
		t.Fatalf("the view holds %v", got)
	}
}

func TestWatcherTellsOfAGapAndInfers(t *testing.T) {
	s := newServer(t, testPod("a", "1"), testPod("b", "1"), testPod("c", "1"))
	w := startTest(t, s)
	for range 4 {
		<-w.Events()
	}
	stream := s.next(t)
	s.set(9, testPod("a", "1"), testPod("b", "8"))
	gone := apierrors.NewResourceExpired("too old").Status()
	stream.Error(&gone)
	expect(t, w, "GAP", "MODIFIED b inferred", "DELETED c inferred")
	stream = s.next(t)
	stream.Delete(testPod("a", "10"))
	expect(t, w, "DELETED a")
}

func TestWatcherTellsOfALostServer(t *testing.T) {
	s := newServer(t, testPod("a", "1"))
	w := startTest(t, s)
	expect(t, w, "ADDED a initial", "SYNCED")
	stream := s.next(t)
	s.fail(refused())
	stream.Modify(testPod("a", "2")) // so that the watch was of use
	stream.Stop()
	expect(t, w, "MODIFIED a", "LOST")
	if c := w.View().Connection(); c.OK || c.Err == nil {
		t.Fatalf("connection is %+v", c)
	}
	s.fail(nil)
	expect(t, w, "RECOVERED")
	s.next(t).Delete(testPod("a", "3"))
	expect(t, w, "DELETED a")
}

func TestWatcherTakesAnUnservedResourceAsEmpty(t *testing.T) {
	s := newServer(t)
	s.fail(apierrors.NewNotFound(podsResource.GroupResource(), ""))
	w := startTest(t, s)
	expect(t, w, "SYNCED")
	if !w.View().Connection().OK {
		t.Fatal("a resource that is not served is no lost connection")
	}
	s.set(5, testPod("a", "5"))
	s.fail(nil)
	expect(t, w, "GAP", "ADDED a inferred")
}

func TestUnreachable(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":      {nil, false},
		"refused":      {refused(), true},
		"broken":       {errors.New("unexpected EOF"), true},
		"starting":     {apierrors.NewServiceUnavailable("starting"), true},
		"unauthorized": {apierrors.NewUnauthorized("not yet"), true},
		"expired":      {apierrors.NewResourceExpired("too old"), false},
		"conflict":     {apierrors.NewConflict(podsResource.GroupResource(), "a", errors.New("x")), false},
	} {
		if got := unreachable(c.err); got != c.want {
			t.Errorf("%s: unreachable is %v, wanted %v", name, got, c.want)
		}
	}
}

func TestEventTimeIsTheNewest(t *testing.T) {
	at := func(fields map[string]any) string {
		u := &unstructured.Unstructured{Object: fields}
		u.SetCreationTimestamp(metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
		return EventTime(u).UTC().Format(time.RFC3339Nano)
	}
	for want, fields := range map[string]map[string]any{
		"2026-01-01T00:00:00Z":        {},
		"2026-01-01T00:00:05Z":        {"firstTimestamp": "2026-01-01T00:00:01Z", "lastTimestamp": "2026-01-01T00:00:05Z"},
		"2026-01-01T00:00:02.000001Z": {"eventTime": "2026-01-01T00:00:02.000001Z", "lastTimestamp": nil},
	} {
		if got := at(fields); got != want {
			t.Errorf("got %s, wanted %s", got, want)
		}
	}
}

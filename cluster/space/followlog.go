package space

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// LogKind says what a LogEntry is.
type LogKind int

// Kinds of entries.
const (
	LogLine      LogKind = iota // a line of the log
	LogEnded                    // the container has ended, and will be started again
	LogRestarted                // it has been started again; its new log follows
)

// LogEntry is one thing that a log brings that is followed.
type LogEntry struct {
	Kind   LogKind
	Text   string // the line; or why the container ended, as the Pod says: Error, OOMKilled
	Number int    // its exit code, or how often it has been restarted
}

const (
	// rewatch is how long to wait before a watch is opened again.
	rewatch = time.Second
	// lateStatus is how long after the end of a container's log its Pod may
	// still say that it runs. After that it is the connection that ended.
	lateStatus = 10 * time.Second
)

// FollowLog gives the last 2,000 lines of a container's log and then those that
// come, without their ends. When the container is started again it goes on with
// the new log, and says so by entries between the lines. It returns nil when the
// container will not run again, and the error of ctx when that has ended. A line
// of more than 64 KiB comes in pieces. Without a container's name it is the
// Pod's only one.
func (i *Inspector) FollowLog(ctx context.Context, namespace, pod, container string, add func(LogEntry)) error {
	f := &logFollow{
		pods: i.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(namespace),
		pod:  pod, container: container, add: add,
	}
	now, err := f.get(ctx)
	if err != nil {
		return err
	}
	if s := f.status(now); s != nil {
		f.run = s.ContainerID
	}
	for {
		if err := i.copyLog(ctx, namespace, pod, container, add); err != nil {
			return err
		}
		next, err := f.next(ctx)
		if err != nil || next == nil {
			return err
		}
		f.run = next.ContainerID
		add(LogEntry{Kind: LogRestarted, Number: int(next.RestartCount)})
	}
}

// copyLog gives the lines of one run of a container until it ends.
func (i *Inspector) copyLog(ctx context.Context, namespace, pod, container string, add func(LogEntry)) error {
	body, err := i.openLog(ctx, namespace, pod, container, url.Values{"follow": {"true"}})
	if err != nil {
		return err
	}
	defer body.Close()
	r := bufio.NewReaderSize(body, 64<<10)
	for {
		text, _, err := r.ReadLine()
		switch {
		case err == nil:
			add(LogEntry{Text: string(text)})
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		default:
			return fmt.Errorf("log of %s: %w", pod, err)
		}
	}
}

// logFollow finds the next run of a container whose log has ended.
type logFollow struct {
	pods           dynamic.ResourceInterface
	pod, container string
	run            string // the container's ID whose log was read
	add            func(LogEntry)
	told           string // the run of which it was told that it has ended
}

func (f *logFollow) get(ctx context.Context) (*corev1.Pod, error) {
	u, err := f.pods.Get(ctx, f.pod, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return podOf(u)
}

func podOf(u *unstructured.Unstructured) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, pod); err != nil {
		return nil, fmt.Errorf("read Pod %s: %w", u.GetName(), err)
	}
	return pod, nil
}

// status is what the Pod says of the container, nil for nothing.
func (f *logFollow) status(pod *corev1.Pod) *corev1.ContainerStatus {
	for _, s := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		if f.container == "" || s.Name == f.container {
			return &s
		}
	}
	return nil
}

// next waits for the container's next run; nil when there will be none.
func (f *logFollow) next(ctx context.Context) (*corev1.ContainerStatus, error) {
	late := time.NewTimer(lateStatus)
	defer late.Stop()
	for {
		pod, err := f.get(ctx)
		switch {
		case apierrors.IsNotFound(err):
			return nil, nil
		case err != nil:
			return nil, err
		}
		if next, over := f.judge(pod); next != nil || over {
			return next, nil
		}
		next, over, err := f.watch(ctx, pod, late.C)
		if next != nil || over || err != nil {
			return next, err
		}
		select { // the API server ends watches from time to time
		case <-time.After(rewatch):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// watch waits for a change of the Pod that decides.
func (f *logFollow) watch(ctx context.Context, pod *corev1.Pod, late <-chan time.Time) (next *corev1.ContainerStatus, over bool, err error) {
	w, err := f.pods.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector(metav1.ObjectNameField, f.pod).String(),
		ResourceVersion: pod.ResourceVersion,
	})
	if err != nil {
		return nil, false, err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-late:
			if s := f.status(pod); s.State.Running != nil {
				return nil, true, nil
			}
		case e, ok := <-w.ResultChan():
			u, is := e.Object.(*unstructured.Unstructured)
			switch {
			case !ok || e.Type == watch.Error:
				return nil, false, nil
			case e.Type == watch.Deleted:
				return nil, true, nil
			case !is:
				continue
			}
			if pod, err = podOf(u); err != nil {
				return nil, false, err
			}
			if next, over = f.judge(pod); next != nil || over {
				return next, over, nil
			}
		}
	}
}

// judge reports whether the container runs again, or never will. When it will, it
// says once that it has ended.
func (f *logFollow) judge(pod *corev1.Pod) (next *corev1.ContainerStatus, over bool) {
	s := f.status(pod)
	if s == nil {
		return nil, true
	}
	if s.ContainerID != "" && s.ContainerID != f.run && (s.State.Running != nil || s.State.Terminated != nil) {
		return s, false
	}
	end := s.State.Terminated
	if end == nil && s.State.Waiting != nil {
		end = s.LastTerminationState.Terminated
	}
	if end == nil {
		return nil, false
	}
	policy, phase := pod.Spec.RestartPolicy, pod.Status.Phase
	if pod.DeletionTimestamp != nil || phase == corev1.PodSucceeded || phase == corev1.PodFailed ||
		policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && end.ExitCode == 0 {
		return nil, true
	}
	if f.told != f.run {
		f.told = f.run
		f.add(LogEntry{Kind: LogEnded, Text: end.Reason, Number: int(end.ExitCode)})
	}
	return nil, false
}

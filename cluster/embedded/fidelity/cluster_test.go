package fidelity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// patience is how long a test waits for what should take a moment.
const patience = 60 * time.Second

type cluster struct {
	kubernetes.Interface
	config     *rest.Config
	kubeconfig string
}

// space is a test's own namespace.
type space struct {
	*cluster
	t  *testing.T
	ns string
}

// newSpace makes a namespace with its default ServiceAccount, and has the test
// run beside others.
func newSpace(t *testing.T) *space {
	t.Helper()
	t.Parallel()
	ctx := context.Background()
	ns, err := shared.CoreV1().Namespaces().Create(ctx, &v1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "fidelity-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &space{cluster: shared, t: t, ns: ns.Name}
	t.Cleanup(func() {
		if t.Failed() {
			s.report()
		}
		if err := shared.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("deleting namespace: %v", err)
		}
	})
	s.wait("the default ServiceAccount", func() bool {
		_, err := shared.CoreV1().ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
	return s
}

// report shows what there is when a test has failed.
func (s *space) report() {
	out := s.try("", "get", "pods,events", "-o", "wide")
	s.t.Logf("%s%s", out.stdout, out.stderr)
}

// wait polls until done, on objects that have no better condition to wait on.
func (s *space) wait(what string, done func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s in vain for %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // between two looks at the API server
	}
}

// result is what a kubectl command did.
type result struct {
	stdout, stderr string
	code           int
}

// command is kubectl, from this very binary, in the test's namespace.
func (s *space) command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], append([]string{"--namespace", s.ns}, args...)...)
	c.Env = append(os.Environ(), asKubectlEnv+"=1", "KUBECONFIG="+s.kubeconfig)
	return c
}

// try runs kubectl, whatever comes of it.
func (s *space) try(stdin string, args ...string) result {
	s.t.Helper()
	c := s.command(args...)
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// kubectl runs a command that has to succeed and returns its output.
func (s *space) kubectl(args ...string) string {
	s.t.Helper()
	r := s.try("", args...)
	if r.code != 0 {
		s.t.Fatalf("kubectl %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// apply applies a manifest.
func (s *space) apply(manifest string) {
	s.t.Helper()
	if r := s.try(manifest, "apply", "-f", "-"); r.code != 0 {
		s.t.Fatalf("kubectl apply: %s", r.stderr)
	}
}

func (s *space) pod(name string) *v1.Pod {
	s.t.Helper()
	pod, err := s.CoreV1().Pods(s.ns).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return pod
}

// waitPod waits until a Pod is as it should be and returns it.
func (s *space) waitPod(name, what string, is func(*v1.Pod) bool) *v1.Pod {
	s.t.Helper()
	var last *v1.Pod
	s.wait("pod "+name+" to be "+what, func() bool {
		last = s.pod(name)
		return is(last)
	})
	return last
}

func (s *space) waitReady(name string) *v1.Pod {
	s.t.Helper()
	return s.waitPod(name, "Ready", ready)
}

func ready(pod *v1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == v1.PodReady {
			return c.Status == v1.ConditionTrue
		}
	}
	return false
}

func (s *space) waitGone(name string) {
	s.t.Helper()
	s.wait("pod "+name+" to be gone", func() bool {
		_, err := s.CoreV1().Pods(s.ns).Get(context.Background(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// status is that of a Pod's first container; zero while there is none.
func status(pod *v1.Pod) v1.ContainerStatus {
	if len(pod.Status.ContainerStatuses) == 0 {
		return v1.ContainerStatus{}
	}
	return pod.Status.ContainerStatuses[0]
}

// waitingFor is the reason that a container waits for.
func waitingFor(st v1.ContainerStatus) string {
	if st.State.Waiting == nil {
		return ""
	}
	return st.State.Waiting.Reason
}

func terminated(pod *v1.Pod) *v1.ContainerStateTerminated { return status(pod).State.Terminated }

// events are the Events about a Pod in the order in which they first happened.
func (s *space) events(pod string) []v1.Event {
	s.t.Helper()
	list, err := s.CoreV1().Events(s.ns).List(context.Background(), metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.name": pod, "involvedObject.kind": "Pod"}.String(),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	// The name ends in the time of the first one in nanoseconds; the
	// timestamps themselves have whole seconds.
	slices.SortFunc(list.Items, func(a, b v1.Event) int { return strings.Compare(stamp(a), stamp(b)) })
	return list.Items
}

func stamp(e v1.Event) string { return e.Name[strings.LastIndexByte(e.Name, '.')+1:] }

// reasons are the reasons of a Pod's Events, in order, each once.
func (s *space) reasons(pod string) []string {
	s.t.Helper()
	var reasons []string
	for _, e := range s.events(pod) {
		if !slices.Contains(reasons, e.Reason) {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

// wantReasons waits until a Pod's Events have begun with these reasons.
func (s *space) wantReasons(pod string, want ...string) {
	s.t.Helper()
	var got []string
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if got = s.reasons(pod); len(got) >= len(want) {
			break
		}
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // between two looks at the API server
	}
	if !slices.Equal(got[:min(len(got), len(want))], want) {
		s.t.Errorf("pod %s: reasons of Events %v, want %v", pod, got, want)
	}
}

// waitEvent waits for an Event with a reason and a text in its message.
func (s *space) waitEvent(pod, reason, text string) v1.Event {
	s.t.Helper()
	var found v1.Event
	s.wait(fmt.Sprintf("Event %s of pod %s with %q", reason, pod, text), func() bool {
		for _, e := range s.events(pod) {
			if e.Reason == reason && strings.Contains(e.Message, text) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// background is a kubectl that goes on while the test does something else.
type background struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	output *syncBuffer
	done   chan error
}

// start starts kubectl; it is killed at the end of the test.
func (s *space) start(args ...string) *background {
	s.t.Helper()
	b := &background{t: s.t, cmd: s.command(args...), output: &syncBuffer{}, done: make(chan error, 1)}
	b.cmd.Stdout, b.cmd.Stderr = b.output, b.output
	stdin, err := b.cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	b.stdin = stdin
	if err := b.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { b.done <- b.cmd.Wait() }()
	s.t.Cleanup(func() {
		_ = b.cmd.Process.Kill() // it may have ended
		stdin.Close()
	})
	return b
}

// waitOutput waits for a text in what kubectl has written.
func (b *background) waitOutput(text string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !strings.Contains(b.output.String(), text) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%v never wrote %q, but:\n%s", b.cmd.Args[3:], text, b.output)
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // between two looks at the output
	}
}

// waitEnd waits until kubectl ends and returns its exit code.
func (b *background) waitEnd() int {
	b.t.Helper()
	select {
	case <-b.done:
		return b.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		b.t.Fatalf("%v did not end:\n%s", b.cmd.Args[3:], b.output)
		return -1
	}
}

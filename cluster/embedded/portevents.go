package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

// portEvents tells of node ports that can't be opened on 127.0.0.1, because
// another program or another cluster has them: in the node's log and as Events
// of the Service, where a learner looks.
type portEvents struct {
	client kubernetes.Interface
}

// problem is called with the Service's port ("namespace/name:port") or the Pod
// ("namespace/name") that wants a port of the node, and with a nil err when the
// port could be opened after all.
func (e portEvents) problem(owner string, port uint16, err error) {
	event := corev1.Event{Type: corev1.EventTypeNormal, Reason: "NodePortOpened", Message: fmt.Sprintf("127.0.0.1:%d answers now", port)}
	if err != nil {
		event.Type, event.Reason = corev1.EventTypeWarning, "NodePortTaken"
		event.Message = fmt.Sprintf("127.0.0.1:%d can't be opened: %v. Another program or cluster has it; it is tried again every few seconds, or choose another nodePort", port, err)
	}
	klog.InfoS(event.Message, "owner", owner)
	namespace, rest, _ := strings.Cut(owner, "/")
	name, _, isService := strings.Cut(rest, ":")
	if !isService {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := e.record(ctx, namespace, name, event); err != nil {
		klog.ErrorS(err, "Can't record the Event", "owner", owner)
	}
}

// record makes an Event about a Service.
func (e portEvents) record(ctx context.Context, namespace, name string, event corev1.Event) error {
	svc, err := e.client.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("looking up the Service: %w", err)
	}
	now := metav1.Now()
	event.GenerateName = name + "."
	event.InvolvedObject = corev1.ObjectReference{
		APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: name, UID: svc.UID, ResourceVersion: svc.ResourceVersion,
	}
	event.FirstTimestamp, event.LastTimestamp, event.Count = now, now, 1
	event.Source = corev1.EventSource{Component: "k8stutor"}
	if _, err := e.client.CoreV1().Events(namespace).Create(ctx, &event, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating it: %w", err)
	}
	return nil
}

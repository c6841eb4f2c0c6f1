package kind

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
	"github.com/k8stutor/k8stutor/cluster/watch"
)

const (
	nodePortRetry = 5 * time.Second // until a port that is taken is tried again
	nodeDial      = time.Second     // to reach the node, which is on this machine
)

// nodePorts makes the NodePorts of a namespace in a kind cluster answer on
// 127.0.0.1, as the embedded cluster's do. kind can publish ports only when a
// cluster is made, each by a process of its own, and the port that a
// Service will get is not known then; so this process forwards it while run is
// active.
type nodePorts struct {
	namespace string
	client    *kubernetes.Clientset
	config    *rest.Config
	done      sync.WaitGroup

	open map[int32]*nodePort // only the goroutine of run uses it

	mu   sync.Mutex
	path *nodePath // how the node is reached; nil: not known
}

// nodePort is a port that is, or is to be, open on 127.0.0.1.
type nodePort struct {
	owner  types.NamespacedName
	uid    types.UID
	cancel context.CancelFunc
}

// nodePath is a way to the node: its address where this machine has a route to
// it, else a program in the node's container.
type nodePath struct {
	address   string
	engine    engine.Engine // with container
	container string        // empty: dial the address
}

// Ports returns what makes the NodePorts of a namespace answer on 127.0.0.1 until
// its context ends.
func Ports(a cluster.Access) (func(ctx context.Context, client dynamic.Interface, namespace string), error) {
	config, err := a.RESTConfig(cluster.UserAgent)
	if err != nil {
		return nil, err
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, client dynamic.Interface, namespace string) {
		ports := &nodePorts{namespace: namespace, client: clientset, config: config}
		ports.run(ctx, client)
	}, nil
}

// run carries until ctx ends, and returns when all ports are closed. It is
// called once.
func (n *nodePorts) run(ctx context.Context, client dynamic.Interface) {
	n.open = map[int32]*nodePort{}
	services := corev1.SchemeGroupVersion.WithResource("services")
	watcher := watch.Start(ctx, client, []watch.Spec{{Resource: services, Namespace: n.namespace}})
	defer watcher.Close()
	defer n.done.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-watcher.Events():
			if !ok {
				return
			}
			if e.Object() != nil {
				n.apply(ctx, e)
			}
		}
	}
}

// apply makes the open ports those of the Service.
func (n *nodePorts) apply(ctx context.Context, e watch.Event) {
	object := e.Object()
	owner := types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
	wanted := map[int32]bool{}
	if e.New != nil {
		for _, port := range nodePortsOf(e.New.Object) {
			wanted[port] = true
		}
	}
	for port, p := range n.open {
		if p.owner == owner && !wanted[port] {
			p.cancel()
			delete(n.open, port)
		}
	}
	for port := range wanted {
		if n.open[port] != nil {
			continue
		}
		portCtx, cancel := context.WithCancel(ctx)
		p := &nodePort{owner: owner, uid: object.GetUID(), cancel: cancel}
		n.open[port] = p
		n.done.Go(func() {
			defer cancel()
			n.keepOpen(portCtx, p, port)
		})
	}
}

// nodePortsOf lists the TCP NodePorts of a Service.
func nodePortsOf(service map[string]any) []int32 {
	spec, _ := service["spec"].(map[string]any)
	ports, _ := spec["ports"].([]any)
	var out []int32
	for _, p := range ports {
		port, _ := p.(map[string]any)
		number, _ := port["nodePort"].(int64)
		if protocol, ok := port["protocol"].(string); number != 0 && (!ok || protocol == "TCP") {
			out = append(out, int32(number)) //nolint:gosec // the API server bounds it
		}
	}
	return out
}

// keepOpen opens the port, again and again where it is taken, and serves it.
func (n *nodePorts) keepOpen(ctx context.Context, p *nodePort, port int32) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
	taken := false
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			if !taken && ctx.Err() == nil {
				n.tell(ctx, p, corev1.EventTypeWarning, "NodePortTaken", fmt.Sprintf("%s can't be opened: %v. Another program or cluster has it; it is tried again every few seconds, or choose another nodePort", address, err))
			}
			taken = true
			return
		}
		if taken {
			n.tell(ctx, p, corev1.EventTypeNormal, "NodePortOpened", address+" answers now")
			taken = false
		}
		n.serve(ctx, l, port)
	}, nodePortRetry)
}

// serve accepts until ctx ends, and returns when all connections have ended.
func (n *nodePorts) serve(ctx context.Context, l net.Listener, port int32) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			l.Close()
			return
		}
		conns.Go(func() {
			defer c.Close()
			closeAtEnd := context.AfterFunc(ctx, func() { c.Close() })
			defer closeAtEnd()
			n.carry(ctx, c, port)
		})
	}
}

// carry connects the connection to the port on the node. One that can't be
// connected is closed, as the node itself would.
func (n *nodePorts) carry(ctx context.Context, c net.Conn, port int32) {
	path, err := n.way(ctx)
	if err != nil {
		return
	}
	if path.container != "" {
		path.carryByExec(ctx, c, port)
		return
	}
	dialer := net.Dialer{Timeout: nodeDial}
	node, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(path.address, strconv.Itoa(int(port))))
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			n.forget(path) // after a restart the node may have another address
		}
		return
	}
	defer node.Close()
	stop := context.AfterFunc(ctx, func() { node.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { pipe(node, c) })
	pipe(c, node)
	both.Wait()
}

// pipe copies one direction and then says that nothing more comes.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// carryByExec carries through a program in the node, for engines in a virtual
// machine, to whose containers this machine has no route. bash is in every node
// image.
func (p *nodePath) carryByExec(ctx context.Context, c net.Conn, port int32) {
	const script = `exec 3<>"/dev/tcp/$0/$1" 4<&0 || exit; cat <&4 >&3 & cat <&3; kill $!`
	cmd := exec.CommandContext(ctx, p.engine.Name, "exec", "--interactive", p.container, "bash", "-c", script, p.address, strconv.Itoa(int(port)))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	cmd.Stdout, cmd.WaitDelay = c, time.Second
	if cmd.Start() != nil {
		return
	}
	var sent sync.WaitGroup
	sent.Go(func() {
		_, _ = io.Copy(stdin, c)
		stdin.Close()
	})
	_ = cmd.Wait()
	c.Close() // which ends the copying
	sent.Wait()
}

func (n *nodePorts) forget(p *nodePath) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.path == p {
		n.path = nil
	}
}

// way finds out how the node is reached.
func (n *nodePorts) way(ctx context.Context) (*nodePath, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.path != nil {
		return n.path, nil
	}
	nodes, err := n.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range nodes.Items {
		for _, a := range nodes.Items[i].Status.Addresses {
			if a.Type != corev1.NodeInternalIP {
				continue
			}
			path := &nodePath{address: a.Address}
			if err := n.isNode(ctx, a.Address); err != nil {
				// kind names a node as its container.
				path.container = nodes.Items[i].Name
				if path.engine, err = engine.FindOf(ctx, "", engine.CommandTime); err != nil {
					return nil, err
				}
			}
			n.path = path
			return path, nil
		}
	}
	return nil, errors.New("no node has an address")
}

// isNode asks whether the address leads to the node and not to some other
// machine of the same address: only the cluster's API server has a certificate of
// the cluster's CA for it.
func (n *nodePorts) isNode(ctx context.Context, address string) error {
	config, err := rest.TLSConfigFor(n.config)
	if err != nil {
		return err
	}
	config.ServerName = ""
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: nodeDial}, Config: config}
	c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, "6443"))
	if err != nil {
		return err
	}
	return c.Close()
}

// tell makes an Event about the Service, where a learner looks.
func (n *nodePorts) tell(ctx context.Context, p *nodePort, kind, reason, message string) {
	now := metav1.Now()
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: p.owner.Name + ".", Namespace: p.owner.Namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Service", Namespace: p.owner.Namespace, Name: p.owner.Name, UID: p.uid},
		Type:           kind, Reason: reason, Message: message,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source: corev1.EventSource{Component: cluster.UserAgent},
	}
	// The port matters, not the word about it.
	_, _ = n.client.CoreV1().Events(p.owner.Namespace).Create(ctx, event, metav1.CreateOptions{})
}

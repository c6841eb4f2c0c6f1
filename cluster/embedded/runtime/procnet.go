package runtime

import (
	"context"
	"io"
	"os"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// ProcessNetwork is a PodNetwork that tells the processes of a Pod apart: what
// one of them opened is closed when it ends, as the kernel does. A PodNetwork
// need not be one.
type ProcessNetwork interface {
	// Process is the network of one process. hosts returns what its
	// /etc/hosts says. Closing it closes the sockets of the process.
	Process(hosts func() ([]byte, error)) ProcessNet
}

// ProcessNet is the network of one process.
type ProcessNet interface {
	workload.Net
	io.Closer
}

// ownNetwork gives the process p a network of its own where the Pod's network
// can, until release is called or ctx ends.
func ownNetwork(ctx context.Context, p *workload.Process) (release func()) {
	pod, ok := p.Net.(ProcessNetwork)
	if !ok {
		return func() {}
	}
	files := p.FS
	n := pod.Process(func() ([]byte, error) {
		f, err := files.OpenFile("/etc/hosts", os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(f)
	})
	p.Net = n
	stop := context.AfterFunc(ctx, func() { n.Close() })
	return func() {
		stop()
		n.Close()
	}
}

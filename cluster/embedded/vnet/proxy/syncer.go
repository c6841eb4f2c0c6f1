package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
)

// quiet is how long the syncer gathers changes before it sets the table, so
// that a rollout of fifty Pods is not fifty tables.
const quiet = 5 * time.Millisecond

// Syncer keeps the table of a network in step with the API server.
type Syncer struct {
	Client kubernetes.Interface
	// Set takes each new table; it is vnet.Network.SetTable or a wrapper.
	Set func(vnet.Table)
	// Log writes one line in the manner of kube-proxy's log.
	Log func(format string, args ...any)
}

// Run syncs until ctx ends, and returns an error only when the caches can't be
// filled. The last table stays in force after it, as kube-proxy's rules do.
func (s *Syncer) Run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(s.Client, 0)
	services := factory.Core().V1().Services()
	endpointSlices := factory.Discovery().V1().EndpointSlices()
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(any, any) { notify() },
		DeleteFunc: func(any) { notify() },
	}
	for _, i := range []cache.SharedIndexInformer{services.Informer(), endpointSlices.Informer()} {
		if _, err := i.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch Services: %w", err)
		}
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	s.Log(`"Waiting for caches to sync" controller="service config"`)
	if !cache.WaitForCacheSync(ctx.Done(), services.Informer().HasSynced, endpointSlices.Informer().HasSynced) {
		return fmt.Errorf("fill the caches of Services and EndpointSlices: %w", context.Cause(ctx))
	}
	s.Log(`"Caches are synced" controller="service config"`)

	var last vnet.Table
	for {
		svcs, err := services.Lister().List(labels.Everything())
		eps, err2 := endpointSlices.Lister().List(labels.Everything())
		if err := errors.Join(err, err2); err != nil {
			return fmt.Errorf("list Services: %w", err)
		}
		table := Table(svcs, eps)
		for _, line := range Diff(last, table) {
			s.Log("%s", line)
		}
		s.Set(table)
		last = table
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(quiet):
		}
		select { // what arrived meanwhile is in the next table
		case <-changed:
		default:
		}
	}
}

// Diff tells what differs between two tables, one line for each service port.
func Diff(before, after vnet.Table) []string {
	index := func(t vnet.Table) map[string]vnet.ServicePort {
		m := make(map[string]vnet.ServicePort, len(t.Ports))
		for _, p := range t.Ports {
			m[p.Name+"/"+string(p.Protocol)] = p
		}
		return m
	}
	old, now := index(before), index(after)
	var lines []string
	for key, p := range now {
		was, known := old[key]
		switch {
		case !known:
			lines = append(lines, fmt.Sprintf(`"Adding service port" portName=%q servicePort="%s/%s" nodePort=%d endpoints=%v`, p.Name, addrPort(p), p.Protocol, p.NodePort, p.Endpoints))
		case !slices.Equal(was.Endpoints, p.Endpoints):
			lines = append(lines, fmt.Sprintf(`"Updating endpoints" portName=%q from=%v to=%v`, p.Name, was.Endpoints, p.Endpoints))
		case addrPort(was) != addrPort(p) || was.NodePort != p.NodePort || was.Affinity != p.Affinity:
			lines = append(lines, fmt.Sprintf(`"Updating service port" portName=%q servicePort="%s/%s" nodePort=%d`, p.Name, addrPort(p), p.Protocol, p.NodePort))
		}
	}
	for key, p := range old {
		if _, ok := now[key]; !ok {
			lines = append(lines, fmt.Sprintf(`"Removing service port" portName=%q`, p.Name))
		}
	}
	slices.Sort(lines)
	return lines
}

func addrPort(p vnet.ServicePort) string {
	if len(p.Addrs) == 0 {
		return fmt.Sprintf(":%d", p.Port)
	}
	return fmt.Sprintf("%s:%d", p.Addrs[0], p.Port)
}

// Package coredns is the cluster's DNS server: it answers the names of
// Services and Pods as CoreDNS' kubernetes plugin does, after the DNS
// specification of Kubernetes
// (https://github.com/kubernetes/dns/blob/master/docs/specification.md).
package coredns

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Names of the indexes.
const (
	byIP      = "ip"      // Services by ClusterIP, EndpointSlices by the IPs of endpoints
	byService = "service" // EndpointSlices by "namespace/service"
)

// Store is what the server knows of the cluster. Its indexers are filled by
// informers, or by hand in tests.
type Store struct {
	Services   cache.Indexer
	Slices     cache.Indexer
	Namespaces cache.Indexer
}

// NewStore returns an empty Store to be filled by hand.
func NewStore() Store {
	return Store{
		Services:   cache.NewIndexer(cache.MetaNamespaceKeyFunc, serviceIndexers()),
		Slices:     cache.NewIndexer(cache.MetaNamespaceKeyFunc, sliceIndexers()),
		Namespaces: cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil),
	}
}

func serviceIndexers() cache.Indexers {
	return cache.Indexers{byIP: func(obj any) ([]string, error) {
		s, ok := obj.(*corev1.Service)
		if !ok || s.Spec.ClusterIP == corev1.ClusterIPNone {
			return nil, nil
		}
		return s.Spec.ClusterIPs, nil
	}}
}

func sliceIndexers() cache.Indexers {
	return cache.Indexers{
		byService: func(obj any) ([]string, error) {
			s, ok := obj.(*discoveryv1.EndpointSlice)
			if !ok {
				return nil, nil
			}
			return []string{s.Namespace + "/" + s.Labels[discoveryv1.LabelServiceName]}, nil
		},
		byIP: func(obj any) ([]string, error) {
			s, ok := obj.(*discoveryv1.EndpointSlice)
			if !ok {
				return nil, nil
			}
			var ips []string
			for i := range s.Endpoints {
				ips = append(ips, s.Endpoints[i].Addresses...)
			}
			return ips, nil
		},
	}
}

// watch gives a Store of the API server. sync fills it and waits until it is
// full; stop, called after ctx has ended, waits for the informers.
func watch(ctx context.Context, client kubernetes.Interface) (s Store, sync func() error, stop func(), err error) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(slim))
	services := factory.Core().V1().Services().Informer()
	slices := factory.Discovery().V1().EndpointSlices().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	if err := services.AddIndexers(serviceIndexers()); err != nil {
		return s, nil, nil, fmt.Errorf("watch Services: %w", err)
	}
	if err := slices.AddIndexers(sliceIndexers()); err != nil {
		return s, nil, nil, fmt.Errorf("watch EndpointSlices: %w", err)
	}
	s = Store{Services: services.GetIndexer(), Slices: slices.GetIndexer(), Namespaces: namespaces.GetIndexer()}
	sync = func() error {
		if err := reachable(ctx, client); err != nil {
			return err
		}
		factory.Start(ctx.Done())
		if !cache.WaitForCacheSync(ctx.Done(), services.HasSynced, slices.HasSynced, namespaces.HasSynced) {
			return context.Cause(ctx)
		}
		return nil
	}
	return s, sync, factory.Shutdown, nil
}

// reachable waits until the API server answers. After a resume its Service has
// no endpoint for a moment: an informer that meets this sleeps for about a
// second before it tries again, which is what the whole cluster would wait for.
func reachable(ctx context.Context, client kubernetes.Interface) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if _, err := client.Discovery().ServerVersion(); err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// slim drops what DNS has no use for, so that two servers with a cache each
// cost little memory.
func slim(obj any) (any, error) {
	if m, ok := obj.(metav1.Object); ok {
		m.SetManagedFields(nil)
		m.SetAnnotations(nil)
	}
	return obj, nil
}

func (s Store) service(namespace, name string) *corev1.Service {
	obj, ok, err := s.Services.GetByKey(namespace + "/" + name)
	if err != nil || !ok {
		return nil
	}
	svc, _ := obj.(*corev1.Service)
	return svc
}

func (s Store) hasNamespace(name string) bool {
	_, ok, err := s.Namespaces.GetByKey(name)
	return err == nil && ok
}

func (s Store) serviceByIP(ip string) *corev1.Service {
	objs, err := s.Services.ByIndex(byIP, ip)
	if err != nil || len(objs) == 0 {
		return nil
	}
	svc, _ := objs[0].(*corev1.Service)
	return svc
}

func (s Store) slices(index, key string) []*discoveryv1.EndpointSlice {
	objs, err := s.Slices.ByIndex(index, key)
	if err != nil {
		return nil // only an unknown index is an error
	}
	out := make([]*discoveryv1.EndpointSlice, 0, len(objs))
	for _, o := range objs {
		if slice, ok := o.(*discoveryv1.EndpointSlice); ok {
			out = append(out, slice)
		}
	}
	return out
}

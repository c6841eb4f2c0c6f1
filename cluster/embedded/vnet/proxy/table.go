// Package proxy is the kube-proxy of the embedded cluster: it turns Services
// and EndpointSlices into the routing table of the virtual network.
package proxy

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
)

// defaultAffinity is sessionAffinityConfig.clientIP.timeoutSeconds' default.
const defaultAffinity = 3 * time.Hour

// Table makes the routing table of the Services and their EndpointSlices.
// The rules are those of kube-proxy on one node: Services without a ClusterIP
// and of type ExternalName have no routes, and endpoints that are ready take
// the traffic; only where there are none do those that terminate and still
// serve (https://kubernetes.io/docs/reference/networking/virtual-ips/).
func Table(services []*corev1.Service, eps []*discoveryv1.EndpointSlice) vnet.Table {
	byService := make(map[string][]*discoveryv1.EndpointSlice)
	for _, s := range eps {
		if s.AddressType == discoveryv1.AddressTypeIPv4 {
			key := s.Namespace + "/" + s.Labels[discoveryv1.LabelServiceName]
			byService[key] = append(byService[key], s)
		}
	}
	var t vnet.Table
	for _, s := range services {
		if s.Spec.Type == corev1.ServiceTypeExternalName || s.Spec.ClusterIP == "" || s.Spec.ClusterIP == corev1.ClusterIPNone {
			continue
		}
		for i := range s.Spec.Ports {
			if p, ok := servicePort(s, &s.Spec.Ports[i], byService[s.Namespace+"/"+s.Name]); ok {
				t.Ports = append(t.Ports, p)
			}
		}
	}
	slices.SortFunc(t.Ports, func(a, b vnet.ServicePort) int { return cmp.Compare(a.Name, b.Name) })
	return t
}

func servicePort(s *corev1.Service, p *corev1.ServicePort, eps []*discoveryv1.EndpointSlice) (vnet.ServicePort, bool) {
	out := vnet.ServicePort{
		Name:     portName(s, p),
		Port:     uint16(p.Port),
		NodePort: uint16(p.NodePort),
	}
	switch p.Protocol {
	case corev1.ProtocolTCP, "":
		out.Protocol = vnet.TCP
	case corev1.ProtocolUDP:
		out.Protocol = vnet.UDP
	default:
		return out, false
	}
	for _, ip := range append(slices.Clone(s.Spec.ClusterIPs), s.Spec.ExternalIPs...) {
		if a, err := netip.ParseAddr(ip); err == nil && a.Is4() {
			out.Addrs = append(out.Addrs, a)
		}
	}
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		out.Affinity = defaultAffinity
		if c := s.Spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
			out.Affinity = time.Duration(*c.ClientIP.TimeoutSeconds) * time.Second
		}
	}
	out.Endpoints = endpoints(p.Name, eps)
	return out, true
}

func portName(s *corev1.Service, p *corev1.ServicePort) string {
	name := s.Namespace + "/" + s.Name
	if p.Name != "" {
		return name + ":" + p.Name
	}
	return name + ":" + strconv.Itoa(int(p.Port))
}

// endpoints are the addresses that take new connections to the port of that
// name. The same address in two slices counts once.
func endpoints(port string, eps []*discoveryv1.EndpointSlice) []netip.AddrPort {
	var ready, serving []netip.AddrPort
	for _, s := range eps {
		number, ok := portNumber(s, port)
		if !ok {
			continue
		}
		for i := range s.Endpoints {
			e := &s.Endpoints[i]
			for _, addr := range e.Addresses {
				a, err := netip.ParseAddr(addr)
				if err != nil {
					continue
				}
				ap := netip.AddrPortFrom(a, number)
				switch {
				case isTrue(e.Conditions.Ready, true):
					ready = append(ready, ap)
				case isTrue(e.Conditions.Serving, true) && isTrue(e.Conditions.Terminating, false):
					serving = append(serving, ap)
				}
			}
		}
	}
	if len(ready) == 0 {
		ready = serving
	}
	slices.SortFunc(ready, netip.AddrPort.Compare)
	return slices.Compact(ready)
}

func portNumber(s *discoveryv1.EndpointSlice, name string) (uint16, bool) {
	for _, p := range s.Ports {
		if p.Port != nil && (p.Name == nil && name == "" || p.Name != nil && *p.Name == name) {
			return uint16(*p.Port), true
		}
	}
	return 0, false
}

// isTrue reads a condition; unset is unknown, which consumers read as def.
func isTrue(b *bool, def bool) bool {
	if b == nil {
		return def
	}
	return *b
}

package coredns

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// dnsVersion is the version of the DNS specification that is followed; it is
// the TXT record dns-version in the zone.
const dnsVersion = "1.1.0"

// maxCNAME bounds how many aliases within the zone are followed.
const maxCNAME = 8

// Zone answers the names of a cluster.
type Zone struct {
	// Domain is the cluster's domain, "cluster.local."
	Domain string
	// TTL of answers in seconds.
	TTL uint32
	// Serial is the serial number of the zone.
	Serial uint32
	Store  Store
}

// answer is what a name has.
type answer struct {
	records []dns.RR
	extra   []dns.RR
	exists  bool // the name exists, with records of other types perhaps
}

// Resolve answers one question. ok is false when the name is not the zone's.
func (z *Zone) Resolve(q dns.Question) (m *dns.Msg, ok bool) {
	name := dns.CanonicalName(q.Name)
	var a answer
	origin := z.Domain
	switch {
	case dns.IsSubDomain(z.Domain, name):
		a = z.forward(name, q.Qtype)
	case dns.IsSubDomain("in-addr.arpa.", name):
		if a = z.reverse(name, q.Qtype); !a.exists {
			return nil, false // falls through to upstream, as the Corefile says
		}
		origin = "in-addr.arpa."
	default:
		return nil, false
	}
	m = &dns.Msg{Answer: a.records, Extra: a.extra}
	m.Authoritative = true
	if !a.exists {
		m.Rcode = dns.RcodeNameError
	}
	if len(a.records) == 0 {
		m.Ns = []dns.RR{z.soa(origin)}
	}
	return m, true
}

func (z *Zone) header(name string, rrtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: z.TTL}
}

func (z *Zone) soa(origin string) dns.RR {
	return &dns.SOA{
		Hdr: z.header(origin, dns.TypeSOA), Ns: "ns.dns." + origin, Mbox: "hostmaster." + origin,
		Serial: z.Serial, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: z.TTL,
	}
}

// forward answers a name below the cluster's domain.
func (z *Zone) forward(name string, qtype uint16) answer {
	labels := dns.SplitDomainName(strings.TrimSuffix(name, z.Domain))
	if len(labels) == 0 {
		return z.apex(qtype)
	}
	kind := labels[len(labels)-1]
	rest := labels[:len(labels)-1]
	switch kind {
	case "svc":
		return z.svc(name, rest, qtype)
	case "pod":
		return z.pod(name, rest, qtype)
	case "dns-version":
		if len(rest) == 0 {
			a := answer{exists: true}
			if qtype == dns.TypeTXT {
				a.records = []dns.RR{&dns.TXT{Hdr: z.header(name, dns.TypeTXT), Txt: []string{dnsVersion}}}
			}
			return a
		}
	case "dns":
		return z.nameServer(name, rest, qtype)
	}
	return answer{}
}

// apex answers the domain itself.
func (z *Zone) apex(qtype uint16) answer {
	a := answer{exists: true}
	switch qtype {
	case dns.TypeSOA:
		a.records = []dns.RR{z.soa(z.Domain)}
	case dns.TypeNS:
		a.records = []dns.RR{&dns.NS{Hdr: z.header(z.Domain, dns.TypeNS), Ns: "ns.dns." + z.Domain}}
		a.extra = z.nameServer("ns.dns."+z.Domain, []string{"ns"}, dns.TypeA).records
	}
	return a
}

// nameServer answers ns.dns.DOMAIN, the name server of the zone: the Service
// in front of the servers.
func (z *Zone) nameServer(name string, rest []string, qtype uint16) answer {
	if len(rest) == 0 {
		return answer{exists: true}
	}
	if len(rest) != 1 || rest[0] != "ns" {
		return answer{}
	}
	a := answer{exists: true}
	if s := z.Store.service("kube-system", "kube-dns"); s != nil && qtype == dns.TypeA {
		a.records = z.addresses(name, s.Spec.ClusterIPs)
	}
	return a
}

// pod answers a-b-c-d.NAMESPACE.pod: the address that the name spells, for any
// existing namespace (the Corefile's "pods insecure").
func (z *Zone) pod(name string, labels []string, qtype uint16) answer {
	switch len(labels) {
	case 0:
		return answer{exists: true}
	case 1:
		return answer{exists: z.Store.hasNamespace(labels[0])}
	case 2:
	default:
		return answer{}
	}
	ip, err := netip.ParseAddr(strings.ReplaceAll(labels[0], "-", "."))
	if err != nil || !z.Store.hasNamespace(labels[1]) {
		return answer{}
	}
	a := answer{exists: true}
	if qtype == dns.TypeA {
		a.records = z.addresses(name, []string{ip.String()})
	}
	return a
}

// svc answers names below svc.DOMAIN: SERVICE.NAMESPACE,
// HOSTNAME.SERVICE.NAMESPACE and _PORT._PROTOCOL.SERVICE.NAMESPACE.
func (z *Zone) svc(name string, labels []string, qtype uint16) answer {
	switch len(labels) {
	case 0:
		return answer{exists: true}
	case 1:
		return answer{exists: z.Store.hasNamespace(labels[0])}
	}
	namespace, service := labels[len(labels)-1], labels[len(labels)-2]
	s := z.Store.service(namespace, service)
	if s == nil {
		return answer{}
	}
	before := labels[:len(labels)-2]
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		if len(before) > 0 {
			return answer{}
		}
		return z.alias(name, s.Spec.ExternalName, qtype)
	}
	switch {
	case len(before) == 2 && strings.HasPrefix(before[0], "_") && strings.HasPrefix(before[1], "_"):
		return z.srv(name, s, before[0][1:], before[1][1:], qtype)
	case len(before) == 0 && qtype == dns.TypeSRV:
		return z.srv(name, s, "", "", qtype)
	case len(before) == 0 && s.Spec.ClusterIP != corev1.ClusterIPNone:
		a := answer{exists: true}
		if qtype == dns.TypeA {
			a.records = z.addresses(name, s.Spec.ClusterIPs)
		}
		return a
	case len(before) <= 1:
		return z.endpoints(name, s, before, qtype)
	default:
		return answer{}
	}
}

// alias answers a Service of type ExternalName. Where the target is in the
// zone its records are added.
func (z *Zone) alias(name, target string, qtype uint16) answer {
	a := answer{exists: true}
	for range maxCNAME {
		target = dns.CanonicalName(target)
		a.records = append(a.records, &dns.CNAME{Hdr: z.header(name, dns.TypeCNAME), Target: target})
		if qtype == dns.TypeCNAME || !dns.IsSubDomain(z.Domain, target) {
			return a
		}
		labels := dns.SplitDomainName(strings.TrimSuffix(target, z.Domain))
		if len(labels) == 3 && labels[2] == "svc" {
			if s := z.Store.service(labels[1], labels[0]); s != nil && s.Spec.Type == corev1.ServiceTypeExternalName {
				name, target = target, s.Spec.ExternalName
				continue
			}
		}
		a.records = append(a.records, z.forward(target, qtype).records...)
		return a
	}
	return a
}

// endpoint is one address behind a Service.
type endpoint struct {
	host string // its label below the Service's name
	ip   string
	port map[string]portProto // by name
}

type portProto struct {
	number   uint16
	protocol string
}

// endpointsOf lists the ready endpoints of a Service, by address.
func (z *Zone) endpointsOf(s *corev1.Service) []endpoint {
	byKey := make(map[string]*endpoint)
	for _, slice := range z.Store.slices(byService, s.Namespace+"/"+s.Name) {
		if slice.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		for i := range slice.Endpoints {
			e := &slice.Endpoints[i]
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			for _, ip := range e.Addresses {
				ep := byKey[ip]
				if ep == nil {
					ep = &endpoint{host: hostLabel(e, ip), ip: ip, port: make(map[string]portProto)}
					byKey[ip] = ep
				}
				for _, p := range slice.Ports {
					ep.addPort(p)
				}
			}
		}
	}
	out := make([]endpoint, 0, len(byKey))
	for _, ep := range byKey {
		out = append(out, *ep)
	}
	slices.SortFunc(out, func(a, b endpoint) int { return cmp.Compare(a.ip, b.ip) })
	return out
}

func (e *endpoint) addPort(p discoveryv1.EndpointPort) {
	if p.Port == nil {
		return
	}
	name, protocol := "", "tcp"
	if p.Name != nil {
		name = *p.Name
	}
	if p.Protocol != nil {
		protocol = strings.ToLower(string(*p.Protocol))
	}
	e.port[name] = portProto{uint16(*p.Port), protocol}
}

// hostLabel is the label of an endpoint: its hostname, or its address with
// dashes.
func hostLabel(e *discoveryv1.Endpoint, ip string) string {
	if e.Hostname != nil && *e.Hostname != "" {
		return *e.Hostname
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(ip)
}

// endpoints answers a headless Service's name with the addresses of its Pods,
// and HOSTNAME.SERVICE with the address of one.
func (z *Zone) endpoints(name string, s *corev1.Service, before []string, qtype uint16) answer {
	a := answer{exists: len(before) == 0}
	var ips []string
	for _, e := range z.endpointsOf(s) {
		if len(before) == 0 || strings.EqualFold(e.host, before[0]) {
			ips = append(ips, e.ip)
			a.exists = true
		}
	}
	if qtype == dns.TypeA {
		a.records = z.addresses(name, ips)
		// The loadbalance plugin: clients that take the first address spread.
		rand.Shuffle(len(a.records), func(i, j int) { a.records[i], a.records[j] = a.records[j], a.records[i] })
	}
	if s.Spec.ClusterIP == corev1.ClusterIPNone && len(before) == 0 && len(ips) == 0 {
		a.exists = false // CoreDNS: a headless Service without Pods has no name
	}
	return a
}

// srv answers ports: of the name and protocol given, or all of them.
func (z *Zone) srv(name string, s *corev1.Service, port, protocol string, qtype uint16) answer {
	var a answer
	base := fmt.Sprintf("%s.%s.svc.%s", s.Name, s.Namespace, z.Domain)
	add := func(target, ip string, number uint16) {
		a.exists = true
		if qtype != dns.TypeSRV {
			return
		}
		a.records = append(a.records, &dns.SRV{
			Hdr: z.header(name, dns.TypeSRV), Priority: 0, Weight: 100, Port: number, Target: target,
		})
		a.extra = append(a.extra, z.addresses(target, []string{ip})...)
	}
	matches := func(n, p string) bool {
		return port == "" && protocol == "" || strings.EqualFold(n, port) && strings.EqualFold(p, protocol)
	}
	if s.Spec.ClusterIP != corev1.ClusterIPNone {
		for _, p := range s.Spec.Ports {
			if matches(p.Name, string(p.Protocol)) {
				add(base, s.Spec.ClusterIP, uint16(p.Port))
			}
		}
	} else {
		for _, e := range z.endpointsOf(s) {
			for _, n := range slices.Sorted(maps.Keys(e.port)) {
				if p := e.port[n]; matches(n, p.protocol) {
					add(e.host+"."+base, e.ip, p.number)
				}
			}
		}
	}
	if protocol == "" {
		a.exists = true
	}
	return a
}

// reverse answers the address of a Service, or of an endpoint.
func (z *Zone) reverse(name string, qtype uint16) answer {
	ip := addressOfReverse(name)
	if ip == "" {
		return answer{}
	}
	var targets []string
	if s := z.Store.serviceByIP(ip); s != nil {
		targets = append(targets, fmt.Sprintf("%s.%s.svc.%s", s.Name, s.Namespace, z.Domain))
	} else {
		for _, slice := range z.Store.slices(byIP, ip) {
			service := slice.Labels[discoveryv1.LabelServiceName]
			for i := range slice.Endpoints {
				if e := &slice.Endpoints[i]; slices.Contains(e.Addresses, ip) {
					targets = append(targets, fmt.Sprintf("%s.%s.%s.svc.%s", hostLabel(e, ip), service, slice.Namespace, z.Domain))
				}
			}
		}
	}
	slices.Sort(targets)
	a := answer{exists: len(targets) > 0}
	if qtype == dns.TypePTR {
		for _, t := range slices.Compact(targets) {
			a.records = append(a.records, &dns.PTR{Hdr: z.header(name, dns.TypePTR), Ptr: t})
		}
	}
	return a
}

// addressOfReverse is the address that d.c.b.a.in-addr.arpa. stands for.
func addressOfReverse(name string) string {
	labels := dns.SplitDomainName(strings.TrimSuffix(name, "in-addr.arpa."))
	if len(labels) != 4 {
		return ""
	}
	slices.Reverse(labels)
	a, err := netip.ParseAddr(strings.Join(labels, "."))
	if err != nil {
		return ""
	}
	return a.String()
}

func (z *Zone) addresses(name string, ips []string) []dns.RR {
	var out []dns.RR
	for _, ip := range ips {
		if a := net.ParseIP(ip).To4(); a != nil {
			out = append(out, &dns.A{Hdr: z.header(name, dns.TypeA), A: a})
		}
	}
	return out
}

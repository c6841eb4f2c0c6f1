package coredns

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func service(name, clusterIP string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.ServiceSpec{ClusterIP: clusterIP, ClusterIPs: []string{clusterIP}, Ports: ports},
	}
}

func slice(service string, port int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: service + "-x",
			Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To(port), Protocol: ptr.To(corev1.ProtocolTCP)}},
		Endpoints:   endpoints,
	}
}

func endpointAt(ip, hostname string, ready bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}
	if hostname != "" {
		e.Hostname = &hostname
	}
	return e
}

func testZone(t *testing.T) *Zone {
	t.Helper()
	store := NewStore()
	http := corev1.ServicePort{Name: "http", Port: 8080, Protocol: corev1.ProtocolTCP}
	external := service("outer", "")
	external.Spec.Type, external.Spec.ExternalName, external.Spec.ClusterIPs = corev1.ServiceTypeExternalName, "example.com", nil
	inner := external.DeepCopy()
	inner.Name, inner.Spec.ExternalName = "inner", "go-api.default.svc.cluster.local"
	dnsService := service("kube-dns", "10.96.0.10")
	dnsService.Namespace = "kube-system"
	for _, s := range []*corev1.Service{
		service("go-api", "10.96.0.5", http), service("db", corev1.ClusterIPNone, http),
		service("nobody", corev1.ClusterIPNone, http), external, inner, dnsService,
	} {
		if err := store.Services.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*discoveryv1.EndpointSlice{
		slice("go-api", 8080, endpointAt("10.244.0.7", "", true)),
		slice("db", 5432, endpointAt("10.244.0.8", "db-0", true), endpointAt("10.244.0.9", "db-1", true), endpointAt("10.244.0.10", "db-2", false)),
		slice("nobody", 80, endpointAt("10.244.0.11", "", false)),
	} {
		if err := store.Slices.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, ns := range []string{"default", "kube-system"} {
		if err := store.Namespaces.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
			t.Fatal(err)
		}
	}
	return &Zone{Domain: "cluster.local.", TTL: 30, Serial: 1, Store: store}
}

// short is a record without its class and the spaces.
func short(rr dns.RR) string {
	s := strings.Join(strings.Fields(rr.String()), " ")
	return strings.Replace(s, " IN ", " ", 1)
}

func TestZone(t *testing.T) {
	const soa = "cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30"
	tests := []struct {
		name  string
		qtype uint16
		want  []string // answers, sorted
		extra []string
		rcode int
		alien bool
	}{
		{name: "go-api.default.svc.cluster.local.", qtype: dns.TypeA, want: []string{"go-api.default.svc.cluster.local. 30 A 10.96.0.5"}},
		{name: "Go-API.default.svc.Cluster.Local.", qtype: dns.TypeA, want: []string{"go-api.default.svc.cluster.local. 30 A 10.96.0.5"}},
		{name: "go-api.default.svc.cluster.local.", qtype: dns.TypeAAAA},
		{name: "go-api.default.svc.cluster.local.", qtype: dns.TypeMX},
		{name: "go-apo.default.svc.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "go-api.other.svc.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "go-api.default.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "default.svc.cluster.local.", qtype: dns.TypeA},
		{name: "other.svc.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "svc.cluster.local.", qtype: dns.TypeA},
		{name: "10-244-0-7.go-api.default.svc.cluster.local.", qtype: dns.TypeA, want: []string{"10-244-0-7.go-api.default.svc.cluster.local. 30 A 10.244.0.7"}},

		{name: "db.default.svc.cluster.local.", qtype: dns.TypeA, want: []string{"db.default.svc.cluster.local. 30 A 10.244.0.8", "db.default.svc.cluster.local. 30 A 10.244.0.9"}},
		{name: "db-1.db.default.svc.cluster.local.", qtype: dns.TypeA, want: []string{"db-1.db.default.svc.cluster.local. 30 A 10.244.0.9"}},
		{name: "db-2.db.default.svc.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "nobody.default.svc.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},

		{
			name: "_http._tcp.go-api.default.svc.cluster.local.", qtype: dns.TypeSRV,
			want:  []string{"_http._tcp.go-api.default.svc.cluster.local. 30 SRV 0 100 8080 go-api.default.svc.cluster.local."},
			extra: []string{"go-api.default.svc.cluster.local. 30 A 10.96.0.5"},
		},
		{name: "_http._udp.go-api.default.svc.cluster.local.", qtype: dns.TypeSRV, rcode: dns.RcodeNameError},
		{
			name: "_http._tcp.db.default.svc.cluster.local.", qtype: dns.TypeSRV,
			want: []string{
				"_http._tcp.db.default.svc.cluster.local. 30 SRV 0 100 5432 db-0.db.default.svc.cluster.local.",
				"_http._tcp.db.default.svc.cluster.local. 30 SRV 0 100 5432 db-1.db.default.svc.cluster.local.",
			},
			extra: []string{"db-0.db.default.svc.cluster.local. 30 A 10.244.0.8", "db-1.db.default.svc.cluster.local. 30 A 10.244.0.9"},
		},

		{name: "outer.default.svc.cluster.local.", qtype: dns.TypeA, want: []string{"outer.default.svc.cluster.local. 30 CNAME example.com."}},
		{name: "inner.default.svc.cluster.local.", qtype: dns.TypeA, want: []string{
			"go-api.default.svc.cluster.local. 30 A 10.96.0.5",
			"inner.default.svc.cluster.local. 30 CNAME go-api.default.svc.cluster.local.",
		}},

		{name: "10-244-0-99.default.pod.cluster.local.", qtype: dns.TypeA, want: []string{"10-244-0-99.default.pod.cluster.local. 30 A 10.244.0.99"}},
		{name: "10-244-0-99.other.pod.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "go-api.default.pod.cluster.local.", qtype: dns.TypeA, rcode: dns.RcodeNameError},

		{name: "5.0.96.10.in-addr.arpa.", qtype: dns.TypePTR, want: []string{"5.0.96.10.in-addr.arpa. 30 PTR go-api.default.svc.cluster.local."}},
		{name: "9.0.244.10.in-addr.arpa.", qtype: dns.TypePTR, want: []string{"9.0.244.10.in-addr.arpa. 30 PTR db-1.db.default.svc.cluster.local."}},
		{name: "7.0.244.10.in-addr.arpa.", qtype: dns.TypePTR, want: []string{"7.0.244.10.in-addr.arpa. 30 PTR 10-244-0-7.go-api.default.svc.cluster.local."}},
		{name: "99.0.244.10.in-addr.arpa.", qtype: dns.TypePTR, alien: true},

		{name: "cluster.local.", qtype: dns.TypeSOA, want: []string{soa}},
		{name: "cluster.local.", qtype: dns.TypeNS, want: []string{"cluster.local. 30 NS ns.dns.cluster.local."}, extra: []string{"ns.dns.cluster.local. 30 A 10.96.0.10"}},
		{name: "dns-version.cluster.local.", qtype: dns.TypeTXT, want: []string{`dns-version.cluster.local. 30 TXT "1.1.0"`}},
		{name: "example.com.", qtype: dns.TypeA, alien: true},
	}
	z := testZone(t)
	for _, tt := range tests {
		t.Run(dns.TypeToString[tt.qtype]+" "+tt.name, func(t *testing.T) {
			m, ok := z.Resolve(dns.Question{Name: tt.name, Qtype: tt.qtype, Qclass: dns.ClassINET})
			if ok == tt.alien {
				t.Fatalf("the zone's own name: %v", ok)
			}
			if tt.alien {
				return
			}
			var got, extra []string
			for _, rr := range m.Answer {
				got = append(got, short(rr))
			}
			for _, rr := range m.Extra {
				extra = append(extra, short(rr))
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("answer %q, want %q", got, tt.want)
			}
			if !slices.Equal(extra, tt.extra) {
				t.Errorf("additional %q, want %q", extra, tt.extra)
			}
			if m.Rcode != tt.rcode || !m.Authoritative {
				t.Errorf("rcode %s, authoritative %v", dns.RcodeToString[m.Rcode], m.Authoritative)
			}
			if len(tt.want) == 0 && (len(m.Ns) != 1 || short(m.Ns[0]) != soa) {
				t.Errorf("authority %v, want the SOA", m.Ns)
			}
		})
	}
}

func TestParseCorefile(t *testing.T) {
	tests := []struct {
		name, text string
		want       config
		err        string
	}{
		{
			name: "kubeadm's",
			text: ".:53 {\n errors\n health {\n lameduck 5s\n }\n ready\n kubernetes cluster.local in-addr.arpa ip6.arpa {\n pods insecure\n ttl 30\n }\n forward . /etc/resolv.conf {\n max_concurrent 1000\n }\n}\n",
			want: config{domain: "cluster.local.", ttl: 30, lameduck: 5e9},
		},
		{name: "short", text: ".:53 {\nkubernetes lab.example # ours\n}", want: config{domain: "lab.example.", ttl: 5}},
		{name: "no cluster", text: ".:53 {\nforward . 8.8.8.8\n}", err: "no server block with the kubernetes plugin"},
		{name: "open block", text: ".:53 {\nkubernetes cluster.local {\n}", err: "a '}' is missing"},
		{name: "closed twice", text: ".:53 {\nkubernetes cluster.local\n}\n}", err: "Corefile:4 - Error during parsing: Unexpected '}'"},
		{name: "wrong TTL", text: ".:53 {\nkubernetes cluster.local {\nttl long\n}\n}", err: "Corefile:3 - Error during parsing: ttl must be in range [0, 3600]: long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseCorefile([]byte(tt.text))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

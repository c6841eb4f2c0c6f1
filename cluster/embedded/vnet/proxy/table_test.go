package proxy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/vnet/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func web() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, ClusterIP: "10.96.0.5", ClusterIPs: []string{"10.96.0.5"},
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP}},
		},
	}
}

// endpoint has the conditions ready, serving and terminating, "-" for those
// that are not set.
func endpoint(ip, conditions string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{ip}}
	if conditions != "-" {
		e.Conditions.Ready = ptr.To(strings.Contains(conditions, "r"))
		e.Conditions.Serving = ptr.To(strings.Contains(conditions, "s"))
		e.Conditions.Terminating = ptr.To(strings.Contains(conditions, "t"))
	}
	return e
}

func slice(name, port string, number int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name,
			Labels: map[string]string{discoveryv1.LabelServiceName: "web"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &port, Port: &number}},
		Endpoints:   endpoints,
	}
}

// text is a table in short.
func text(t vnet.Table) string {
	var lines []string
	for _, p := range t.Ports {
		lines = append(lines, fmt.Sprintf("%s %s %v:%d node %d affinity %s %v", p.Name, p.Protocol, p.Addrs, p.Port, p.NodePort, p.Affinity, p.Endpoints))
	}
	return strings.Join(lines, "\n")
}

func TestTable(t *testing.T) {
	tests := []struct {
		name   string
		change func(*corev1.Service)
		slices []*discoveryv1.EndpointSlice
		want   string
	}{
		{
			name:   "ready ones, by address",
			slices: []*discoveryv1.EndpointSlice{slice("a", "http", 8080, endpoint("10.244.0.9", "rs"), endpoint("10.244.0.7", "rs"), endpoint("10.244.0.8", ""))},
			want:   "default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s [10.244.0.7:8080 10.244.0.9:8080]",
		},
		{
			name:   "conditions not known count as ready",
			slices: []*discoveryv1.EndpointSlice{slice("a", "http", 8080, endpoint("10.244.0.7", "-"))},
			want:   "default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s [10.244.0.7:8080]",
		},
		{
			name:   "terminating ones wait behind ready ones",
			slices: []*discoveryv1.EndpointSlice{slice("a", "http", 8080, endpoint("10.244.0.7", "st"), endpoint("10.244.0.8", "rs"))},
			want:   "default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s [10.244.0.8:8080]",
		},
		{
			name:   "only terminating ones that serve",
			slices: []*discoveryv1.EndpointSlice{slice("a", "http", 8080, endpoint("10.244.0.7", "st"), endpoint("10.244.0.8", "t"), endpoint("10.244.0.9", "s"))},
			want:   "default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s [10.244.0.7:8080]",
		},
		{
			name: "two slices, one address in both, a port of its own each",
			slices: []*discoveryv1.EndpointSlice{
				slice("a", "http", 8080, endpoint("10.244.0.7", "rs")), slice("b", "http", 8081, endpoint("10.244.0.8", "rs")),
				slice("c", "http", 8080, endpoint("10.244.0.7", "rs")), slice("d", "other", 1, endpoint("10.244.0.9", "rs")),
			},
			want: "default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s [10.244.0.7:8080 10.244.0.8:8081]",
		},
		{name: "no slices", want: "default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s []"},
		{name: "headless", change: func(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone }},
		{name: "external name", change: func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeExternalName }},
		{
			name: "affinity, UDP and an external IP",
			change: func(s *corev1.Service) {
				s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
				s.Spec.Ports[0].Protocol, s.Spec.Ports[0].Name = corev1.ProtocolUDP, ""
				s.Spec.ExternalIPs = []string{"192.0.2.1"}
			},
			want: "default/web:80 udp [10.96.0.5 192.0.2.1]:80 node 30080 affinity 3h0m0s []",
		},
		{
			name: "affinity for a time",
			change: func(s *corev1.Service) {
				s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
				s.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: ptr.To[int32](60)}}
			},
			want: "default/web:http tcp [10.96.0.5]:80 node 30080 affinity 1m0s []",
		},
		{name: "SCTP is not carried", change: func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolSCTP }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := web()
			if tt.change != nil {
				tt.change(s)
			}
			if got := text(proxy.Table([]*corev1.Service{s}, tt.slices)); got != tt.want {
				t.Errorf("table\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestSyncer(t *testing.T) {
	client := fake.NewClientset(web())
	tables := make(chan vnet.Table, 100)
	lines := make(chan string, 100)
	s := &proxy.Syncer{
		Client: client,
		Set:    func(t vnet.Table) { tables <- t },
		Log:    func(format string, args ...any) { lines <- fmt.Sprintf(format, args...) },
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	until := func(want string) {
		t.Helper()
		for {
			select {
			case got := <-tables:
				if text(got) == want {
					return
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("no table %q", want)
			}
		}
	}
	until("default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s []")
	endpointSlices := client.DiscoveryV1().EndpointSlices("default")
	if _, err := endpointSlices.Create(ctx, slice("a", "http", 8080, endpoint("10.244.0.7", "rs")), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	until("default/web:http tcp [10.96.0.5]:80 node 30080 affinity 0s [10.244.0.7:8080]")
	if err := client.CoreV1().Services("default").Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until("")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(lines)
	var log []string
	for l := range lines {
		log = append(log, l)
	}
	want := []string{
		`"Waiting for caches to sync" controller="service config"`,
		`"Caches are synced" controller="service config"`,
		`"Adding service port" portName="default/web:http" servicePort="10.96.0.5:80/tcp" nodePort=30080 endpoints=[]`,
		`"Updating endpoints" portName="default/web:http" from=[] to=[10.244.0.7:8080]`,
		`"Removing service port" portName="default/web:http"`,
	}
	if !slices.Equal(log, want) {
		t.Errorf("log\n%s\nwant\n%s", strings.Join(log, "\n"), strings.Join(want, "\n"))
	}
}

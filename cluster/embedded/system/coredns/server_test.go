package coredns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a network with a DNS server behind a Service and a client Pod.
type lab struct {
	net     *vnet.Network
	client  *vnet.Pod
	out     *workloadtest.Buffer
	signals chan workload.Signal
	stopped chan error
	dnsPod  *vnet.Pod
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{net: vnet.New(vnet.Config{}), out: &workloadtest.Buffer{}, signals: make(chan workload.Signal, 1), stopped: make(chan error, 1)}
	t.Cleanup(func() {
		if err := l.net.Close(); err != nil {
			t.Error(err)
		}
	})
	z := testZone(t)
	client := fake.NewClientset()
	for _, obj := range z.Store.Services.List() {
		s := obj.(*corev1.Service)
		if _, err := client.CoreV1().Services(s.Namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	many := slice("many", 80)
	for i := range 60 {
		many.Endpoints = append(many.Endpoints, endpointAt(fmt.Sprintf("10.244.0.%d", 100+i), "", true))
	}
	headless := service("many", corev1.ClusterIPNone)
	if _, err := client.CoreV1().Services("default").Create(t.Context(), headless, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, obj := range append(z.Store.Slices.List(), any(many)) {
		s := obj.(*discoveryv1.EndpointSlice)
		if _, err := client.DiscoveryV1().EndpointSlices(s.Namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, ns := range []string{"default", "kube-system"} {
		obj := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}
		if _, err := client.CoreV1().Namespaces().Create(t.Context(), obj, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if l.dnsPod, err = l.net.Attach(vnet.PodConfig{Name: "kube-system/coredns"}); err != nil {
		t.Fatal(err)
	}
	l.route(netip.AddrPortFrom(l.dnsPod.IP(), 53))
	if l.client, err = l.net.Attach(vnet.PodConfig{Name: "default/client", Hostname: "client", Resolver: vnet.ResolverConfig{
		Servers:  []string{"10.96.0.10"},
		Searches: []string{"default.svc.cluster.local", "svc.cluster.local", "cluster.local"},
		Options:  []string{"ndots:5"},
	}}); err != nil {
		t.Fatal(err)
	}
	s := &server{out: l.out, ready: make(chan struct{}), config: config{domain: "cluster.local.", ttl: 30}}
	go func() {
		l.stopped <- s.serve(t.Context(), &workload.Process{Net: l.dnsPod.NewProcess(), Signals: l.signals}, client)
	}()
	l.waitReady(t)
	return l
}

func (l *lab) route(endpoints ...netip.AddrPort) {
	var table vnet.Table
	for _, p := range []vnet.Protocol{vnet.UDP, vnet.TCP} {
		table.Ports = append(table.Ports, vnet.ServicePort{
			Name: "kube-system/kube-dns", Protocol: p, Port: 53,
			Addrs: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Endpoints: endpoints,
		})
	}
	l.net.SetTable(table)
}

func (l *lab) get(url string) (int, string, error) {
	tr := &http.Transport{DialContext: l.client.Dial, DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: tr}).Get(url)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), errors.Join(err, resp.Body.Close())
}

func (l *lab) waitReady(t *testing.T) {
	t.Helper()
	url := "http://" + l.dnsPod.IP().String() + ":8181/ready"
	deadline := time.Now().Add(10 * time.Second)
	for {
		code, body, err := l.get(url)
		if err == nil && code == http.StatusOK && body == "OK" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not get ready: %d %q %v", code, body, err)
		}
	}
}

func TestResolveOverTheNetwork(t *testing.T) {
	l := newLab(t)
	tests := []struct {
		host string
		want []string
		err  string
	}{
		{host: "go-api", want: []string{"10.96.0.5"}},
		{host: "go-api.default", want: []string{"10.96.0.5"}},
		{host: "go-api.default.svc", want: []string{"10.96.0.5"}},
		{host: "go-api.default.svc.cluster.local", want: []string{"10.96.0.5"}},
		{host: "go-api.default.svc.cluster.local.", want: []string{"10.96.0.5"}},
		{host: "kube-dns.kube-system", want: []string{"10.96.0.10"}},
		{host: "db", want: []string{"10.244.0.8", "10.244.0.9"}},
		{host: "db-0.db", want: []string{"10.244.0.8"}},
		{host: "inner", want: []string{"10.96.0.5"}},
		{host: "client", want: []string{"10.244.0.3"}},
		{host: "localhost", want: []string{"127.0.0.1"}},
		{host: "10.1.2.3", want: []string{"10.1.2.3"}},
		{host: "go-apo", err: "lookup go-apo on 10.96.0.10:53: no such host"},
		{host: "go-api.wrong", err: "lookup go-api.wrong on 10.96.0.10:53: no such host"},
		{host: "example.com", err: "lookup example.com on 10.96.0.10:53: server misbehaving"},
	}
	for _, tt := range tests {
		got, err := l.client.LookupHost(t.Context(), tt.host)
		slices.Sort(got)
		if !slices.Equal(got, tt.want) || tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%s: %v, %v; want %v, %s", tt.host, got, err, tt.want, tt.err)
		}
	}
	// More addresses than a datagram holds come over TCP.
	if got, err := l.client.LookupHost(t.Context(), "many"); err != nil || len(got) != 60 {
		t.Errorf("a large answer: %d addresses, %v", len(got), err)
	}
	if !strings.Contains(l.out.String(), "example.com. A: the embedded cluster has no upstream DNS server") {
		t.Errorf("log: %s", l.out)
	}
	if code, body, err := l.get("http://" + l.dnsPod.IP().String() + ":9153/metrics"); code != 200 || !strings.Contains(body, `proto="tcp"} 1`) {
		t.Errorf("metrics: %d %s %v", code, body, err)
	}
}

func TestWithoutServersNamesDoNotResolve(t *testing.T) {
	l := newLab(t)
	l.route()
	_, err := l.client.LookupHost(t.Context(), "go-api")
	var de *net.DNSError
	if !errors.As(err, &de) || !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasSuffix(err.Error(), "->10.96.0.10:53: read: connection refused") {
		t.Errorf("no endpoints: %v", err)
	}
	// And a server that comes back serves the same socket's Service again.
	l.route(netip.AddrPortFrom(l.dnsPod.IP(), 53))
	if got, err := l.client.LookupHost(t.Context(), "go-api"); err != nil || len(got) != 1 {
		t.Errorf("after it came back: %v, %v", got, err)
	}
}

func TestServerEnds(t *testing.T) {
	l := newLab(t)
	// An idle TCP client does not hold the server up.
	idle, err := l.client.Dial(t.Context(), "tcp", l.dnsPod.IP().String()+":53")
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	l.signals <- workload.SIGTERM
	select {
	case err := <-l.stopped:
		if err != nil {
			t.Errorf("after TERM: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server does not end")
	}
	if !strings.Contains(l.out.String(), "[INFO] SIGTERM: Shutting down servers then terminating") {
		t.Errorf("log: %s", l.out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := l.client.Dial(ctx, "tcp", l.dnsPod.IP().String()+":53"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after the end: %v", err)
	}
}

func TestReplyToBadQueries(t *testing.T) {
	s := &server{out: io.Discard, ready: make(chan struct{}), config: config{domain: "cluster.local."}}
	s.zone = *testZone(t)
	q := new(dns.Msg).SetQuestion("go-api.default.svc.cluster.local.", dns.TypeA)
	if m := s.reply(q); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("before it is ready: %s", dns.RcodeToString[m.Rcode])
	}
	close(s.ready)
	if m := s.reply(new(dns.Msg)); m.Rcode != dns.RcodeFormatError {
		t.Errorf("no question: %s", dns.RcodeToString[m.Rcode])
	}
	for name, want := range map[string]int{
		"com.": dns.RcodeNameError, "nosuch.": dns.RcodeNameError, "a.b.nosuch.": dns.RcodeNameError,
		"1.2.0.10.in-addr.arpa.": dns.RcodeNameError, "kubernetes.io.": dns.RcodeServerFailure,
	} {
		if m := s.reply(new(dns.Msg).SetQuestion(name, dns.TypeA)); m.Rcode != want {
			t.Errorf("%s: %s, want %s", name, dns.RcodeToString[m.Rcode], dns.RcodeToString[want])
		}
	}
}

// A resolver that loses one datagram stalls its client for five seconds. With
// one attempt a loss is an error here.
func TestNoQueryIsLost(t *testing.T) {
	const (
		clients = 20
		lookups = 50
	)
	l := newLab(t)
	pod, err := l.net.Attach(vnet.PodConfig{Name: "default/busy", Resolver: vnet.ResolverConfig{
		Servers: []string{"10.96.0.10"}, Searches: []string{"default.svc.cluster.local"}, Options: []string{"ndots:5", "attempts:1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var churn, wg sync.WaitGroup
	churn.Go(func() {
		// kube-proxy sets a table for every change of any Service.
		for {
			select {
			case <-done:
				return
			default:
				l.route(netip.AddrPortFrom(l.dnsPod.IP(), 53))
			}
		}
	})
	for range clients {
		wg.Go(func() {
			p := pod.NewProcess()
			for range lookups {
				if got, err := p.LookupHost(t.Context(), "go-api"); err != nil || !slices.Equal(got, []string{"10.96.0.5"}) {
					t.Errorf("%v, %v", got, err)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(done)
	churn.Wait()
}

// The probe of a Pod that has only just started is answered when the Services
// are known, and with "not yet" where they are not in time.
func TestReadinessWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask := func(s *server) (int, time.Duration) {
			w, began := httptest.NewRecorder(), time.Now()
			s.readiness(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
			return w.Code, time.Since(began)
		}
		s := &server{out: io.Discard, ready: make(chan struct{})}
		if code, took := ask(s); code != http.StatusServiceUnavailable || took >= time.Second {
			t.Errorf("not ready: %d after %s; a probe gives up after a second", code, took)
		}
		const later = 200 * time.Millisecond
		time.AfterFunc(later, func() { close(s.ready) })
		if code, took := ask(s); code != http.StatusOK || took != later {
			t.Errorf("ready after %s: %d after %s", later, code, took)
		}
		if code, took := ask(s); code != http.StatusOK || took != 0 {
			t.Errorf("ready: %d after %s", code, took)
		}
	})
}

package node

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/k8stutor/k8stutor/cluster/embedded/runtime"
)

// loopback is a Pod's network that is this machine's loopback.
type loopback struct{ runtime.PodNetwork }

func (loopback) IP() netip.Addr { return netip.MustParseAddr("127.0.0.1") }

func (loopback) DialFromNode(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func portOf(t *testing.T, address string) int32 {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

// The words are those that the kubelet's own probers use, see
// https://github.com/kubernetes/kubernetes/tree/v1.36.3/pkg/probe
func TestProbePod(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bad":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/agent":
			_, _ = w.Write([]byte(r.UserAgent()))
		case "/hang":
			<-hang
		case "/away":
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
		default:
			_, _ = w.Write([]byte("ok"))
		}
	}))
	defer server.Close()
	defer close(hang)
	port := portOf(t, server.Listener.Addr().String())
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := portOf(t, closed.Addr().String())
	closed.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	healthServer := health.NewServer()
	healthServer.SetServingStatus("sick", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	rpc := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(rpc, healthServer)
	go func() { _ = rpc.Serve(listener) }()
	defer rpc.Stop()
	rpcPort := portOf(t, listener.Addr().String())

	get := func(path string, port int32) probeRequest {
		return probeRequest{HTTP: &v1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port), Scheme: v1.URISchemeHTTP}}
	}
	named := get("/", 0)
	named.HTTP.Port = intstr.FromString("web")
	named.Ports = []v1.ContainerPort{{Name: "web", ContainerPort: port}}
	hook := get("/bad", port)
	hook.Hook = true
	sick, none := "sick", "none"
	tests := []struct {
		name    string
		request probeRequest
		ok      bool
		output  string // a regular expression
	}{
		{"http good", get("/", port), true, `^ok$`},
		{"http named port", named, true, `^ok$`},
		{"http bad", get("/bad", port), false, `^HTTP probe failed with statuscode: 503$`},
		{"http refused", get("/x", nobody), false, `^Get "http://127\.0\.0\.1:\d+/x": dial tcp 127\.0\.0\.1:\d+: connect: connection refused$`},
		{"http timeout", get("/hang", port), false, `^Get "http://127\.0\.0\.1:\d+/hang": context deadline exceeded \(Client\.Timeout exceeded while awaiting headers\)$`},
		{"http user agent", get("/agent", port), true, `^kube-probe/`},
		{"http redirect elsewhere", get("/away", port), true, `^Probe terminated redirects`},
		{"hook takes any answer", hook, true, `^$`},
		{"tcp good", probeRequest{TCP: &v1.TCPSocketAction{Port: intstr.FromInt32(port)}}, true, `^$`},
		{"tcp refused", probeRequest{TCP: &v1.TCPSocketAction{Port: intstr.FromInt32(nobody)}}, false, `^dial tcp 127\.0\.0\.1:\d+: connect: connection refused$`},
		{"grpc good", probeRequest{GRPC: &v1.GRPCAction{Port: rpcPort}}, true, `^service healthy$`},
		{"grpc sick", probeRequest{GRPC: &v1.GRPCAction{Port: rpcPort, Service: &sick}}, false, `^service unhealthy \(responded with "NOT_SERVING"\)$`},
		{"grpc unknown", probeRequest{GRPC: &v1.GRPCAction{Port: rpcPort, Service: &none}}, false, `^error: health rpc probe failed: `},
		{"grpc refused", probeRequest{GRPC: &v1.GRPCAction{Port: nobody}}, false, `^timeout: failed to connect service "127\.0\.0\.1:\d+" within `},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			arg, err := test.request.encode()
			if err != nil {
				t.Fatal(err)
			}
			ok, output, err := probePod(context.Background(), loopback{}, []string{arg}, 300*time.Millisecond)
			if err != nil || ok != test.ok || !regexp.MustCompile(test.output).MatchString(output) {
				t.Errorf("got %v, %q, %v", ok, output, err)
			}
		})
	}
	for _, args := range [][]string{nil, {"%"}, {"e30"}} {
		if _, _, err := probePod(context.Background(), loopback{}, args, time.Second); err == nil {
			t.Errorf("%q was taken for a probe", args)
		}
	}
}

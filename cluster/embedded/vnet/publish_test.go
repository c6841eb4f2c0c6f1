package vnet_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
)

// freePort finds a port of the machine that nobody listens at.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// askReal asks on the real machine, again until a deadline while nobody
// listens.
func askReal(t *testing.T, port uint16) (string, error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			if time.Now().Before(deadline) && errors.Is(err, syscall.ECONNREFUSED) {
				continue
			}
			return "", err
		}
		defer c.Close()
		b, err := io.ReadAll(c)
		return string(b), err
	}
}

func TestPublishedPorts(t *testing.T) {
	problems := make(chan string, 10)
	n := newNetwork(t, vnet.Config{
		PublishNodePorts: true,
		PortProblem:      func(owner string, port uint16, err error) { problems <- fmt.Sprintf("%s %d %v", owner, port, err) },
	})
	pods := webs(t, n, "a", "b")
	nodePort, hostPort := freePort(t), freePort(t)
	table := portTo(0, pods...)
	table.Ports[0].NodePort = nodePort
	n.SetTable(table)
	for _, want := range []string{"a", "b", "a"} {
		if got, err := askReal(t, nodePort); got != want || err != nil {
			t.Errorf("node port: %q, %v; want %q", got, err, want)
		}
	}
	// Without endpoints the connection ends at once.
	table = portTo(0)
	table.Ports[0].NodePort = nodePort
	n.SetTable(table)
	if _, err := askReal(t, nodePort); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("no endpoints: %v", err)
	}
	// A taken port is reported, and another Service may have one meanwhile.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := uint16(taken.Addr().(*net.TCPAddr).Port)
	table.Ports[0].NodePort = port
	n.SetTable(table)
	if got, want := <-problems, fmt.Sprintf("default/web:80 %d listen tcp 127.0.0.1:%d: bind: address already in use", port, port); got != want {
		t.Errorf("problem %q, want %q", got, want)
	}
	pod, err := n.Attach(vnet.PodConfig{Name: "default/host", HostPorts: []vnet.HostPort{{Protocol: vnet.TCP, Host: hostPort, Pod: 8080}}})
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t, pod, ":8080")
	done := make(chan struct{})
	go func() { serveName(l, "host"); close(done) }()
	if got, err := askReal(t, hostPort); got != "host" || err != nil {
		t.Errorf("host port: %q, %v", got, err)
	}
	pod.Close()
	<-done
	n.Close()
	for _, p := range []uint16{nodePort, hostPort} {
		if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("port %d after the end: %v", p, err)
		}
	}
}

// startProxy serves a proxy on a Unix socket.
func startProxy(t *testing.T, n *vnet.Network, password string) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "egress.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	p := &vnet.Proxy{Dialer: n.Node(), Password: password}
	go func() { served <- p.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return socket
}

func TestProxy(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	webs(t, n, "web")
	n.SetTable(portTo(0))
	tests := []struct {
		name, password, request string
		status, body            string
	}{
		{name: "to a Pod", request: "CONNECT 10.244.0.2:8080 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", status: "200 Connection established", body: "web"},
		{name: "refused", request: "CONNECT 10.244.0.2:81 HTTP/1.1\r\n\r\n", status: "502 dial tcp 10.244.0.2:81: connect: connection refused"},
		{name: "no endpoints", request: "CONNECT 10.96.0.5:80 HTTP/1.1\r\n\r\n", status: "502 dial tcp 10.96.0.5:80: connect: connection refused"},
		{name: "another method", request: "GET http://10.244.0.2:8080/ HTTP/1.1\r\n\r\n", status: "405 GET is not served here, only CONNECT"},
		{name: "no HTTP", request: "hello\r\n\r\n", status: `400 malformed HTTP request "hello"`},
		{name: "no password", password: "secret", request: "CONNECT 10.244.0.2:8080 HTTP/1.1\r\n\r\n", status: "407 Proxy Authentication Required"},
		{name: "wrong password", password: "secret", request: "CONNECT 10.244.0.2:8080 HTTP/1.1\r\nProxy-Authorization: Basic dm5ldDp3cm9uZw==\r\n\r\n", status: "407 Proxy Authentication Required"},
		{name: "password", password: "secret", request: "CONNECT 10.244.0.2:8080 HTTP/1.1\r\nProxy-Authorization: Basic dm5ldDpzZWNyZXQ=\r\n\r\n", status: "200 Connection established", body: "web"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("unix", startProxy(t, n, tt.password))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, tt.request)
			br := bufio.NewReader(c)
			resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Status != tt.status {
				t.Errorf("status %q, want %q", resp.Status, tt.status)
			}
			body, err := io.ReadAll(br)
			if string(body) != tt.body || err != nil {
				t.Errorf("body %q, %v; want %q", body, err, tt.body)
			}
		})
	}
}

// TestProxyGivesUpWithItsClient shows that an attempt to reach nothing ends
// when the one who asked has gone: the network closes without waiting for it.
func TestProxyGivesUpWithItsClient(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	gone := make(chan error, 1)
	d := dialerFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := n.Node().Dial(ctx, network, address)
		gone <- err
		return c, err
	})
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&vnet.Proxy{Dialer: d}).Serve(ctx, l) }()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "CONNECT 1.1.1.1:80 HTTP/1.1\r\n\r\n")
	c.Close()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the attempt ended with %v", err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

type dialerFunc func(ctx context.Context, network, address string) (net.Conn, error)

func (f dialerFunc) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

// TestProxyForHTTPClients is how metrics-server uses it.
func TestProxyForHTTPClients(t *testing.T) {
	n := newNetwork(t, vnet.Config{})
	pod := attach(t, n, "web")
	l := listen(t, pod, ":80")
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "from "+r.RemoteAddr) })}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(l) }()
	socket := startProxy(t, n, "")
	tr := &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy"}),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}
	// A plain HTTP request through a proxy is no CONNECT: it is turned down.
	resp, err := (&http.Client{Transport: tr}).Get("http://10.244.0.2/")
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("plain: %v, %v", resp, err)
	}
	resp.Body.Close()
	tr.CloseIdleConnections()
	tr = &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\n\r\n", addr)
		line := make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n"))
		_, err = io.ReadFull(c, line)
		return c, err
	}}
	for range 3 {
		resp, err := (&http.Client{Transport: tr}).Get("http://10.244.0.2/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if !strings.HasPrefix(string(body), "from 10.244.0.1:") || err != nil {
			t.Errorf("%q, %v", body, err)
		}
		resp.Body.Close()
	}
	tr.CloseIdleConnections()
	hs.Close()
	<-done
}

package vnet_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/k8stutor/k8stutor/cluster/embedded/vnet"
)

// benchServer serves HTTP in three Pods behind a Service.
func benchServer(b *testing.B) *vnet.Pod {
	n := newNetwork(b, vnet.Config{})
	var pods []*vnet.Pod
	for _, name := range []string{"a", "b", "c"} {
		pod := attach(b, n, name)
		hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })}
		l := listen(b, pod, ":8080")
		done := make(chan error, 1)
		go func() { done <- hs.Serve(l) }()
		b.Cleanup(func() { hs.Close(); <-done })
		pods = append(pods, pod)
	}
	n.SetTable(portTo(0, pods...))
	return attach(b, n, "client")
}

func benchGet(b *testing.B, tr *http.Transport) {
	c := &http.Client{Transport: tr}
	b.ReportAllocs()
	for b.Loop() {
		resp, err := c.Get("http://" + clusterIP + "/")
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	tr.CloseIdleConnections()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkHTTPNewConnections is a request on a connection of its own, through
// a ClusterIP.
func BenchmarkHTTPNewConnections(b *testing.B) {
	benchGet(b, &http.Transport{DialContext: benchServer(b).Dial, DisableKeepAlives: true})
}

// BenchmarkHTTPKeepAlive is a request on a kept connection.
func BenchmarkHTTPKeepAlive(b *testing.B) {
	benchGet(b, &http.Transport{DialContext: benchServer(b).Dial})
}

// BenchmarkDial is opening and closing a connection through a ClusterIP.
func BenchmarkDial(b *testing.B) {
	n := newNetwork(b, vnet.Config{})
	pod, client := attach(b, n, "server"), attach(b, n, "client")
	l := listen(b, pod, ":8080")
	n.SetTable(portTo(0, pod))
	b.ReportAllocs()
	for b.Loop() {
		c, err := client.Dial(context.Background(), "tcp", clusterIP+":80")
		if err != nil {
			b.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
		s.Close()
	}
}

// BenchmarkThroughput is one direction of a connection.
func BenchmarkThroughput(b *testing.B) {
	n := newNetwork(b, vnet.Config{})
	pod, client := attach(b, n, "server"), attach(b, n, "client")
	c, s := connect(b, client, "10.244.0.2:80", listen(b, pod, ":80"))
	done := make(chan struct{})
	go func() { io.Copy(io.Discard, struct{ net.Conn }{s}); close(done) }()
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
	<-done
}

//go:build unix

package kind

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"testing"

	"github.com/k8stutor/k8stutor/cluster/provider/engine"
	"github.com/k8stutor/k8stutor/cluster/provider/engine/enginetest"
)

func TestNodePortsOf(t *testing.T) {
	service := map[string]any{"spec": map[string]any{"ports": []any{
		map[string]any{"port": int64(80), "nodePort": int64(30080)},
		map[string]any{"port": int64(53), "nodePort": int64(30053), "protocol": "UDP"},
		map[string]any{"port": int64(81), "protocol": "TCP"},
		map[string]any{"port": int64(82), "nodePort": int64(30082), "protocol": "TCP"},
	}}}
	if got := nodePortsOf(service); len(got) != 2 || got[0] != 30080 || got[1] != 30082 {
		t.Errorf("got %v", got)
	}
	if got := nodePortsOf(map[string]any{}); got != nil {
		t.Errorf("an empty Service has %v", got)
	}
}

// echo answers each connection's first line in capitals and closes it.
func echo(t *testing.T) (port int32) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			got, _ := bufio.NewReader(c).ReadBytes('\n')
			_, _ = c.Write(bytes.ToUpper(got))
			c.Close()
		}
	}()
	return int32(l.Addr().(*net.TCPAddr).Port)
}

func TestNodePortsCarry(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatal("this test needs bash, which every node image has")
	}
	// As `docker exec --interactive NODE bash …`, without the node.
	enginetest.Install(t, map[string]string{"docker": `PATH=/bin:/usr/bin; shift 3; exec "$@"`})
	for name, path := range map[string]*nodePath{
		"by address":        {address: "127.0.0.1"},
		"through container": {address: "127.0.0.1", container: "node", engine: engine.Engine{Name: "docker"}},
	} {
		t.Run(name, func(t *testing.T) {
			port := echo(t)
			n := &nodePorts{path: path}
			here, there := tcpPair(t)
			done := make(chan struct{})
			go func() {
				defer close(done)
				n.carry(context.Background(), there, port)
				there.Close()
			}()
			if _, err := here.Write([]byte("hello\n")); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(here)
			if err != nil || string(got) != "HELLO\n" {
				t.Errorf("got %q, %v", got, err)
			}
			here.Close()
			<-done
		})
	}
}

func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var d net.Dialer
	if a, err = d.DialContext(t.Context(), "tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

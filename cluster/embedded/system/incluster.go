// Package system holds the workloads of kube-system that speak to the API
// server: kube-proxy, CoreDNS (in package coredns), metrics-server (in package
// metricsserver) and the mirrors of the control plane's parts. They use the
// network, the files and the ServiceAccount of their own Pods.
package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// serviceAccountDir is where the kubelet mounts a ServiceAccount's credentials.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// tokenAge is how long a token that was read is used before the file is read
// again; the kubelet renews it long before it expires.
const tokenAge = time.Minute

// InCluster makes the client configuration of a Pod: what
// rest.InClusterConfig makes, but from the files and over the network of the
// container. server is the API server's URL; when it is empty the Service's
// environment variables say it.
func InCluster(p *workload.Process, server string) (*rest.Config, error) {
	if server == "" {
		host, port := Getenv(p, "KUBERNETES_SERVICE_HOST"), Getenv(p, "KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			return nil, errors.New("unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined")
		}
		server = "https://" + net.JoinHostPort(host, port)
	}
	ca, err := ReadFile(p.FS, serviceAccountDir+"/ca.crt")
	if err != nil {
		return nil, err
	}
	source := tokenFile{p.FS, serviceAccountDir + "/token"}
	if _, err := source.Token(); err != nil {
		return nil, err
	}
	cfg := &rest.Config{
		Host:            server,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return p.Net.Dial(ctx, network, address)
		},
	}
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	cfg.WrapTransport = transport.TokenSourceWrapTransport(oauth2.ReuseTokenSource(nil, source))
	return cfg, nil
}

// tokenFile is an oauth2.TokenSource that reads a file of a container.
type tokenFile struct {
	files workload.FS
	name  string
}

func (f tokenFile) Token() (*oauth2.Token, error) {
	data, err := ReadFile(f.files, f.name)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: strings.TrimSpace(string(data)), Expiry: time.Now().Add(tokenAge)}, nil
}

// ReadFile reads a whole file of a container.
func ReadFile(files workload.FS, name string) ([]byte, error) {
	f, err := files.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// Getenv is the value of an environment variable of a container.
func Getenv(p *workload.Process, key string) string {
	for i := len(p.Env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(p.Env[i], key+"="); ok {
			return v
		}
	}
	return ""
}

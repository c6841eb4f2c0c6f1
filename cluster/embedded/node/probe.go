package node

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/probe"
	httpprobe "k8s.io/kubernetes/pkg/probe/http"

	"github.com/k8stutor/k8stutor/cluster/embedded/runtime"
)

// The kubelet probes Pods from the host's network, where this cluster's Pods
// are not. So a probe that dials is rewritten, on its way into the kubelet, to
// an exec probe whose command is a secret marker and a probeRequest; the
// runtime hands that back to probePod, which dials over the Pod network. What
// the kubelet then counts, decides and reports is its own doing.

// probeRequest is a probe or a lifecycle hook that dials.
type probeRequest struct {
	HTTP  *v1.HTTPGetAction   `json:"http,omitempty"`
	TCP   *v1.TCPSocketAction `json:"tcp,omitempty"`
	GRPC  *v1.GRPCAction      `json:"grpc,omitempty"`
	Hook  bool                `json:"hook,omitempty"`  // a lifecycle hook: any answer will do
	Ports []v1.ContainerPort  `json:"ports,omitempty"` // to resolve names of ports
}

// encode makes an argument of it. base64 keeps "$(NAME)" in a path from being
// expanded like a container's command.
func (r probeRequest) encode() (string, error) {
	data, err := json.Marshal(r)
	return base64.RawURLEncoding.EncodeToString(data), err
}

func decodeProbe(args []string) (probeRequest, error) {
	var r probeRequest
	if len(args) != 1 {
		return r, errors.New("malformed probe request")
	}
	data, err := base64.RawURLEncoding.DecodeString(args[0])
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	return r, err
}

// probePod answers a rewritten probe. It is a runtime.NodeProbe.
func probePod(ctx context.Context, pod runtime.PodNetwork, args []string, timeout time.Duration) (bool, string, error) {
	r, err := decodeProbe(args)
	if err != nil {
		return false, "", fmt.Errorf("probe: %w", err)
	}
	switch {
	case r.HTTP != nil:
		return probeHTTP(ctx, pod, r, timeout)
	case r.TCP != nil:
		return probeTCP(ctx, pod, r, timeout)
	case r.GRPC != nil:
		return probeGRPC(ctx, pod, r, timeout)
	}
	return false, "", errors.New("probe: nothing to do")
}

func probeHTTP(ctx context.Context, pod runtime.PodNetwork, r probeRequest, timeout time.Duration) (bool, string, error) {
	agent := "probe"
	if r.Hook {
		agent = "lifecycle"
	}
	req, err := httpprobe.NewRequestForHTTPGetAction(r.HTTP, &v1.Container{Ports: r.Ports}, pod.IP().String(), agent)
	if err != nil {
		return false, "", err
	}
	client := &http.Client{
		Timeout: timeout,
		// As upstream's prober, but for the network.
		Transport: &http.Transport{
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
			DisableKeepAlives:  true,
			DisableCompression: true,
			DialContext:        pod.DialFromNode,
		},
		CheckRedirect: httpprobe.RedirectChecker(false),
	}
	req = req.WithContext(ctx)
	if r.Hook {
		resp, err := client.Do(req)
		if err != nil {
			return false, err.Error(), nil
		}
		return true, "", resp.Body.Close()
	}
	result, output, err := httpprobe.DoHTTPProbe(req, client)
	return result != probe.Failure, output, err
}

func probeTCP(ctx context.Context, pod runtime.PodNetwork, r probeRequest, timeout time.Duration) (bool, string, error) {
	port, err := probe.ResolveContainerPort(r.TCP.Port, &v1.Container{Ports: r.Ports})
	if err != nil {
		return false, "", err
	}
	host := r.TCP.Host
	if host == "" {
		host = pod.IP().String()
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := pod.DialFromNode(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false, err.Error(), nil
	}
	return true, "", conn.Close()
}

// probeGRPC speaks the health protocol as
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md defines it,
// with the words of upstream's prober.
func probeGRPC(ctx context.Context, pod runtime.PodNetwork, r probeRequest, timeout time.Duration) (bool, string, error) {
	service := ""
	if r.GRPC.Service != nil {
		service = *r.GRPC.Service
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	addr := net.JoinHostPort(pod.IP().String(), strconv.Itoa(int(r.GRPC.Port)))
	raw, err := pod.DialFromNode(ctx, "tcp", addr)
	if err != nil {
		return false, fmt.Sprintf("timeout: failed to connect service %q within %v: %+v", addr, timeout, err), nil
	}
	defer raw.Close()
	conn, err := grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return raw, nil }))
	if err != nil {
		return false, fmt.Sprintf("error: failed to connect service at %q: %+v", addr, err), nil
	}
	defer conn.Close()
	resp, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	switch {
	case status.Code(err) == codes.Unimplemented:
		return false, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): " + status.Convert(err).Message(), nil
	case status.Code(err) == codes.DeadlineExceeded:
		return false, fmt.Sprintf("timeout: health rpc did not complete within %v", timeout), nil
	case err != nil:
		return false, fmt.Sprintf("error: health rpc probe failed: %+v", err), nil
	case resp.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return false, fmt.Sprintf("service unhealthy (responded with %q)", resp.GetStatus()), nil
	}
	return true, "service healthy", nil
}

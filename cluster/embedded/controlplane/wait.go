package controlplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// pollInterval is how often something local is asked whether it is ready. It
// costs a fraction of a millisecond each time.
const pollInterval = 20 * time.Millisecond

// Poll calls ready every 20 ms until it says yes or ctx ends.
func Poll(ctx context.Context, ready func(context.Context) bool) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// WaitSocket waits until something accepts connections on a Unix socket.
func WaitSocket(ctx context.Context, path string) error {
	var d net.Dialer
	err := Poll(ctx, func(ctx context.Context) bool {
		conn, err := d.DialContext(ctx, "unix", path)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", path, err)
	}
	return nil
}

// WaitHealthy waits until the API server of a kubeconfig file answers 200 on
// path, such as /readyz.
func WaitHealthy(ctx context.Context, kubeconfig, path string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return fmt.Errorf("making a client of %s: %w", kubeconfig, err)
	}
	defer client.CloseIdleConnections()
	if err := Poll(ctx, func(ctx context.Context) bool { return Healthy(ctx, client, cfg.Host+path) }); err != nil {
		return fmt.Errorf("waiting for %s%s: %w", cfg.Host, path, err)
	}
	return nil
}

// Healthy reports whether url answers 200 now.
func Healthy(ctx context.Context, client *http.Client, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

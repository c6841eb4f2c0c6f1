package space

import (
	"context"
	"net/http"

	"k8s.io/client-go/discovery"
)

// discovery returns a discovery client whose requests end with ctx: the methods
// of client-go's own take none before v0.37.
func (w *Client) discovery(ctx context.Context) (discovery.DiscoveryInterface, error) {
	web := *w.web
	web.Transport = within{ctx, w.web.Transport}
	return discovery.NewDiscoveryClientForConfigAndClient(w.config, &web)
}

// within sends requests that end with ctx.
type within struct {
	ctx context.Context
	http.RoundTripper
}

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	return w.RoundTripper.RoundTrip(r.WithContext(w.ctx))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/k8stutor/k8stutor/cluster/embedded/addons"
	"github.com/k8stutor/k8stutor/cluster/embedded/controlplane"
	"github.com/k8stutor/k8stutor/cluster/embedded/supervise"
)

const (
	// tooManyRestarts is how often a part may fail while the cluster comes up.
	tooManyRestarts = 3
	// watchInterval is how often the supervisor is asked for parts that fail.
	watchInterval = 200 * time.Millisecond
	// systemPatience bounds the wait for kube-system after a pause: a learner
	// may have broken it, which must not keep them from going on.
	systemPatience = 30 * time.Second
)

// clients are what bringing up talks to the API server with.
type clients struct {
	http    *http.Client
	host    string
	typed   kubernetes.Interface
	dynamic dynamic.Interface
}

func newClients(kubeconfig string) (*clients, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	cfg.UserAgent = "k8stutor-embedded"
	cfg.QPS = -1 // it asks little, and what it asks must not wait
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	typed, err := kubernetes.NewForConfigAndClient(cfg, hc)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(cfg, hc)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &clients{http: hc, host: cfg.Host, typed: typed, dynamic: dyn}, nil
}

// run starts the supervisor when none is there and waits for the control plane,
// the node and kube-system.
func (b *bringUp) run(ctx context.Context, r *reporter) error {
	p := r.begin(phaseControlPlane, "Starting the control plane")
	if !b.joined {
		if err := b.startSupervisor(ctx); err != nil {
			return p.end(err)
		}
	}
	st, err := b.client.Status(ctx)
	if err != nil {
		return p.end(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go b.watchParts(ctx, cancel) // ends with ctx

	c, err := newClients(b.layout.ComponentKubeconfig("system"))
	if err != nil {
		return p.end(err)
	}
	defer c.http.CloseIdleConnections()
	if err := p.end(b.waitControlPlane(ctx, c)); err != nil {
		return err
	}
	p = r.begin(phaseNode, "Starting the node")
	if err := p.end(b.waitNode(ctx, c, p, st.Started)); err != nil {
		return err
	}
	p = r.begin(phaseSystem, "Starting DNS and the other system Pods")
	return p.end(b.waitSystem(ctx, c, p, st.Started))
}

// waitControlPlane waits until the API server is ready. The Node object and
// the addons of a new cluster are made as soon as it takes them, which is
// before it is ready.
func (b *bringUp) waitControlPlane(ctx context.Context, c *clients) error {
	if !b.cluster.Bootstrapped {
		if err := retry(ctx, func(ctx context.Context) error { return addons.CreatePriorityClasses(ctx, c.typed) }); err != nil {
			return err
		}
		if err := retry(ctx, func(ctx context.Context) error { return addons.CreateNode(ctx, c.typed, b.cluster.NodeName) }); err != nil {
			return err
		}
		if err := retry(ctx, func(ctx context.Context) error { return addons.Apply(ctx, c.dynamic) }); err != nil {
			return err
		}
	}
	err := controlplane.Poll(ctx, func(ctx context.Context) bool { return controlplane.Healthy(ctx, c.http, c.host+"/readyz") })
	if err != nil {
		return fmt.Errorf("waiting for the API server: %w", err)
	}
	return nil
}

// retry calls do until it succeeds. While the API server starts, nearly every
// error is one that passes.
func retry(ctx context.Context, do func(context.Context) error) error {
	var last error
	err := controlplane.Poll(ctx, func(ctx context.Context) bool {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := do(ctx); err != nil {
			if ctx.Err() == nil {
				last = err
			}
			return false
		}
		return true
	})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && last != nil {
		return fmt.Errorf("%w (last error: %w)", err, last)
	}
	return err
}

func (b *bringUp) waitNode(ctx context.Context, c *clients, p *phase, since time.Time) error {
	why := ""
	err := controlplane.Poll(ctx, func(ctx context.Context) bool {
		var ok bool
		ok, why = addons.CheckNode(ctx, c.typed, b.cluster.NodeName, since)
		if !ok && ctx.Err() == nil {
			p.detail(why)
		}
		return ok
	})
	if err != nil {
		return fmt.Errorf("waiting for the node to be Ready (%s): %w", why, err)
	}
	return nil
}

// waitSystem waits for the Pods of kube-system and remembers that the cluster
// was made.
func (b *bringUp) waitSystem(ctx context.Context, c *clients, p *phase, since time.Time) error {
	var required []string
	wait := ctx
	if b.cluster.Bootstrapped {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, systemPatience)
		defer cancel()
	} else {
		for _, pod := range controlplane.StaticPods(b.layout, b.cluster) {
			required = append(required, pod.Component+"-"+b.cluster.NodeName)
		}
		required = addons.Required(required)
	}
	why := ""
	err := controlplane.Poll(wait, func(ctx context.Context) bool {
		var ok bool
		ok, why = addons.CheckPods(ctx, c.typed, required, since)
		if !ok && ctx.Err() == nil {
			p.detail(why)
		}
		return ok
	})
	if err != nil && (ctx.Err() != nil || !b.cluster.Bootstrapped) {
		return fmt.Errorf("waiting for kube-system (%s): %w", why, err)
	}
	if b.cluster.Bootstrapped {
		return nil
	}
	b.cluster.Bootstrapped = true
	return b.cluster.Save(b.layout)
}

// watchParts cancels the way up when a part keeps failing, with its last lines
// as the reason.
func (b *bringUp) watchParts(ctx context.Context, cancel context.CancelCauseFunc) {
	before := map[string]int{}
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		st, err := b.client.Status(ctx)
		if err != nil {
			if ctx.Err() == nil {
				cancel(fmt.Errorf("the supervisor is gone: %w", err))
			}
			return
		}
		for _, part := range st.Parts {
			if _, ok := before[part.Name]; !ok {
				before[part.Name] = part.Restarts
			}
			if part.Restarts-before[part.Name] >= tooManyRestarts {
				cancel(b.partError(part))
				return
			}
		}
	}
}

// partError says why a part keeps failing.
func (b *bringUp) partError(part supervise.PartStatus) error {
	text := strings.Join(part.LastLog, "\n  ")
	if strings.Contains(text, "no space left on device") || controlplane.DiskFull(b.layout) {
		return fmt.Errorf("%s stops because the disk of %s is full: make room and try again", part.Name, b.layout.Dir)
	}
	return fmt.Errorf("%s keeps stopping (%s); its last lines:\n  %s\n(more in %s)", part.Name, part.Exit, text, b.layout.Log(part.Name))
}

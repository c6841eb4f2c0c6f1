// Package provider chooses who makes a cluster, and examines what a cluster
// needs of this machine. It has a package for each provider.
package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/embedded"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
	"github.com/k8stutor/k8stutor/cluster/provider/kind"
)

// Options say which cluster is wanted.
type Options struct {
	Want     string // "auto", "embedded" or "kind"
	Embedded string // path of k8stutor-embedded; empty: look for it
	Image    string // kind's node image; empty: the one kind was released with
	Images   string // archive of the lessons' images for kind; empty: look for it

	// askRegistry says whether an image can be pulled; nil: ask its registry.
	askRegistry func(ctx context.Context, image string) error
}

// Choose picks the provider. For "auto" that is the one which made the cluster
// before, else kind when a container engine answers and has the node image or
// can pull it, else embedded. The reason says why, in one line for a person; it is empty
// when there was nothing to choose.
func Choose(ctx context.Context, home cluster.Home, o Options) (p cluster.Provider, reason string, err error) {
	made, err := home.Access()
	if err != nil && !errors.Is(err, cluster.ErrAbsent) {
		return nil, "", err
	}
	switch o.Want {
	case cluster.EmbeddedProvider, cluster.KindProvider:
		if made.Provider != "" && made.Provider != o.Want {
			return nil, "", fmt.Errorf("cluster %q was made by %s: use --cluster %s, another --name, or delete it first with `k8stutor cluster delete --name %s`", home.Name(), made.Provider, made.Provider, home.Name())
		}
		p, err = open(home, o.Want, o)
		return p, "", err
	case "auto", "":
		if made.Provider != "" {
			p, err = open(home, made.Provider, o)
			return p, "", err
		}
	default:
		return nil, "", fmt.Errorf("--cluster %q: use auto, embedded or kind", o.Want)
	}

	provider, reason, err := auto(ctx, home, o)
	if err != nil {
		return nil, "", err
	}
	p, err = open(home, provider, o)
	return p, reason, err
}

// auto picks between kind and embedded, and says why and how to choose.
func auto(ctx context.Context, home cluster.Home, o Options) (provider, reason string, err error) {
	eng, err := engine.Find(ctx)
	if err != nil {
		return cluster.EmbeddedProvider, fmt.Sprintf("embedded: %v (--cluster kind uses one)", err), nil
	}
	image, err := kind.UsableImage(ctx, eng, home.State(), o.Image)
	if err != nil {
		return "", "", err
	}
	if eng.HasImage(ctx, image) {
		return cluster.KindProvider, fmt.Sprintf("kind: %s answers and has the node image (--cluster embedded needs neither)", eng.Name), nil
	}
	asked := o.askRegistry
	if asked == nil {
		asked = kind.InRegistry
	}
	if err := asked(ctx, image); err != nil {
		return cluster.EmbeddedProvider, fmt.Sprintf("embedded: %s answers but does not have %s, and %v (--cluster kind tries to pull it; `k8stutor bundle load FILE` brings it)", eng.Name, image, err), nil
	}
	return cluster.KindProvider, fmt.Sprintf("kind: %s answers and can pull the node image (--cluster embedded needs neither)", eng.Name), nil
}

func open(home cluster.Home, provider string, o Options) (cluster.Provider, error) {
	switch provider {
	case cluster.EmbeddedProvider:
		return embedded.New(home, o.Embedded)
	case cluster.KindProvider:
		return kind.New(home, o.Image, o.Images), nil
	default:
		return nil, fmt.Errorf("the record of cluster %q names the provider %q, which this version does not know", home.Name(), provider)
	}
}

package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
	"github.com/k8stutor/k8stutor/cluster/provider/kind"
)

// Choose opens the provider that Pick picks.
func (d Drivers) Choose(ctx context.Context, home cluster.Home, o Options) (p cluster.Provider, reason string, err error) {
	name, reason, err := d.Pick(ctx, home, o)
	if err != nil {
		return nil, "", err
	}
	p, err = d.open(home, name, o)
	return p, reason, err
}

// Pick returns the name of a provider. For Auto that is the one which made the
// cluster before, else the first that is usable. The reason says why, in one line
// for a person; it is empty when there was nothing to choose.
func (d Drivers) Pick(ctx context.Context, home cluster.Home, o Options) (name, reason string, err error) {
	made, err := home.Access()
	if err != nil && !errors.Is(err, cluster.ErrAbsent) {
		return "", "", err
	}
	name = made.Provider
	switch {
	case o.Want != "" && o.Want != Auto:
		if _, ok := d.find(o.Want); !ok {
			return "", "", fmt.Errorf("--cluster %q: use %s", o.Want, d.Choices())
		}
		if name != "" && name != o.Want {
			return "", "", fmt.Errorf("cluster %q was made by %s: use --cluster %s, another --name, or delete it first with `k8stutor cluster delete --name %s`", home.Name(), name, name, home.Name())
		}
		name = o.Want
	case name == "":
		return d.auto(ctx, home, o)
	}
	return name, "", nil
}

// auto takes the first provider that is usable, and says why and how to choose:
// what spoke against the one before it, or else what speaks for it.
func (d Drivers) auto(ctx context.Context, home cluster.Home, o Options) (name, reason string, err error) {
	for _, driver := range d {
		ok, why, err := driver.Usable(ctx, home, o)
		if err != nil {
			return "", "", err
		}
		if !ok || reason == "" {
			reason = why
		}
		if ok {
			return driver.Name, driver.Name + ": " + reason, nil
		}
	}
	return "", "", fmt.Errorf("no provider can make a cluster: %s", reason)
}

// kindUsable asks for a container engine that has the node image or can pull it.
func kindUsable(ctx context.Context, home cluster.Home, o Options) (ok bool, why string, err error) {
	eng, err := engine.Find(ctx)
	if err != nil {
		return false, fmt.Sprintf("%v (--cluster kind uses one)", err), nil
	}
	image, err := kind.UsableImage(ctx, eng, home.State(), o.Image)
	if err != nil {
		return false, "", err
	}
	if eng.HasImage(ctx, image) {
		return true, eng.Name + " answers and has the node image (--cluster embedded needs neither)", nil
	}
	asked := o.askRegistry
	if asked == nil {
		asked = kind.InRegistry
	}
	if err := asked(ctx, image); err != nil {
		return false, fmt.Sprintf("%s answers but does not have %s, and %v (--cluster kind tries to pull it; `k8stutor bundle load FILE` brings it)", eng.Name, image, err), nil
	}
	return true, eng.Name + " answers and can pull the node image (--cluster embedded needs neither)", nil
}

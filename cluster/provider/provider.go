// Package provider chooses who makes a cluster, and examines what a cluster
// needs of this machine. Each provider has a package of its own below this one;
// Known is the one place where they are listed.
package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/client-go/dynamic"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/embedded"
	"github.com/k8stutor/k8stutor/cluster/provider/kind"
)

// Auto stands for whichever provider is usable, where one is asked for by name.
const Auto = "auto"

// Options say which cluster is wanted.
type Options struct {
	Want     string // Auto or the name of a provider
	Embedded string // path of k8stutor-embedded; empty: look for it
	Image    string // kind's node image; empty: the one kind was released with
	Images   string // archive of the lessons' images for kind; empty: look for it

	// askRegistry reports whether an image can be pulled; nil: ask its registry.
	askRegistry func(ctx context.Context, image string) error
}

// Driver is what a provider has to offer.
type Driver struct {
	Name string

	// Open makes the provider for the cluster of home. It changes nothing.
	Open func(home cluster.Home, o Options) (cluster.Provider, error)

	// Usable reports whether Auto may make a new cluster with it, and says why
	// in a few words that follow the name of the provider that is taken.
	Usable func(ctx context.Context, home cluster.Home, o Options) (ok bool, why string, err error)

	// Ports returns what makes the NodePorts of a namespace answer on 127.0.0.1
	// until its context ends. It is nil where the cluster does so itself.
	Ports func(access cluster.Access) (PortForwarder, error)
}

// PortForwarder makes the NodePorts of a namespace answer on 127.0.0.1 until ctx
// ends.
type PortForwarder = func(ctx context.Context, client dynamic.Interface, namespace string)

// Drivers are the providers that there are. Auto takes the first that is usable.
type Drivers []Driver

// Known lists the providers of this program.
func Known() Drivers { return Drivers{kindDriver(), embeddedDriver()} }

func embeddedDriver() Driver {
	return Driver{
		Name: embedded.Name,
		Open: func(home cluster.Home, o Options) (cluster.Provider, error) { return embedded.New(home, o.Embedded) },
		Usable: func(context.Context, cluster.Home, Options) (bool, string, error) {
			return true, "it needs nothing", nil
		},
	}
}

func kindDriver() Driver {
	return Driver{
		Name: kind.Name,
		Open: func(home cluster.Home, o Options) (cluster.Provider, error) {
			return kind.New(home, o.Image, o.Images), nil
		},
		Usable: kindUsable,
		Ports:  func(access cluster.Access) (PortForwarder, error) { return kind.Ports(access) },
	}
}

// Names are the names of the providers, in alphabetical order.
func (d Drivers) Names() []string {
	names := make([]string, len(d))
	for i := range d {
		names[i] = d[i].Name
	}
	slices.Sort(names)
	return names
}

// Choices are Auto and the names, for a person: "auto, embedded or kind".
func (d Drivers) Choices() string {
	all := append([]string{Auto}, d.Names()...)
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// Ports returns what makes the NodePorts of the cluster answer on 127.0.0.1, nil
// where the cluster does so itself.
func (d Drivers) Ports(access cluster.Access) (PortForwarder, error) {
	driver, ok := d.find(access.Provider)
	if !ok || driver.Ports == nil {
		return nil, nil
	}
	return driver.Ports(access)
}

func (d Drivers) find(name string) (Driver, bool) {
	i := slices.IndexFunc(d, func(d Driver) bool { return d.Name == name })
	if i < 0 {
		return Driver{}, false
	}
	return d[i], true
}

func (d Drivers) open(home cluster.Home, name string, o Options) (cluster.Provider, error) {
	driver, ok := d.find(name)
	if !ok {
		return nil, fmt.Errorf("the record of cluster %q names the provider %q, which this version does not know", home.Name(), name)
	}
	return driver.Open(home, o)
}

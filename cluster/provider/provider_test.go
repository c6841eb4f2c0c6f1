package provider

import (
	"context"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/dynamic"

	"github.com/k8stutor/k8stutor/cluster"
)

// paper is a provider that is written down and nothing else.
type paper struct {
	cluster.Provider
	home cluster.Home
}

func (paper) Name() string { return "paper" }

// TestAddedProvider: one more entry is all that a new provider takes to be
// chosen by name, to be found again, and to have its NodePorts forwarded.
func TestAddedProvider(t *testing.T) {
	forwarded := ""
	drivers := append(Known(), Driver{
		Name: "paper",
		Open: func(home cluster.Home, _ Options) (cluster.Provider, error) { return paper{home: home}, nil },
		Usable: func(context.Context, cluster.Home, Options) (bool, string, error) {
			return true, "it is only paper", nil
		},
		Ports: func(a cluster.Access) (PortForwarder, error) {
			return func(context.Context, dynamic.Interface, string) { forwarded = a.Name }, nil
		},
	})
	if got := drivers.Names(); !slices.Equal(got, []string{"embedded", "kind", "paper"}) {
		t.Errorf("names: %v", got)
	}
	home, err := cluster.NewHome(t.TempDir(), "x")
	if err != nil {
		t.Fatal(err)
	}
	p, reason, err := drivers.Choose(t.Context(), home, Options{Want: "paper"})
	if err != nil || p.Name() != "paper" || reason != "" {
		t.Fatalf("by name: %v, %q, %v", p, reason, err)
	}
	if p, reason, err := drivers[2:].Choose(t.Context(), home, Options{Want: Auto}); err != nil || p.Name() != "paper" || reason != "paper: it is only paper" {
		t.Errorf("auto: %v, %q, %v", p, reason, err)
	}

	if err := home.Ensure(); err != nil {
		t.Fatal(err)
	}
	access := cluster.Access{Provider: "paper", Name: "x"}
	if err := home.Save(access); err != nil {
		t.Fatal(err)
	}
	if p, _, err := drivers.Choose(t.Context(), home, Options{Want: Auto}); err != nil || p.Name() != "paper" {
		t.Errorf("a cluster that it made: %v, %v", p, err)
	}
	if _, _, err := drivers.Choose(t.Context(), home, Options{Want: "embedded"}); err == nil || !strings.Contains(err.Error(), "was made by paper") {
		t.Errorf("another provider: %v", err)
	}
	if _, _, err := Known().Choose(t.Context(), home, Options{}); err == nil || !strings.Contains(err.Error(), `"paper", which this version does not know`) {
		t.Errorf("a version without it: %v", err)
	}
	if _, _, err := drivers.Choose(t.Context(), home, Options{Want: "scissors"}); err == nil || !strings.Contains(err.Error(), `--cluster "scissors"`) {
		t.Errorf("a provider that there is not: %v", err)
	}

	ports, err := drivers.Ports(access)
	if err != nil || ports == nil {
		t.Fatalf("ports: %v", err)
	}
	if ports(t.Context(), nil, "ns"); forwarded != "x" {
		t.Errorf("forwarded the ports of %q", forwarded)
	}
	if ports, err := drivers.Ports(cluster.Access{Provider: "embedded"}); err != nil || ports != nil {
		t.Errorf("the embedded cluster needs no forwarder: %v", err)
	}
}

// TestAutoSaysWhatSpokeAgainstIt: the reason is that of the provider which was
// passed over, else of the one that is taken.
func TestAutoSaysWhatSpokeAgainstIt(t *testing.T) {
	driver := func(name, why string, ok bool) Driver {
		return Driver{Name: name, Usable: func(context.Context, cluster.Home, Options) (bool, string, error) { return ok, why, nil }}
	}
	for _, tc := range []struct {
		drivers    Drivers
		name, want string
	}{
		{Drivers{driver("a", "a is there", true), driver("b", "b too", true)}, "a", "a: a is there"},
		{Drivers{driver("a", "no a", false), driver("b", "b is there", true)}, "b", "b: no a"},
		{Drivers{driver("a", "no a", false), driver("b", "no b", false)}, "", "no provider can make a cluster: no b"},
	} {
		name, reason, err := tc.drivers.auto(t.Context(), cluster.Home{}, Options{})
		if err != nil {
			reason = err.Error()
		}
		if name != tc.name || reason != tc.want {
			t.Errorf("got %q, %q; want %q, %q", name, reason, tc.name, tc.want)
		}
	}
}

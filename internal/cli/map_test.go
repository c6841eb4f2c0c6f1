package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider"
	"github.com/k8stutor/k8stutor/tui"
)

// withClusters is an app whose state folder has clusters, by name.
func withClusters(t *testing.T, providers map[string]string) *app {
	t.Helper()
	a := &app{state: filepath.Join(t.TempDir(), "state"), providers: provider.Known(), settings: settings{cluster: provider.Auto, name: cluster.DefaultName}}
	dir := filepath.Join(a.state, "clusters")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, provider := range providers {
		record := fmt.Sprintf(`{"provider": %q, "name": %q, "kubeconfig": "none", "context": "none"}`, provider, name)
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func TestMapClusters(t *testing.T) {
	tests := []struct {
		name, want string // want is --cluster
		there      map[string]string
		list       []tui.MapCluster
		chosen     int
	}{
		{"nothing yet", "auto", nil, []tui.MapCluster{{Provider: "auto"}, {Provider: "embedded"}, {Provider: "kind"}}, 0},
		{"nothing yet, asked for one", "kind", nil, []tui.MapCluster{{Provider: "auto"}, {Provider: "embedded"}, {Provider: "kind"}}, 2},
		{"one there", "auto", map[string]string{"default": "embedded"}, []tui.MapCluster{
			{Provider: "embedded", Name: "default"}, {Provider: "kind", Name: "kind", New: true},
		}, 0},
		{"both", "auto", map[string]string{"default": "embedded", "kind": "kind"}, []tui.MapCluster{
			{Provider: "embedded", Name: "default"}, {Provider: "kind", Name: "kind"},
		}, 0},
		{"the name is taken", "auto", map[string]string{"default": "embedded", "kind": "embedded"}, []tui.MapCluster{
			{Provider: "embedded", Name: "default"}, {Provider: "embedded", Name: "kind"},
		}, 0},
		{"another one there", "auto", map[string]string{"class": "kind"}, []tui.MapCluster{
			{Provider: "auto"}, {Provider: "embedded"}, {Provider: "kind"}, {Provider: "kind", Name: "class"},
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := withClusters(t, tt.there)
			a.settings.cluster = tt.want
			list, chosen, err := a.mapClusters()
			if err != nil || !slices.Equal(list, tt.list) || chosen != tt.chosen {
				t.Errorf("%+v, %d, %v; want %+v, %d", list, chosen, err, tt.list, tt.chosen)
			}
		})
	}
}

// TestChoiceIsKept: the next map begins with the cluster of the last one, unless
// another is asked for or that one is gone; the language stays when it was
// changed.
func TestChoiceIsKept(t *testing.T) {
	there := map[string]string{"default": "embedded", "class": "kind"}
	choice := tui.Choice{Lesson: "service", Lang: "zh-TW", Cluster: tui.MapCluster{Provider: "kind", Name: "class"}}
	tests := []struct {
		name, asked string
		provider    string
		gone        bool
		want        string
	}{
		{"goes on", "", "auto", false, "class"},
		{"asked for another", "default", "auto", false, "default"},
		{"gone", "", "auto", true, "default"},
		{"asked for its provider", "", "kind", false, "class"},
		{"asked for another provider", "", "embedded", false, "default"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := withClusters(t, there)
			a.choose(tui.Map{Lang: "en"}, choice)
			if tt.gone {
				if err := os.Remove(filepath.Join(a.state, "clusters", "class.json")); err != nil {
					t.Fatal(err)
				}
			}
			later := &app{state: a.state, settings: settings{cluster: tt.provider, name: cluster.DefaultName, named: tt.asked != ""}}
			if later = later.recall(); later.settings.name != tt.want {
				t.Errorf("the cluster %q, want %q", later.settings.name, tt.want)
			}
			if lang, err := later.lang(); err != nil || lang != "zh-TW" {
				t.Errorf("the language %q, %v", lang, err)
			}
			later.settings.lang = "en"
			if lang, err := later.lang(); err != nil || lang != "en" {
				t.Errorf("asked for English: %q, %v", lang, err)
			}
		})
	}
	a := withClusters(t, there)
	a.choose(tui.Map{Lang: "zh-TW"}, choice)
	if got := a.lastChoice(); got != (mapChoice{Name: "class"}) {
		t.Errorf("a language that was not changed is kept: %+v", got)
	}
}

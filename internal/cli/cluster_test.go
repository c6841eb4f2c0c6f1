package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider"
)

// paper is a provider whose clusters are a record and nothing else.
type paper struct{ home cluster.Home }

func (p paper) Name() string { return "paper" }

func (p paper) Up(_ context.Context, report cluster.Progress) (cluster.Access, error) {
	report(cluster.Phase{ID: "fold", Title: "Folding the paper", Done: true})
	if err := p.home.Ensure(); err != nil {
		return cluster.Access{}, err
	}
	a := cluster.Access{Provider: "paper", Name: p.home.Name(), Kubeconfig: "folded.yaml", Version: "v1.0.0", Server: "https://paper"}
	return a, p.home.Save(a)
}

func (p paper) Down(context.Context, cluster.Progress) error { return nil }

func (p paper) Delete(context.Context, cluster.Progress) error { return p.home.Forget() }

func (p paper) Status(context.Context) (cluster.Status, error) {
	a, err := p.home.Access()
	return cluster.Status{State: cluster.StateRunning, Access: a}, err
}

// TestAddedProvider: the commands know a provider by its entry in the list
// alone.
func TestAddedProvider(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		a := newApp(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out})
		a.state = state
		a.providers = append(a.providers, provider.Driver{
			Name: "paper",
			Open: func(home cluster.Home, _ provider.Options) (cluster.Provider, error) { return paper{home}, nil },
		})
		root := a.rootCmd()
		root.SetArgs(args)
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}
	for _, tc := range []struct {
		args string
		want []string
	}{
		{"--help", []string{"auto, embedded, kind or paper"}},
		{"--cluster paper cluster up", []string{"✓ Folding the paper", `cluster "default" (paper, Kubernetes v1.0.0) is up`, "kubeconfig: folded.yaml"}},
		{"cluster list", []string{"default  paper     v1.0.0   folded.yaml"}},
		{"cluster status", []string{`cluster "default": running`, "paper, Kubernetes v1.0.0 at https://paper"}},
		{"cluster kubeconfig", []string{"folded.yaml"}},
		{"cluster down", []string{`cluster "default" is paused`}},
		{"cluster delete", []string{`cluster "default" is deleted`}},
		{"cluster list", []string{"no clusters yet"}},
	} {
		out, err := run(strings.Fields(tc.args)...)
		if err != nil {
			t.Errorf("%s: %v\n%s", tc.args, err, out)
		}
		for _, want := range tc.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", tc.args, want, out)
			}
		}
	}
}

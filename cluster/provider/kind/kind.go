// Package kind runs clusters in containers, through kind as a library.
package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2/maybe"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
)

// Name is the name of the provider.
const Name = "kind"

// kindPrefix marks the clusters that are ours. No other cluster of the
// learner's is ever listed, changed or deleted.
const kindPrefix = "k8stutor-"

// kindReadyTime bounds the wait for a node to be ready, and that for a cluster
// to answer again after a pause.
const kindReadyTime = 3 * time.Minute

// Provider runs a cluster in containers, through kind as a library.
type Provider struct {
	home  cluster.Home
	image string

	lessonImages string // archive of the lessons' images; empty: look for it
}

// New makes the provider for the cluster of home. An empty image means the
// node image that kind was released with, an empty lessonImages to look for the
// archive of the lessons' images.
func New(home cluster.Home, image, lessonImages string) *Provider {
	return &Provider{home: home, image: image, lessonImages: lessonImages}
}

func NodeImage(want string) string {
	if want != "" {
		return want
	}
	return defaults.Image
}

// Name implements cluster.Provider.
func (k *Provider) Name() string { return Name }

func (k *Provider) cluster() string    { return kindPrefix + k.home.Name() }
func (k *Provider) kubeconfig() string { return filepath.Join(k.home.Dir(), "kubeconfig") }

// engineFile notes which engine the cluster was made with: another one that
// happens to answer knows nothing of it.
func (k *Provider) engineFile() string { return filepath.Join(k.home.Dir(), "engine") }

// kindUse is a kind provider on an engine that answers.
type kindUse struct {
	*kind.Provider
	engine engine.Engine
}

// open finds the engine that has the cluster, or else any that answers, and
// kind's own provider for it.
func (k *Provider) open(ctx context.Context, logger log.Logger) (kindUse, error) {
	made, err := os.ReadFile(k.engineFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return kindUse{}, err
	}
	eng, err := engine.FindOf(ctx, string(made), engine.CommandTime)
	switch {
	case err != nil && len(made) > 0:
		return kindUse{}, fmt.Errorf("kind: %w; cluster %q was made with it: start it again", err, k.home.Name())
	case err != nil:
		return kindUse{}, fmt.Errorf("kind: %w; start one, or use --cluster embedded", err)
	}
	return kindUse{kind.NewProvider(kind.ProviderWithLogger(logger), option(eng)), eng}, nil
}

// option makes kind use the engine.
func option(e engine.Engine) kind.ProviderOption {
	switch e.Name {
	case "nerdctl":
		return kind.ProviderWithNerdctl(e.Name)
	case "podman":
		return kind.ProviderWithPodman()
	default:
		return kind.ProviderWithDocker()
	}
}

// ForeignError says that there is a cluster of our name which was not made from
// this state folder. It is left alone.
type ForeignError struct{ Cluster, Engine string }

// Error says what can be done.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("there is a kind cluster %s in %s already, which was not made from this state folder: it is left alone; take another name with --name, or remove it with `kind delete cluster --name %[1]s`", e.Cluster, e.Engine)
}

// Up creates, resumes or joins the cluster.
func (k *Provider) Up(ctx context.Context, report cluster.Progress) (cluster.Access, error) {
	phases := &kindLogger{report: report}
	use, err := k.open(ctx, phases)
	if err != nil {
		return cluster.Access{}, err
	}
	release, err := k.home.Lock(ctx, "k8stutor cluster up", report)
	if err != nil {
		return cluster.Access{}, err
	}
	defer release()
	found, err := k.find(ctx, use)
	if err != nil {
		return cluster.Access{}, err
	}
	load, err := k.openLoad(use.Provider, report)
	if err != nil {
		return cluster.Access{}, err
	}
	loading, stopLoading := context.WithCancel(ctx)
	defer stopLoading()
	phases.report = load.observe(loading)
	access, upErr := k.bringUp(ctx, use, found, phases)
	phases.end(upErr)
	if upErr != nil {
		stopLoading()
	}
	if err := load.finish(loading, upErr); err != nil {
		if upErr == nil && found != kindMade && ctx.Err() != nil {
			err = errors.Join(err, k.cleanUp(use, report))
		}
		return cluster.Access{}, err
	}
	return access, k.home.Save(access)
}

// bringUp does what the state that was found asks for.
func (k *Provider) bringUp(ctx context.Context, use kindUse, found kindState, phases *kindLogger) (cluster.Access, error) {
	if found == kindUnfinished {
		// Its record was lost, or the one who made it crashed on the way.
		if a, err := k.adopt(ctx, use, phases.report); err == nil {
			return a, nil
		}
		if err := ctx.Err(); err != nil {
			return cluster.Access{}, fmt.Errorf("up was cancelled: %w", err)
		}
		if err := inPhase(phases.report, cluster.Phase{ID: "kind-leftover", Title: "Removing a half-made cluster"}, func() error { return k.remove(use) }); err != nil {
			return cluster.Access{}, err
		}
		found = kindAbsent
	}
	if found == kindAbsent {
		return k.create(ctx, use, phases)
	}
	return k.resume(ctx, use, phases.report)
}

// Down stops the node containers; their data stays in them.
func (k *Provider) Down(ctx context.Context, report cluster.Progress) error {
	release, err := k.home.Lock(ctx, "k8stutor cluster down", report)
	if err != nil {
		return err
	}
	defer release()
	use, err := k.open(ctx, log.NoopLogger{})
	if err != nil {
		return err
	}
	if _, err := k.find(ctx, use); err != nil {
		return err
	}
	nodes, err := use.ListNodes(k.cluster())
	if err != nil {
		return fmt.Errorf("kind: list nodes: %w", err)
	}
	return inPhase(report, cluster.Phase{ID: "kind-stop", Title: "Stopping the node"}, func() error {
		for _, n := range nodes {
			if err := use.engine.Run(ctx, "stop", n.String()); err != nil {
				return fmt.Errorf("kind: %w", err)
			}
		}
		return nil
	})
}

// Delete removes the node containers, our kubeconfig and the record.
func (k *Provider) Delete(ctx context.Context, report cluster.Progress) error {
	release, err := k.home.Lock(ctx, "k8stutor cluster delete", report)
	if err != nil {
		return err
	}
	defer release()
	use, err := k.open(ctx, log.NoopLogger{})
	if err != nil {
		return err
	}
	found, err := k.find(ctx, use)
	if err != nil {
		return err
	}
	if found != kindAbsent {
		if err := inPhase(report, cluster.Phase{ID: "kind-delete", Title: "Deleting the node"}, func() error { return k.remove(use) }); err != nil {
			return err
		}
	}
	return k.home.Forget()
}

// remove deletes the containers of a cluster that is ours.
func (k *Provider) remove(use kindUse) error {
	if err := use.Delete(k.cluster(), k.kubeconfig()); err != nil {
		return fmt.Errorf("kind: delete %s: %w", k.cluster(), withOutput(err))
	}
	return nil
}

// Status lists the node containers and whether they run and answer.
func (k *Provider) Status(ctx context.Context) (cluster.Status, error) {
	out := cluster.Status{State: cluster.StateAbsent, Access: cluster.Access{Provider: Name, Name: k.home.Name()}}
	use, err := k.open(ctx, log.NoopLogger{})
	if err != nil {
		return out, err
	}
	found, err := k.find(ctx, use)
	if err != nil || found == kindAbsent {
		return out, err
	}
	if a, err := k.home.Access(); err == nil {
		out.Access = a
	}
	nodes, err := use.ListNodes(k.cluster())
	if err != nil {
		return out, fmt.Errorf("kind: list nodes: %w", err)
	}
	out.State = cluster.StatePaused
	for _, n := range nodes {
		part := cluster.Part{Name: n.String(), State: "stopped"}
		if use.engine.Running(ctx, n.String()) {
			part.State, out.State = "running", cluster.StateRunning
		}
		out.Parts = append(out.Parts, part)
	}
	switch {
	case found == kindUnfinished:
		out.State, out.Error = cluster.StateBroken, "creating it was never finished; `k8stutor cluster up` removes and re-creates it"
	case out.State == cluster.StateRunning:
		if err := k.answers(ctx, answerTime); err != nil {
			out.State, out.Error = cluster.StateBroken, fmt.Sprintf("the node runs, but the API server does not answer: %v", err)
		}
	}
	return out, nil
}

// writeEngine notes the engine, before the first container is made.
func (k *Provider) writeEngine(name string) error {
	return maybe.WriteFile(k.engineFile(), []byte(name), 0o600)
}

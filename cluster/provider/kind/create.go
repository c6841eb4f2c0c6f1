package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	kindconfig "sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	kind "sigs.k8s.io/kind/pkg/cluster"
	kindexec "sigs.k8s.io/kind/pkg/exec"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/internal/disk"
	"github.com/k8stutor/k8stutor/cluster/internal/tail"
	"github.com/k8stutor/k8stutor/cluster/provider/engine"
)

// NodeSpace is the least room on the engine's disk with which a node comes up.
const NodeSpace = 2 << 30 // bytes

// create makes the cluster and waits until its node is ready. What fails or is
// cancelled on the way is undone.
func (k *Provider) create(ctx context.Context, use kindUse, phases *kindLogger) (cluster.Access, error) {
	image, err := UsableImage(ctx, use.engine, k.home.State(), k.image)
	if err != nil {
		return cluster.Access{}, err
	}
	if err := k.ensureImage(ctx, use.engine, image, phases.report); err != nil {
		return cluster.Access{}, err
	}
	if err := enoughSpace(ctx, use.engine); err != nil {
		return cluster.Access{}, err
	}
	config, err := k.config()
	if err != nil {
		return cluster.Access{}, err
	}
	if err := k.writeEngine(use.engine.Name); err != nil {
		return cluster.Access{}, fmt.Errorf("note the engine: %w", err)
	}
	if err := k.createNodes(ctx, use, image, config, phases.report); err != nil {
		return cluster.Access{}, err
	}
	var access cluster.Access
	err = inPhase(phases.report, cluster.Phase{ID: "kind-ready", Title: "Waiting for the node to be ready"}, func() error {
		access, err = k.waitNode(ctx)
		return err
	})
	if err != nil {
		return cluster.Access{}, errors.Join(err, k.cleanUp(use, phases.report))
	}
	return access, nil
}

// createNodes calls kind. Its Create takes no context, so when ctx ends the
// nodes are deleted under it, which makes it fail and return.
func (k *Provider) createNodes(ctx context.Context, use kindUse, image string, config *kindconfig.Cluster, report cluster.Progress) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("up was cancelled: %w", err)
	}
	created := make(chan error, 1)
	go func() { // ends with kind's call, which is waited for below
		created <- use.Create(k.cluster(),
			kind.CreateWithV1Alpha4Config(config),
			kind.CreateWithNodeImage(image),
			kind.CreateWithKubeconfigPath(k.kubeconfig()),
			// kind can't be stopped while it waits: waitNode waits.
			kind.CreateWithWaitForReady(0),
			kind.CreateWithDisplayUsage(false),
			kind.CreateWithDisplaySalutation(false))
	}()
	select {
	case err := <-created:
		return k.explain(ctx, use.engine, err)
	case <-ctx.Done():
	}
	return inPhase(report, cluster.Phase{ID: "kind-cleanup", Title: "Cleaning up"}, func() error {
		// A container that is deleted while kind makes it may come after; so
		// again until kind has ended, and once more.
		again := time.NewTicker(2 * time.Second)
		defer again.Stop()
		for {
			_ = k.remove(use)
			select {
			case <-created: //nolint:errcheck // what kind says of a create that was cancelled helps nobody
				if err := k.remove(use); err != nil {
					return fmt.Errorf("up was cancelled, but undoing it failed: %w", err)
				}
				return fmt.Errorf("up was cancelled: %w", errors.Join(ctx.Err(), k.home.Forget()))
			case <-again.C:
			}
		}
	})
}

// cleanUp removes what a failed or cancelled Up has made.
func (k *Provider) cleanUp(use kindUse, report cluster.Progress) error {
	return inPhase(report, cluster.Phase{ID: "kind-cleanup", Title: "Cleaning up"}, func() error {
		if err := k.remove(use); err != nil {
			return err
		}
		return k.home.Forget()
	})
}

// explain says in the learner's terms why kind failed; nil stays nil.
func (k *Provider) explain(ctx context.Context, eng engine.Engine, err error) error {
	if err == nil {
		return nil
	}
	err = withOutput(err)
	switch text := err.Error(); {
	case eng.Run(ctx, "ps", "--quiet") != nil:
		return fmt.Errorf("kind: %s stopped answering while the cluster was made; start it and try again: what is half made is removed first (%w)", eng.Name, err)
	case strings.Contains(text, "no space left on device"):
		return fmt.Errorf("kind: the disk of %s is full; free some space, for instance with `%[1]s system prune`, and try again (%w)", eng.Name, err)
	case strings.Contains(text, "address already in use"), strings.Contains(text, "port is already allocated"):
		return fmt.Errorf("kind: the port that was chosen for the API server was taken meanwhile; try again (%w)", err)
	default:
		return fmt.Errorf("kind: create the cluster: %w", err)
	}
}

// withOutput adds to the error of a command that kind ran why it failed, which is
// in what it wrote, and not in kind's error.
func withOutput(err error) error {
	run := kindexec.RunErrorForError(err)
	if run == nil {
		return err
	}
	said := tail.Lines(run.Output)
	// kubeadm's reason stands before a stack, docker's before a word on its help.
	for _, line := range slices.Backward(strings.Split(string(run.Output), "\n")) {
		if strings.HasPrefix(strings.ToLower(line), "error") {
			said = line
			break
		}
	}
	if said == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, said)
}

// ensureImage pulls the node image unless the engine has it.
func (k *Provider) ensureImage(ctx context.Context, eng engine.Engine, image string, report cluster.Progress) error {
	if eng.HasImage(ctx, image) {
		return nil
	}
	phase := cluster.Phase{ID: "kind-image", Title: "Pulling the node image", Detail: engine.ShortImage(image)}
	began := time.Now()
	report(phase)
	err := eng.Pull(ctx, image, func(detail string) {
		phase.Detail, phase.Elapsed = detail, time.Since(began)
		report(phase)
	})
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("up was cancelled: %w", ctx.Err())
	case err != nil:
		err = fmt.Errorf("kind: the node image is missing and can't be pulled: %w; check the network and the proxy of %s, bring it with `k8stutor bundle load FILE`, name one that is there with --image, or use --cluster embedded", err, eng.Name)
	}
	phase.Done, phase.Err, phase.Elapsed = true, err, time.Since(began)
	report(phase)
	return err
}

// enoughSpace refuses to begin on a disk that is almost full: there kind fails
// late, and with something else's error. Where the engine's folder can't be
// seen (a virtual machine has it) the errors must do.
func enoughSpace(ctx context.Context, eng engine.Engine) error {
	dir, err := eng.DataDir(ctx)
	if err != nil || dir == "" {
		return nil
	}
	free, err := disk.Free(dir)
	if err != nil || free >= NodeSpace {
		return nil
	}
	return fmt.Errorf("kind: the disk of %s is almost full: %d MB are free at %s, a node needs %d MB; free some space, for instance with `%[1]s system prune`, or use --cluster embedded", eng.Name, free>>20, dir, NodeSpace>>20)
}

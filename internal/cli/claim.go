package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

// opened is what a command needs before the cluster is up.
type opened struct {
	home     cluster.Home
	at       place
	seed     int // of the case of at.step, 0 when none was asked for
	progress *lessons.Progress
	lang     string
	release  func()
}

// open claims the cluster for one user at a time and finds the lesson.
func (a *app) open(cmd *cobra.Command, args []string, who string) (*opened, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	lang, err := a.lang()
	if err != nil {
		return nil, err
	}
	if len(args) > 0 { // a mistake in the name needs no state folder
		all, err := a.lessons()
		if err != nil {
			return nil, err
		}
		if _, err := find(all, args[0]); err != nil {
			return nil, err
		}
	}
	release, err := home.Use(who)
	var held *cluster.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("%w: go on there, end it, or take another cluster with --name", err)
	}
	if err != nil {
		return nil, err
	}
	o := &opened{home: home, lang: lang, release: release}
	if o.progress, err = a.progress(cmd); err == nil {
		o.at, err = a.current(args, o.progress)
	}
	if err == nil {
		o.seed, err = seedOf(cmd, o.at)
	}
	if err != nil {
		release()
		return nil, err
	}
	return o, nil
}

// begin brings the cluster up and begins the lesson. When that fails or is
// cancelled and the cluster is new, it is deleted again.
func (a *app) begin(cmd *cobra.Command, o *opened, report cluster.Progress) (*lesson, cluster.Access, error) {
	ctx := cmd.Context()
	_, err := o.home.Access()
	isNew := errors.Is(err, cluster.ErrAbsent)
	p, _, err := a.provider(cmd)
	if err != nil {
		return nil, cluster.Access{}, err
	}
	report, noted := a.paced(startKind(p, isNew), report)
	access, err := p.Up(ctx, report)
	if err != nil {
		return nil, access, fmt.Errorf("cluster %q did not come up: %w", o.home.Name(), err)
	}
	began := time.Now()
	phase := cluster.Phase{ID: "lesson", Title: "Preparing the lesson"}
	report(phase)
	l, err := a.openLesson(ctx, o, access, false)
	phase.Done, phase.Err, phase.Elapsed = true, err, time.Since(began)
	report(phase)
	if err != nil {
		if isNew && ctx.Err() != nil {
			err = errors.Join(err, p.Delete(context.WithoutCancel(ctx), report))
		}
		return nil, access, err
	}
	noted()
	return l, access, nil
}

// headless opens a lesson on the cluster, which must run already. With stay
// the cluster must be at the step that args name: entering another empties the
// namespace, which a question must not do.
func (a *app) headless(cmd *cobra.Command, args []string, who string, stay bool) (*lesson, func(), error) {
	o, err := a.open(cmd, args, who)
	if err != nil {
		return nil, nil, err
	}
	l, err := a.headlessLesson(cmd, o, stay)
	if err != nil {
		o.release()
		return nil, nil, err
	}
	return l, func() { l.Close(); o.release() }, nil
}

func (a *app) headlessLesson(cmd *cobra.Command, o *opened, stay bool) (*lesson, error) {
	access, err := o.home.Access()
	if err != nil {
		return nil, err
	}
	world, err := space.NewClient(access)
	if err != nil {
		return nil, err
	}
	if _, err := world.Version(cmd.Context()); err != nil {
		return nil, fmt.Errorf("cluster %q does not answer at %s: bring it up with `k8stutor cluster up`", o.home.Name(), access.Server)
	}
	l, err := a.openLesson(cmd.Context(), o, access, stay)
	if err != nil {
		return nil, err
	}
	if err := l.awaitTurn(cmd.Context(), 1); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

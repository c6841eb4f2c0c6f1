package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/space"
	"github.com/k8stutor/k8stutor/lessons"
)

// claim is what a command needs before the cluster is up.
type claim struct {
	home     cluster.Home
	at       place
	seed     int // of the case of at.step, 0 when none was asked for
	progress *lessons.Progress
	lang     string
	release  func()
}

// open claims the cluster for one user at a time and finds the lesson.
func (a *app) open(to placeFlags, who string) (*claim, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	lang, err := a.lang()
	if err != nil {
		return nil, err
	}
	if to.name != "" { // a mistake in the name needs no state folder
		all, err := a.lessons()
		if err != nil {
			return nil, err
		}
		if _, err := find(all, to.name); err != nil {
			return nil, err
		}
	}
	release, err := home.Use(who)
	var held *cluster.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("%w: continue there, end it, or use another cluster with --name", err)
	}
	if err != nil {
		return nil, err
	}
	o := &claim{home: home, lang: lang, release: release}
	if o.progress, err = a.progress(); err == nil {
		o.at, err = a.current(to.name, o.progress)
	}
	if err == nil {
		o.seed, err = to.seedAt(o.at)
	}
	if err != nil {
		release()
		return nil, err
	}
	return o, nil
}

// begin brings the cluster up and begins the lesson. When that fails or is
// cancelled and the cluster is new, it is deleted again.
func (a *app) begin(ctx context.Context, o *claim, report cluster.Progress) (*liveLesson, cluster.Access, error) {
	_, err := o.home.Access()
	isNew := errors.Is(err, cluster.ErrAbsent)
	p, _, err := a.provider(ctx)
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
// the cluster must be at the step that is named: entering another empties the
// namespace, which a question must not do.
func (a *app) headless(ctx context.Context, to placeFlags, who string, stay bool) (*liveLesson, func(), error) {
	o, err := a.open(to, who)
	if err != nil {
		return nil, nil, err
	}
	l, err := a.headlessLesson(ctx, o, stay)
	if err != nil {
		o.release()
		return nil, nil, err
	}
	return l, func() { l.Close(); o.release() }, nil
}

func (a *app) headlessLesson(ctx context.Context, o *claim, stay bool) (*liveLesson, error) {
	access, err := o.home.Access()
	if err != nil {
		return nil, err
	}
	world, err := space.NewClient(access)
	if err != nil {
		return nil, err
	}
	if _, err := world.Version(ctx); err != nil {
		return nil, fmt.Errorf("cluster %q does not answer at %s: bring it up with `k8stutor cluster up`", o.home.Name(), access.Server)
	}
	l, err := a.openLesson(ctx, o, access, stay)
	if err != nil {
		return nil, err
	}
	if err := l.awaitTurn(ctx, 1); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/internal/cli/trim"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui"
)

// trimAfter is when what the start needed is given back: once the first pictures
// have been drawn.
const trimAfter = 10 * time.Second

// screen runs the terminal screen.
func (a *app) screen(ctx context.Context, o *claim) error {
	trim.Memory() // all lessons have been read and compiled
	// The screen owns the terminal: what would go to stderr waits for its end.
	var later strings.Builder
	defer func() { fmt.Fprint(a.io.ErrOut, later.String()) }()
	quiet := *a
	quiet.io.ErrOut = &later

	err := tui.Run(ctx, tui.Options{
		Lang: o.lang, Keys: a.settings.keys, Layout: a.layout(), SaveLayout: a.saveLayout, TourSeen: a.tourSeen(), Charset: charset(o.lang, os.Getenv),
		Start: func(ctx context.Context, report cluster.Progress) (*tui.Running, error) {
			return quiet.running(ctx, o, report)
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(&later, "Cluster %q keeps running. `k8stutor start` continues where you left off; `k8stutor cluster down` pauses it.\n", o.home.Name())
	return nil
}

// running begins and returns what a screen needs of it.
func (a *app) running(ctx context.Context, o *claim, report cluster.Progress) (*tui.Running, error) {
	l, access, err := a.begin(ctx, o, report)
	if err != nil {
		return nil, err
	}
	inspect, err := inspector(access)
	if err != nil {
		l.Close()
		return nil, err
	}
	follow, err := logFollower(access)
	if err != nil {
		l.Close()
		return nil, err
	}
	trim := time.AfterFunc(trimAfter, trim.Memory)
	ns := o.at.lesson.Namespace()
	return &tui.Running{
		Inspect: inspect, Follow: follow,
		Access: access, Title: o.at.lesson.Text(o.lang).Title, Session: l.session, View: l.session.View(), Namespace: ns,
		Resources: watched(o.at.lesson, ns),
		Shell: tui.ShellSpec{
			Argv: learnerShell(), Env: a.shellEnv(l, o), Dir: l.dir,
			Export: a.export(l.kubeconfig),
		},
		Close: func() {
			trim.Stop()
			l.Close()
		},
	}, nil
}

// shellEnv is the environment of the learner's shell.
func (a *app) shellEnv(l *liveLesson, o *claim) []string {
	set := kubectlEnv(l.kubeconfig, a.state)
	set["PATH"] = l.path
	set["NAMESPACE"] = l.lesson.Namespace()
	set["K8STUTOR_LESSON"] = l.lesson.Name()
	set["K8STUTOR_NAME"] = o.home.Name()
	return mergeEnv(os.Environ(), set)
}

// watched lists the resources of the lesson, for the cluster pane.
func watched(l *lessons.Lesson, ns string) []schema.GroupVersionResource {
	var out []schema.GroupVersionResource
	for _, spec := range l.WatchSpecs(ns) {
		if !slices.Contains(out, spec.Resource) {
			out = append(out, spec.Resource)
		}
	}
	return out
}

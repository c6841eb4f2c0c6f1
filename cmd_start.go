package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui"
)

func (a *app) startCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "start [LESSON[/STEP]]",
		Short: "Open the screen: lesson, cluster and shell",
		Long: `Brings the practice cluster up and opens a lesson on it: the one that is named,
or the one where you were. Naming a step other than the one you are at begins
that step anew, in an emptied namespace.

Without a terminal it brings the cluster up, prints the current step as plain
text and ends; go on with kubectl and "k8stutor check".

With --plain the lesson is a conversation in lines of text: no panes, no
colours, no cursor movement, for screen readers and for logs.`,
		Args:              atMostOnePlace,
		ValidArgsFunction: a.completePlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			if onTerminal() && !a.v.GetBool("plain") {
				err := a.startOnScreen(cmd, args)
				if errors.Is(err, tui.ErrMap) {
					return a.browse(cmd.Root()) // without this command's flags
				}
				return err
			}
			o, err := a.open(cmd, args, "k8stutor start")
			if err != nil {
				return err
			}
			defer o.release()
			if a.v.GetBool("plain") {
				return a.plain(cmd, o)
			}
			l, access, err := a.begin(cmd, o, phaseLines(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer l.Close()
			if err := l.awaitTurn(cmd.Context(), 1); err != nil {
				return err
			}
			printStep(cmd.OutOrStdout(), l, access)
			return nil
		},
	}
	seedFlag(c)
	c.Flags().Bool("plain", false, "no panes: the lesson line by line, for screen readers and logs")
	return c
}

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

// screen runs the terminal screen.
func (a *app) screen(cmd *cobra.Command, o *opened) error {
	trimMemory() // all lessons have been read and compiled
	// The screen owns the terminal: what would go to stderr waits for its end.
	var later strings.Builder
	stderr := cmd.ErrOrStderr()
	defer func() { fmt.Fprint(stderr, later.String()) }()

	err := tui.Run(cmd.Context(), tui.Options{
		Lang: o.lang, Keys: a.keys, Layout: a.layout(), SaveLayout: a.saveLayout, TourSeen: a.tourSeen(), Charset: charset(o.lang, os.Getenv),
		Start: func(ctx context.Context, report cluster.Progress) (*tui.Running, error) {
			inner := *cmd
			inner.SetContext(ctx)
			inner.SetErr(&later)
			return a.running(&inner, o, report)
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(&later, "The cluster %q keeps running. `k8stutor start` goes on where you were; `k8stutor cluster down` pauses it.\n", o.home.Name())
	return nil
}

// running begins and returns what a screen needs of it.
func (a *app) running(cmd *cobra.Command, o *opened, report cluster.Progress) (*tui.Running, error) {
	l, access, err := a.begin(cmd, o, report)
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
	trim := time.AfterFunc(trimAfter, trimMemory)
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
func (a *app) shellEnv(l *lesson, o *opened) []string {
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

func workingDir() string {
	if dir, err := os.Getwd(); err == nil {
		return dir
	}
	return "/"
}

// printStep prints a step for someone without the screen.
func printStep(w io.Writer, l *lesson, access cluster.Access) {
	u := l.latest
	name := u.Lesson + "/" + u.Step
	fmt.Fprintf(w, "\n%s, step %d of %d (%s)\n\n# %s\n\n%s\n\n", l.lesson.Text(l.lang).Title, u.Index+1, u.Count, name, u.Text.Title, strings.TrimSpace(u.Text.Body))
	printOutcome(w, outcomeOf(u))
	self := "k8stutor"
	if exe, err := os.Executable(); err == nil {
		if _, lookErr := exec.LookPath(self); lookErr != nil {
			self = exe
		}
	}
	fmt.Fprintf(w, `
To go on without the screen:
  export KUBECONFIG=%s%s
  kubectl get pods                  (or: %s --name %s kubectl …)
  %s check %s --watch
`, l.kubeconfig, l.enter(), self, access.Name, self, name)
}

// printOutcome prints the checks, and why each is not met yet.
func printOutcome(w io.Writer, o lessons.Outcome) {
	marks := map[lessons.Verdict]string{lessons.Met: "✓", lessons.Converging: "◐", lessons.Unmet: "○", lessons.Violated: "✗"}
	for _, c := range o.Checks {
		fmt.Fprintf(w, "%s %s\n", marks[c.Verdict], c.Title)
		if c.Question != "" && c.Verdict != lessons.Met {
			fmt.Fprintf(w, "    ? %s\n", c.Question)
			for _, option := range c.Options {
				fmt.Fprintf(w, "      - %s\n", option)
			}
		}
		for _, why := range c.Why {
			fmt.Fprintf(w, "    %s\n", why)
		}
	}
	if o.Problem != "" {
		fmt.Fprintf(w, "! %s\n", o.Problem)
	}
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	"sigs.k8s.io/kind/pkg/log"
)

// kindPrefix marks the clusters that are ours. No other cluster of the
// learner's is ever listed, changed or deleted.
const kindPrefix = "k8stutor-"

const kindReadyTime = 3 * time.Minute

// Kind runs a cluster in containers, through kind as a library. What needs a
// container engine has only been compiled so far: no engine runs where this
// was written.
type Kind struct {
	home  Home
	image string

	lessonImages string // archive of the lessons' images; empty: look for it
}

// NewKind makes the provider for the cluster of home. An empty image means the
// node image that kind was released with.
func NewKind(home Home, image string) *Kind {
	return &Kind{home: home, image: nodeImage(image)}
}

func nodeImage(want string) string {
	if want != "" {
		return want
	}
	return defaults.Image
}

func (k *Kind) cluster() string    { return kindPrefix + k.home.Name() }
func (k *Kind) kubeconfig() string { return filepath.Join(k.home.Dir(), "kubeconfig") }

// open finds an engine that answers and kind's own provider for it.
func (k *Kind) open(ctx context.Context, logger log.Logger) (*kind.Provider, engine, error) {
	eng, err := findEngine(ctx)
	if err != nil {
		return nil, engine{}, fmt.Errorf("kind: %w; start one, or use --cluster embedded", err)
	}
	return kind.NewProvider(kind.ProviderWithLogger(logger), eng.option), eng, nil
}

// Up creates, resumes or joins the cluster.
func (k *Kind) Up(ctx context.Context, report Progress) (Access, error) {
	phases := &kindLogger{report: report}
	p, eng, err := k.open(ctx, phases)
	if err != nil {
		return Access{}, err
	}
	release, err := k.home.lock(ctx, "k8stutor cluster up", report)
	if err != nil {
		return Access{}, err
	}
	defer release()
	load, err := k.openLoad(p, report)
	if err != nil {
		return Access{}, err
	}
	phases.report = load.observe(ctx)
	nodes, err := p.ListNodes(k.cluster())
	if err != nil {
		return Access{}, load.finish(ctx, fmt.Errorf("kind: list nodes: %w", err))
	}
	if len(nodes) == 0 {
		if k.image, err = usableImage(ctx, eng, k.home.state, k.image); err == nil {
			err = k.create(ctx, p)
		}
	} else {
		for _, n := range nodes {
			if err = eng.run(ctx, "start", n.String()); err != nil {
				break
			}
		}
		if err == nil {
			// The engine may have given the API server another port.
			err = p.ExportKubeConfig(k.cluster(), k.kubeconfig(), false)
		}
	}
	phases.end(err)
	if err := load.finish(ctx, err); err != nil {
		return Access{}, err
	}
	return k.access(ctx)
}

// create makes the cluster. kind's Create can't be cancelled, so when ctx ends
// the nodes are deleted under it, which makes it fail and return.
func (k *Kind) create(ctx context.Context, p *kind.Provider) error {
	done := make(chan error, 1)
	go func() {
		done <- p.Create(k.cluster(),
			kind.CreateWithNodeImage(k.image),
			kind.CreateWithKubeconfigPath(k.kubeconfig()),
			kind.CreateWithWaitForReady(kindReadyTime),
			kind.CreateWithDisplayUsage(false),
			kind.CreateWithDisplaySalutation(false))
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("kind: create the cluster: %w", err)
		}
		return nil
	case <-ctx.Done():
		first := p.Delete(k.cluster(), k.kubeconfig())
		created := <-done
		// Create may have made a node after the first deletion.
		if err := p.Delete(k.cluster(), k.kubeconfig()); err != nil {
			return fmt.Errorf("kind: undo: %w", errors.Join(first, created, err))
		}
		return fmt.Errorf("up was cancelled: %w", ctx.Err())
	}
}

// access waits until the API server answers and records how it is reached.
func (k *Kind) access(ctx context.Context) (Access, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", k.kubeconfig())
	if err != nil {
		return Access{}, fmt.Errorf("kind: read our kubeconfig: %w", err)
	}
	client, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return Access{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, kindReadyTime)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := client.ServerVersion()
		if err == nil {
			a := Access{
				Provider: "kind", Name: k.home.Name(), Kubeconfig: k.kubeconfig(),
				Context: "kind-" + k.cluster(), Server: cfg.Host, Version: v.GitVersion, NodeHost: "127.0.0.1",
			}
			return a, k.home.saveAccess(a)
		}
		select {
		case <-ctx.Done():
			return Access{}, fmt.Errorf("kind: the API server at %s does not answer: %w", cfg.Host, err)
		case <-tick.C:
		}
	}
}

// Down stops the node containers; their data stays in them.
func (k *Kind) Down(ctx context.Context, report Progress) error {
	release, err := k.home.lock(ctx, "k8stutor cluster down", report)
	if err != nil {
		return err
	}
	defer release()
	p, eng, err := k.open(ctx, log.NoopLogger{})
	if err != nil {
		return err
	}
	nodes, err := p.ListNodes(k.cluster())
	if err != nil {
		return fmt.Errorf("kind: list nodes: %w", err)
	}
	for _, n := range nodes {
		if err := eng.run(ctx, "stop", n.String()); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes the node containers and our kubeconfig.
func (k *Kind) Delete(ctx context.Context, report Progress) error {
	release, err := k.home.lock(ctx, "k8stutor cluster delete", report)
	if err != nil {
		return err
	}
	defer release()
	p, _, err := k.open(ctx, log.NoopLogger{})
	if err != nil {
		return err
	}
	if err := p.Delete(k.cluster(), k.kubeconfig()); err != nil {
		return fmt.Errorf("kind: delete %s: %w", k.cluster(), err)
	}
	return k.home.forget()
}

// Status lists the node containers and whether they run.
func (k *Kind) Status(ctx context.Context) (Status, error) {
	out := Status{State: StateAbsent, Access: Access{Provider: "kind", Name: k.home.Name()}}
	p, eng, err := k.open(ctx, log.NoopLogger{})
	if err != nil {
		return out, err
	}
	nodes, err := p.ListNodes(k.cluster())
	if err != nil {
		return out, fmt.Errorf("kind: list nodes: %w", err)
	}
	if len(nodes) == 0 {
		return out, nil
	}
	if a, err := k.home.Access(); err == nil {
		out.Access = a
	}
	out.State = StatePaused
	for _, n := range nodes {
		running := eng.running(ctx, n.String())
		state := "stopped"
		if running {
			state, out.State = "running", StateRunning
		}
		out.Parts = append(out.Parts, Part{Name: n.String(), State: state})
	}
	return out, nil
}

// Load puts the images of a docker-archive or OCI tarball into every node.
func (k *Kind) Load(ctx context.Context, archive string) error {
	p, _, err := k.open(ctx, log.NoopLogger{})
	if err != nil {
		return err
	}
	nodes, err := p.ListInternalNodes(k.cluster())
	if err != nil {
		return fmt.Errorf("kind: list nodes: %w", err)
	}
	for _, n := range nodes {
		f, err := os.Open(archive)
		if err != nil {
			return err
		}
		err = nodeutils.LoadImageArchive(n, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("kind: load %s into %s: %w", archive, n, err)
		}
	}
	return nil
}

// kindLogger makes phases of what kind says to people: " • X  ..." begins a
// phase, " ✓ X" ends it well, " ✗ X" badly. kind calls it from several
// goroutines.
type kindLogger struct {
	report Progress

	mu    sync.Mutex
	now   Phase
	began time.Time
}

func (l *kindLogger) say(msg string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	msg = strings.TrimSpace(msg)
	mark, title, _ := strings.Cut(msg, " ")
	title = strings.TrimSpace(strings.TrimSuffix(title, "..."))
	switch mark {
	case "•":
		l.began = time.Now()
		l.now = Phase{ID: kindPhaseID(title), Title: title}
		l.report(l.now)
	case "✓", "✗":
		l.finish(nil)
	}
}

// finish ends the phase that runs, if one does. The caller holds mu.
func (l *kindLogger) finish(err error) {
	if l.now.ID == "" {
		return
	}
	l.now.Done, l.now.Err, l.now.Elapsed = true, err, time.Since(l.began)
	l.report(l.now)
	l.now = Phase{}
}

// end closes a phase that kind left open because it failed.
func (l *kindLogger) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finish(err)
}

// kindPhaseID makes "kind-preparing-nodes" of "Preparing nodes 📦".
func kindPhaseID(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return r < 'a' || r > 'z' })
	return strings.Join(slices.Insert(words, 0, "kind"), "-")
}

func (l *kindLogger) detail(msg string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now.ID == "" {
		return
	}
	l.now.Detail, l.now.Elapsed = strings.TrimSpace(msg), time.Since(l.began)
	l.report(l.now)
}

func (l *kindLogger) Warn(m string)             { l.detail(m) }
func (l *kindLogger) Warnf(f string, a ...any)  { l.detail(fmt.Sprintf(f, a...)) }
func (l *kindLogger) Error(m string)            { l.detail(m) }
func (l *kindLogger) Errorf(f string, a ...any) { l.detail(fmt.Sprintf(f, a...)) }
func (l *kindLogger) V(level log.Level) log.InfoLogger {
	if level > 0 {
		return log.NoopInfoLogger{}
	}
	return kindInfo{l}
}

type kindInfo struct{ l *kindLogger }

func (i kindInfo) Info(m string)            { i.l.say(m) }
func (i kindInfo) Infof(f string, a ...any) { i.l.say(fmt.Sprintf(f, a...)) }
func (i kindInfo) Enabled() bool            { return true }

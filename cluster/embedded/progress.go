package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Phases of up, in order, and of down and delete.
const (
	phasePrepare      = "prepare"
	phaseControlPlane = "control-plane"
	phaseNode         = "node"
	phaseSystem       = "system"
	phaseStop         = "stop"
	phaseDelete       = "delete"
	phaseRollback     = "rollback"
)

// phaseLine is one line of progress; cluster.Phase of the main module is made
// from it.
type phaseLine struct {
	Phase     string `json:"phase"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	Done      bool   `json:"done"`
	ElapsedMs int64  `json:"elapsedMs"`
	Err       string `json:"err"`
}

// accessLine is the last line of up.
type accessLine struct {
	Access access `json:"access"`
}

// access is cluster.Access of the main module.
type access struct {
	Provider   string `json:"provider"`
	Name       string `json:"name"`
	Kubeconfig string `json:"kubeconfig"`
	Context    string `json:"context"`
	Server     string `json:"server"`
	Version    string `json:"version"`
	NodeHost   string `json:"nodeHost"`
	AuditLog   string `json:"auditLog,omitempty"`
}

// reporter writes progress, as JSON lines or for a person. Its methods are safe
// for concurrent use.
type reporter struct {
	out  io.Writer
	json bool

	mu sync.Mutex
}

func newReporter(out io.Writer, format string) (*reporter, error) {
	switch format {
	case "json", "text":
		return &reporter{out: out, json: format == "json"}, nil
	}
	return nil, fmt.Errorf("--progress %q is not known: take json or text", format)
}

// phase is a phase that has begun.
type phase struct {
	r     *reporter
	line  phaseLine
	began time.Time
}

func (r *reporter) begin(id, title string) *phase {
	p := &phase{r: r, line: phaseLine{Phase: id, Title: title}, began: time.Now()}
	p.write()
	return p
}

// detail says what is happening just now. The same detail again is not written.
func (p *phase) detail(text string) {
	if text == p.line.Detail {
		return
	}
	p.line.Detail = text
	p.write()
}

// end closes the phase, as failed when err is not nil, and returns err.
func (p *phase) end(err error) error {
	p.line.Done = true
	if err != nil {
		p.line.Err = err.Error()
	} else {
		p.line.Detail = ""
	}
	p.write()
	return err
}

func (p *phase) write() {
	elapsed := time.Since(p.began)
	p.line.ElapsedMs = elapsed.Milliseconds()
	if p.r.json {
		p.r.writeJSON(p.line)
		return
	}
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	switch {
	case p.line.Err != "":
		// The error itself follows on standard error.
		_, _ = fmt.Fprintf(p.r.out, "✗ %s (%.1f s)\n", p.line.Title, elapsed.Seconds())
	case p.line.Done:
		_, _ = fmt.Fprintf(p.r.out, "✓ %s (%.1f s)\n", p.line.Title, elapsed.Seconds())
	case p.line.Detail != "":
		_, _ = fmt.Fprintf(p.r.out, "    %s\n", p.line.Detail)
	default:
		_, _ = fmt.Fprintf(p.r.out, "• %s\n", p.line.Title)
	}
}

// access writes the last line: how the cluster is reached.
func (r *reporter) access(a access) {
	if r.json {
		r.writeJSON(accessLine{Access: a})
		return
	}
	_, _ = fmt.Fprintf(r.out, "\nThe cluster %s runs. To use it:\n\n  export KUBECONFIG=%s\n  kubectl get nodes\n", a.Name, a.Kubeconfig)
}

func (r *reporter) writeJSON(v any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Whoever reads may have gone; up goes on, and its exit code tells.
	_ = json.NewEncoder(r.out).Encode(v)
}

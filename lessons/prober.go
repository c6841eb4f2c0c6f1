package lessons

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/k8stutor/k8stutor/cluster/space"
)

// probeTimeout is when a request counts as failed. It is longer than any
// sensible answer of a lesson's application.
const probeTimeout = 5 * time.Second

// probe asks the step's Service at its rate until ctx ends. Requests don't
// wait for one another, so that a slow one does not hide a failure; there are
// never more under way than the rate.
func (s *Session) probe(ctx context.Context, t Traffic) {
	var flights sync.WaitGroup
	defer flights.Wait()
	slots := make(chan struct{}, t.Rate)
	tick := time.NewTicker(time.Second / time.Duration(t.Rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case slots <- struct{}{}:
		default:
			continue
		}
		flights.Go(func() {
			defer func() { <-slots }()
			p, ok := s.ask(ctx, t)
			if !ok {
				return
			}
			select {
			case s.probes <- p:
			case <-ctx.Done():
			}
		})
	}
}

// ask sends one request; false when it says nothing about the Service, because
// the API server itself could not be reached.
func (s *Session) ask(ctx context.Context, t Traffic) (Probe, bool) {
	asking, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p := Probe{At: time.Now()}
	reply, err := s.env.Probe(asking, t.Service, string(t.Port), t.Path)
	if ctx.Err() != nil {
		return p, false
	}
	p.Status = reply.Code
	switch {
	case err != nil && errors.Is(asking.Err(), context.DeadlineExceeded):
		p.Err = "no answer within " + probeTimeout.String()
	case err != nil && reply.Code == 0:
		return p, false
	case err != nil:
		p.Err = probeReason(err.Error())
	}
	if p.ok() {
		p.Version, p.Pod = identify(reply)
	}
	return p, true
}

// probeReason shortens an error of the API server's proxy to what a learner can
// use: who refused, not the way that the request took inside the cluster.
func probeReason(text string) string {
	if i := strings.LastIndex(text, "dial tcp "); i >= 0 {
		return text[i:]
	}
	return text
}

// greeting is what go-api answers: "go-api 0.0.1 from go-api-65577-k9f9p".
var greeting = regexp.MustCompile(`^\S+ v?([0-9][^\s]*) from (\S+)`)

// identify reads version and Pod from an answer, as text or as JSON.
func identify(reply space.Reply) (version, pod string) {
	if m := greeting.FindSubmatch(reply.Body); m != nil {
		return string(m[1]), string(m[2])
	}
	var body struct{ Version, Hostname string }
	if json.Unmarshal(reply.Body, &body) == nil {
		return body.Version, body.Hostname
	}
	return "", ""
}

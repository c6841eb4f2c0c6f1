package toolbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxLoadWorkers  = 200
	maxLoadDuration = time.Hour
	maxLoadSamples  = 100_000
	loadUsage       = "[-c WORKERS] [-d DURATION] [-n REQUESTS] [-r PER-SECOND] [-T TIMEOUT] [-q] URL\n\n" +
		"Sends requests until the time or their number is up and says how they went.\n" +
		"  -c 10   at the same time, at most 200\n  -d 30s  for how long, at most 1h\n  -n N    stop after N requests\n" +
		"  -r R    at most R requests a second in all\n  -T 5s   time limit of one request\n  -q      only the summary"
)

type loadOptions struct {
	workers  int
	duration time.Duration
	requests int
	rate     float64
	timeout  time.Duration
	quiet    bool
}

// loadStats counts what the workers saw.
type loadStats struct {
	mu       sync.Mutex
	started  int
	ok       int
	failed   map[string]int // by reason
	status   map[int]int
	answers  map[string]int // by the first line of the body
	took     []time.Duration
	lastLook int
}

func load(c *call) int {
	opts, urls, ok := c.options(loadUsage, "c:d:n:r:T:q")
	if !ok {
		return exitError
	}
	o := loadOptions{workers: 10, duration: 30 * time.Second, timeout: 5 * time.Second}
	for _, opt := range opts {
		if err := o.set(opt); err != nil {
			return c.fail("-%s %s: %v", opt.name, opt.value, err)
		}
	}
	if len(urls) != 1 {
		return c.usage(loadUsage)
	}
	target, err := parseURL(urls[0])
	if err != nil || target.Scheme != "http" {
		return c.fail("%s: not an http URL", urls[0])
	}
	ctx, cancel := context.WithTimeout(c.ctx, o.duration)
	defer cancel()
	stats := &loadStats{failed: map[string]int{}, status: map[int]int{}, answers: map[string]int{}}
	if !o.quiet {
		c.printf("%d workers for %s on %s\n", o.workers, o.duration, target)
	}
	begin := time.Now()
	gate := newGate(o.rate, begin)
	var workers sync.WaitGroup
	for range o.workers {
		workers.Go(func() {
			for gate.wait(ctx) && stats.start(o.requests) {
				x := &exchange{c: c, method: http.MethodGet, url: target, header: http.Header{"User-Agent": {"k8stutor-load"}}}
				c.box.p.CPU.Do(func() { x.measure(ctx, o.timeout, stats) })
			}
		})
	}
	done := make(chan struct{})
	go func() { workers.Wait(); cancel(); close(done) }()
	c.loadProgress(ctx, o, stats, begin)
	<-done
	stats.report(c, time.Since(begin))
	if c.ctx.Err() != nil {
		return exitInterrupted
	}
	if stats.ok == 0 {
		return exitError
	}
	return c.done()
}

func (o *loadOptions) set(opt option) error {
	number := func(limit int) (int, error) {
		n, err := strconv.Atoi(opt.value)
		if err != nil || n < 1 || n > limit {
			return 0, fmt.Errorf("want a number from 1 to %d", limit)
		}
		return n, nil
	}
	var err error
	switch opt.name {
	case "c":
		o.workers, err = number(maxLoadWorkers)
	case "n":
		o.requests, err = number(100_000_000)
	case "r":
		var n int
		n, err = number(1_000_000)
		o.rate = float64(n)
	case "q":
		o.quiet = true
	case "d", "T":
		var d time.Duration
		if d, err = parseInterval(opt.value); err == nil && (d <= 0 || d > maxLoadDuration) {
			err = fmt.Errorf("want a time up to %s", maxLoadDuration)
		}
		if opt.name == "d" {
			o.duration = d
		} else {
			o.timeout = d
		}
	}
	return err
}

// gate lets requests through at an even rate.
type gate struct {
	mu    sync.Mutex
	next  time.Time
	every time.Duration
}

func newGate(rate float64, now time.Time) *gate {
	g := &gate{next: now}
	if rate > 0 {
		g.every = time.Duration(float64(time.Second) / rate)
	}
	return g
}

func (g *gate) wait(ctx context.Context) bool {
	if g.every == 0 {
		return !over(ctx)
	}
	g.mu.Lock()
	at := g.next
	g.next = g.next.Add(g.every)
	g.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return !over(ctx)
	case <-ctx.Done():
		return false
	}
}

// over reports whether ctx is done or about to be: what dials compares the
// deadline with the clock and fails a moment before the context's timer fires.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

func (s *loadStats) start(limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit > 0 && s.started >= limit {
		return false
	}
	s.started++
	return true
}

// measure makes one request and counts it. One that the end of the run cut off
// is not counted.
func (x *exchange) measure(ctx context.Context, limit time.Duration, s *loadStats) {
	defer x.close()
	one, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begin := time.Now()
	res, err := x.do(one)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
		res.Body.Close()
	}
	took := time.Since(begin)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && over(ctx):
		s.started--
		return
	case err != nil:
		reason := netText(err)
		if _, bad := errors.AsType[*resolveError](err); bad {
			reason = err.Error()
		}
		s.failed[reason]++
		return
	}
	s.status[res.StatusCode]++
	if res.StatusCode < 400 {
		s.ok++
	} else {
		s.failed["HTTP "+strconv.Itoa(res.StatusCode)]++
	}
	line, _, _ := bytes.Cut(body, []byte("\n"))
	if text := string(line); len(text) <= 80 && (len(s.answers) < 50 || s.answers[text] > 0) {
		s.answers[text]++
	}
	if len(s.took) < maxLoadSamples {
		s.took = append(s.took, took)
	}
}

func (c *call) loadProgress(ctx context.Context, o loadOptions, s *loadStats, begin time.Time) {
	const every = 5 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		total := s.ok
		for _, n := range s.failed {
			total += n
		}
		rate := float64(total-s.lastLook) / every.Seconds()
		s.lastLook = total
		bad := total - s.ok
		s.mu.Unlock()
		if !o.quiet {
			c.printf("%4.0fs %8d requests %8.0f/s %6d failed\n", time.Since(begin).Seconds(), total, rate, bad)
		}
	}
}

func (s *loadStats) report(c *call, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := 0
	for _, n := range s.failed {
		failed += n
	}
	total := s.ok + failed
	c.printf("\nrequests   %d in %.1f s, %.1f/s\nsucceeded  %d\nfailed     %d\n", total, took.Seconds(), float64(total)/max(took.Seconds(), 1e-3), s.ok, failed)
	for _, reason := range byCount(s.failed) {
		c.printf("           %d × %s\n", s.failed[reason], reason)
	}
	if len(s.took) > 0 {
		slices.Sort(s.took)
		at := func(q float64) string {
			d := s.took[min(int(q*float64(len(s.took))), len(s.took)-1)]
			return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1000)
		}
		c.printf("latency    p50 %s  p95 %s  p99 %s  max %s\n", at(0.50), at(0.95), at(0.99), at(1))
	}
	if len(s.answers) > 0 {
		c.printf("answers\n")
		for _, text := range byCount(s.answers) {
			c.printf("  %7d  %s\n", s.answers[text], strings.ToValidUTF8(text, "?"))
		}
	}
}

func byCount(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	return keys
}

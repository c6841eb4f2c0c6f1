package coredns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/k8stutor/k8stutor/cluster/embedded/system"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
)

// defaultCorefile is where the Deployment mounts the configuration.
const defaultCorefile = "/etc/coredns/Corefile"

// CoreDNS is the program of the coredns container. It uses the Pod's
// ServiceAccount, and the Corefile for the domain, the TTL and the lame duck
// time.
type CoreDNS struct{}

// Run implements workload.Program.
func (CoreDNS) Run(ctx context.Context, p *workload.Process) int {
	s := &server{out: p.Stdout, ready: make(chan struct{})}
	data, err := system.ReadFile(p.FS, corefileName(p.Args))
	if err != nil {
		s.log("loading Caddyfile via flag: %v", err)
		return 1
	}
	if s.config, err = parseCorefile(data); err != nil {
		s.log("%v", err)
		return 1
	}
	cfg, err := system.InCluster(p, "")
	if err != nil {
		s.log("plugin/kubernetes: %v", err)
		return 1
	}
	client, err := kubernetes.NewForConfig(rest.AddUserAgent(cfg, "coredns"))
	if err != nil {
		s.log("plugin/kubernetes: %v", err)
		return 1
	}
	if err := s.serve(ctx, p, client); err != nil {
		s.log("[ERROR] %v", err)
		return 1
	}
	return 0
}

// corefileName is the value of -conf.
func corefileName(args []string) string {
	for i, a := range args {
		name, value, ok := strings.Cut(strings.TrimPrefix(a, "-"), "=")
		switch {
		case strings.TrimPrefix(name, "-") != "conf":
		case ok:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return defaultCorefile
}

// server is one run of CoreDNS.
type server struct {
	config
	zone  Zone
	ready chan struct{} // closed when the Services are known

	queries [2]atomic.Uint64 // over UDP and TCP
	cpu     workload.Meter   // may be nil

	mu  sync.Mutex
	out io.Writer
}

// serve answers until a signal or ctx ends it.
func (s *server) serve(ctx context.Context, p *workload.Process, client kubernetes.Interface) error {
	// A signal only starts the end: queries are answered until the lame duck
	// time has passed.
	alive, kill := context.WithCancel(ctx)
	defer kill()
	signalled, stop := system.UntilSignal(alive, p)
	defer stop()

	store, sync, stopInformers, err := watch(alive, client)
	if err != nil {
		return err
	}
	defer stopInformers()
	defer kill() // before the informers are waited for
	s.cpu = p.CPU
	s.zone = Zone{Domain: s.domain, TTL: s.ttl, Serial: uint32(time.Now().Unix()), Store: store}

	closers, errs, err := s.listen(p.Net)
	defer func() {
		for _, c := range closers {
			c()
		}
	}()
	if err != nil {
		return err
	}
	s.log(".:53")
	s.log("k8stutor-embedded's stand-in for CoreDNS: answers %s like the kubernetes plugin; there is no upstream, names outside of the cluster are not resolved", s.domain)
	s.log("%s/%s, %s", runtime.GOOS, runtime.GOARCH, runtime.Version())
	synced := make(chan error, 1)
	go func() { synced <- sync() }()
	for {
		select {
		case err := <-synced:
			synced = nil
			if err == nil {
				close(s.ready)
			}
		case err := <-errs:
			return err
		case <-signalled.Done():
			if system.Terminated(signalled) {
				s.lameDuck(ctx)
			}
			kill()
			if synced != nil {
				<-synced
			}
			return nil
		}
	}
}

func (s *server) lameDuck(ctx context.Context) {
	s.log("[INFO] SIGTERM: Shutting down servers then terminating")
	if s.lameduck <= 0 {
		return
	}
	s.log("[INFO] plugin/health: Going into lameduck mode for %s", s.lameduck)
	select {
	case <-ctx.Done():
	case <-time.After(s.lameduck):
	}
}

// listen starts the servers. Each of them sends an error that ends it early.
func (s *server) listen(n workload.Net) (closers []func(), errs <-chan error, err error) {
	out := make(chan error, 5)
	var wg sync.WaitGroup
	closers = append(closers, wg.Wait) // the last one, see below
	start := func(run func() error, stop func() error) {
		wg.Go(func() {
			if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				out <- err
			}
		})
		// Whatever closing says, the server is over.
		closers = append([]func(){func() { _ = stop() }}, closers...)
	}
	pc, err := n.ListenPacket("udp", ":53")
	if err != nil {
		return closers, out, err
	}
	udp := &dns.Server{PacketConn: pc, Handler: s.handler(0)}
	start(udp.ActivateAndServe, func() error { return errors.Join(udp.Shutdown(), pc.Close()) })
	l, err := n.Listen("tcp", ":53")
	if err != nil {
		return closers, out, err
	}
	tcp := &dns.Server{Listener: l, Handler: s.handler(1)}
	start(tcp.ActivateAndServe, func() error { return errors.Join(tcp.Shutdown(), l.Close()) })
	for addr, h := range map[string]http.HandlerFunc{":8080": s.health, ":8181": s.readiness, ":9153": s.metrics} {
		l, err := n.Listen("tcp", addr)
		if err != nil {
			return closers, out, err
		}
		hs := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		start(func() error { return hs.Serve(l) }, hs.Close)
	}
	return closers, out, nil
}

func (s *server) health(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/health" {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, "OK") // the client may be gone
}

// isReady reports whether names can be answered.
func (s *server) isReady() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// readyPatience is how long an answer about readiness may take: less than the
// second after which a probe gives up.
const readyPatience = 800 * time.Millisecond

// readiness answers as CoreDNS does, but says "not yet" only after a while. The
// kubelet asks at once when the container runs, and a whole second later again,
// while the Services are known after a fifth of one: a cluster would come up
// half a second later for nothing.
func (s *server) readiness(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/ready" {
		http.NotFound(w, r)
		return
	}
	patience := time.NewTimer(readyPatience)
	defer patience.Stop()
	select {
	case <-s.ready:
		_, _ = io.WriteString(w, "OK") // the client may be gone
	case <-r.Context().Done():
	case <-patience.C:
		s.log(`[INFO] plugin/ready: Plugins not ready: "kubernetes"`)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "kubernetes")
	}
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/metrics" {
		http.NotFound(w, r)
		return
	}
	// The client may be gone.
	_, _ = fmt.Fprintf(w, "# HELP coredns_dns_requests_total Counter of DNS requests made per protocol.\n# TYPE coredns_dns_requests_total counter\n"+
		"coredns_dns_requests_total{proto=\"udp\"} %d\ncoredns_dns_requests_total{proto=\"tcp\"} %d\n",
		s.queries[0].Load(), s.queries[1].Load())
}

// handler answers queries; transport is 0 for UDP and 1 for TCP.
func (s *server) handler(transport int) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		s.queries[transport].Add(1)
		var m *dns.Msg
		if s.cpu == nil {
			m = s.reply(r)
		} else {
			s.cpu.Do(func() { m = s.reply(r) })
		}
		if transport == 0 {
			size := dns.MinMsgSize
			if o := r.IsEdns0(); o != nil {
				size = max(size, int(o.UDPSize()))
			}
			m.Truncate(size)
		}
		// A client that is gone asks again or does not.
		_ = w.WriteMsg(m)
	})
}

// reply answers a query.
func (s *server) reply(r *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	if len(r.Question) != 1 {
		return m.SetRcode(r, dns.RcodeFormatError)
	}
	q := r.Question[0]
	if !s.isReady() {
		return m.SetRcode(r, dns.RcodeServerFailure)
	}
	m.SetReply(r)
	m.RecursionAvailable = true
	if a, ok := s.zone.Resolve(q); ok {
		m.Authoritative, m.Rcode = a.Authoritative, a.Rcode
		m.Answer, m.Ns, m.Extra = a.Answer, a.Ns, a.Extra
		return m
	}
	m.Rcode = s.outside(q)
	return m
}

// outside answers what an upstream server would be asked. A name that can't
// exist anywhere does not exist; of others nothing is known here.
func (s *server) outside(q dns.Question) int {
	name := strings.TrimSuffix(dns.CanonicalName(q.Name), ".")
	labels := strings.Split(name, ".")
	top := labels[len(labels)-1]
	if _, public := publicsuffix.PublicSuffix(top); !public || len(labels) == 1 || top == "arpa" {
		return dns.RcodeNameError
	}
	s.log("[ERROR] plugin/errors: 2 %s %s: the embedded cluster has no upstream DNS server: it resolves only names of the cluster", q.Name, dns.TypeToString[q.Qtype])
	return dns.RcodeServerFailure
}

func (s *server) log(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A container whose log can't be written has nowhere to say so.
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

package vnet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Defaults of resolv.conf(5).
const (
	defaultNdots    = 1
	defaultAttempts = 2
	defaultTimeout  = 5 * time.Second
	// maxNdots is RES_MAXNDOTS.
	maxNdots = 15
)

// ResolverConfig is how a Pod resolves names: its /etc/resolv.conf and
// /etc/hosts.
type ResolverConfig struct {
	Servers  []string // addresses of name servers, without a port
	Searches []string
	Options  []string // of resolv.conf: "ndots:5", "timeout:2", "attempts:3"
	// Hosts returns the content of /etc/hosts; it is read for each lookup, as
	// libc does. Without it, or where the file does not exist, localhost and
	// the Pod's own name are known.
	Hosts func() ([]byte, error)

	// Hostname and IP are the Pod's; Attach sets them.
	Hostname string
	IP       netip.Addr
}

// option is the value of a numeric option of resolv.conf.
func (r *ResolverConfig) option(name string, def int) int {
	for _, o := range r.Options {
		if v, ok := strings.CutPrefix(o, name+":"); ok {
			if n, err := strconv.Atoi(v); err == nil && n >= 0 {
				return n
			}
		}
	}
	return def
}

// names are the absolute names to ask for, in order, as res_search(3) does.
func (r *ResolverConfig) names(host string) []string {
	if strings.HasSuffix(host, ".") {
		return []string{host}
	}
	asIs := host + "."
	enough := strings.Count(host, ".") >= min(r.option("ndots", defaultNdots), maxNdots)
	var names []string
	if enough {
		names = append(names, asIs)
	}
	for _, s := range r.Searches {
		if s = strings.Trim(s, "."); s != "" {
			names = append(names, host+"."+s+".")
		}
	}
	if !enough {
		names = append(names, asIs)
	}
	return names
}

// fromHosts looks a name up in /etc/hosts.
func (r *ResolverConfig) fromHosts(host string) ([]string, error) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	var found []string
	var content []byte
	err := error(fs.ErrNotExist)
	if r.Hosts != nil {
		if content, err = r.Hosts(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read /etc/hosts: %w", err)
		}
	}
	if err == nil {
		found = lookupHosts(content, host)
	} else if r.Hostname != "" && host == strings.ToLower(r.Hostname) && r.IP.IsValid() {
		found = []string{r.IP.String()}
	}
	if len(found) == 0 && host == "localhost" {
		found = []string{"127.0.0.1"}
	}
	return found, nil
}

// lookupHosts finds the addresses of a name in the text of hosts(5), IPv4
// first.
func lookupHosts(content []byte, host string) []string {
	var v4, v6 []string
	sc := bufio.NewScanner(bytes.NewReader(content))
	for sc.Scan() {
		line, _, _ := strings.Cut(sc.Text(), "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil || !slices.ContainsFunc(f[1:], func(s string) bool { return strings.EqualFold(s, host) }) {
			continue
		}
		if a.Unmap().Is4() {
			v4 = append(v4, a.Unmap().String())
		} else {
			v6 = append(v6, a.String())
		}
	}
	return append(v4, v6...)
}

// LookupHost resolves a name to IPv4 addresses by /etc/hosts and then by
// queries to the Pod's name servers over the network. Errors are
// *net.DNSError.
func (p *Process) LookupHost(ctx context.Context, host string) ([]string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []string{a.String()}, nil
	}
	if _, ok := dns.IsDomainName(host); !ok || host == "" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	found, err := p.resolver.fromHosts(host)
	if err != nil {
		return nil, &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: host}
	}
	if len(found) > 0 {
		return found, nil
	}
	if len(p.resolver.Servers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var last *net.DNSError
	for _, name := range p.resolver.names(host) {
		addrs, err := p.queryName(ctx, name)
		if err == nil {
			return addrs, nil
		}
		last = err
		if !err.IsNotFound && err.UnwrapErr != nil {
			// No server was reached; it won't be for the next name either.
			break
		}
	}
	last.Name = host
	return nil, last
}

// queryName asks the name servers in turn for one absolute name.
func (p *Process) queryName(ctx context.Context, name string) ([]string, *net.DNSError) {
	timeout := time.Duration(p.resolver.option("timeout", int(defaultTimeout/time.Second))) * time.Second
	var last *net.DNSError
	for range max(p.resolver.option("attempts", defaultAttempts), 1) {
		for _, s := range p.resolver.Servers {
			server := net.JoinHostPort(s, "53")
			m := new(dns.Msg).SetQuestion(name, dns.TypeA)
			answer, err := p.exchange(ctx, server, m, timeout)
			if err != nil {
				last = dnsError(name, server, err)
				if ctx.Err() != nil {
					return nil, last
				}
				continue
			}
			switch answer.Rcode {
			case dns.RcodeSuccess, dns.RcodeNameError:
				if addrs := addressesOf(answer); len(addrs) > 0 {
					return addrs, nil
				}
				return nil, &net.DNSError{Err: "no such host", Name: name, Server: server, IsNotFound: true}
			default:
				last = &net.DNSError{Err: "server misbehaving", Name: name, Server: server, IsTemporary: true}
			}
		}
	}
	return nil, last
}

// addressesOf are the A records of an answer; the server has followed aliases.
func addressesOf(m *dns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			out = append(out, a.A.String())
		}
	}
	return out
}

func dnsError(name, server string, err error) *net.DNSError {
	e := &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: name, Server: server}
	var ne net.Error
	if errors.As(err, &ne) {
		e.IsTimeout = ne.Timeout()
		e.IsTemporary = true
	}
	return e
}

// exchange sends one query over UDP, and over TCP when the answer did not fit.
func (p *Process) exchange(ctx context.Context, server string, m *dns.Msg, timeout time.Duration) (*dns.Msg, error) {
	answer, err := p.exchangeOver(ctx, "udp", server, m, timeout)
	if err == nil && answer.Truncated {
		answer, err = p.exchangeOver(ctx, "tcp", server, m, timeout)
	}
	return answer, err
}

func (p *Process) exchangeOver(ctx context.Context, network, server string, m *dns.Msg, timeout time.Duration) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	raw, err := p.Dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer closeQuietly(raw)
	stop := context.AfterFunc(ctx, func() {
		// Wakes a read that waits; on a closed connection nothing waits.
		_ = raw.SetDeadline(time.Unix(1, 0))
	})
	defer stop()
	c := &dns.Conn{Conn: raw, UDPSize: dns.MaxMsgSize}
	if err := c.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		answer, err := c.ReadMsg()
		if err != nil {
			return nil, err
		}
		if answer.Id == m.Id && len(answer.Question) == 1 && answer.Question[0] == m.Question[0] {
			return answer, nil
		}
	}
}

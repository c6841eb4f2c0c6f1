package toolbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// resolver is what /etc/resolv.conf says.
type resolver struct {
	servers []string
	search  []string
	ndots   int
}

func (c *call) resolver() resolver {
	r := resolver{ndots: 1}
	data, err := c.readFile("/etc/resolv.conf")
	if err != nil {
		return r // no file, no servers: the query says so
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			r.servers = append(r.servers, f[1])
		case "search", "domain":
			r.search = f[1:]
		case "options":
			for _, o := range f[1:] {
				if n, ok := strings.CutPrefix(o, "ndots:"); ok {
					if v, err := strconv.Atoi(n); err == nil {
						r.ndots = v
					}
				}
			}
		}
	}
	return r
}

// names are the full names to try for name, in the resolver's order.
func (r resolver) names(name string) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	asIs := dns.Fqdn(name)
	var list []string
	for _, s := range r.search {
		list = append(list, dns.Fqdn(name+"."+strings.TrimSuffix(s, ".")))
	}
	if strings.Count(name, ".") >= r.ndots {
		return append([]string{asIs}, list...)
	}
	return append(list, asIs)
}

var errNoServer = errors.New("connection timed out; no servers could be reached")

const dnsTimeout = 5 * time.Second

// query asks one server over the Pod's network.
func (c *call) query(ctx context.Context, server, name string, qtype uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	for _, network := range []string{"udp", "tcp"} {
		conn, err := c.box.p.Net.Dial(ctx, network, server)
		if err != nil {
			return nil, err
		}
		res, err := converse(ctx, conn, m)
		_ = conn.Close() // the answer is here or will not come
		if err != nil {
			return nil, err
		}
		if !res.Truncated || network == "tcp" {
			return res, nil
		}
	}
	return nil, errNoServer
}

func converse(ctx context.Context, conn net.Conn, m *dns.Msg) (*dns.Msg, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // fails on a closed connection only
	defer stop()
	co := &dns.Conn{Conn: conn}
	if err := co.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		res, err := co.ReadMsg()
		if err != nil {
			return nil, err
		}
		if res.Id == m.Id {
			return res, nil
		}
	}
}

const nslookupUsage = "[-type=A|AAAA|CNAME|SRV|PTR|TXT|NS|MX|SOA|ANY] HOST [SERVER]"

func nslookup(c *call) int {
	qtype := dns.TypeNone
	var args []string
	for _, a := range c.args {
		name, isOption := strings.CutPrefix(a, "-")
		switch {
		case !isOption:
			args = append(args, a)
		case strings.HasPrefix(name, "type="), strings.HasPrefix(name, "query="), strings.HasPrefix(name, "q="), strings.HasPrefix(name, "querytype="):
			_, v, _ := strings.Cut(name, "=")
			t, ok := dns.StringToType[strings.ToUpper(v)]
			if !ok {
				c.printf("unknown query type: %s\n", v)
				return exitError
			}
			qtype = t
		case strings.HasPrefix(name, "timeout="), strings.HasPrefix(name, "retry="), name == "debug":
		default:
			return c.usage(nslookupUsage)
		}
	}
	if len(args) < 1 || len(args) > 2 {
		return c.usage(nslookupUsage)
	}
	r := c.resolver()
	if len(args) == 2 {
		r.servers = []string{args[1]}
	}
	if len(r.servers) == 0 {
		r.servers = []string{"127.0.0.1"}
	}
	server, err := c.serverAddress(r.servers[0])
	if err != nil {
		c.printf("nslookup: couldn't get address for '%s': not found\n", r.servers[0])
		return exitError
	}
	return c.nslookup(r, server, args[0], qtype)
}

// serverAddress is host:port of a name server, which may be named itself.
func (c *call) serverAddress(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), "53"
	}
	if net.ParseIP(host) == nil {
		addrs, err := c.box.p.Net.LookupHost(c.ctx, host)
		if err != nil {
			return "", err
		}
		if len(addrs) == 0 {
			return "", errNoServer
		}
		host = addrs[0]
	}
	return net.JoinHostPort(host, port), nil
}

func (c *call) nslookup(r resolver, server, host string, qtype uint16) int {
	names := r.names(host)
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	if qtype != dns.TypeNone {
		types = []uint16{qtype}
	}
	if net.ParseIP(host) != nil {
		arpa, err := dns.ReverseAddr(host)
		if err != nil {
			return c.fail("%s: %v", host, err)
		}
		names, types = []string{arpa}, []uint16{dns.TypePTR}
	}
	var answer []dns.RR
	code := dns.RcodeNameError
	for _, name := range names {
		for i, t := range types {
			res, err := c.query(c.ctx, server, name, t)
			if err != nil {
				if c.ctx.Err() != nil {
					return exitKilled
				}
				if strings.Contains(netText(err), "refused") {
					c.printf(";; communications error to %s: connection refused\n", hashPort(server))
				} else {
					c.printf(";; communications error to %s: timed out\n", hashPort(server))
				}
				c.printf(";; no servers could be reached\n\n")
				return exitError
			}
			if i == 0 || len(res.Answer) > 0 {
				code = res.Rcode
			}
			answer = append(answer, res.Answer...)
			if res.Rcode != dns.RcodeSuccess {
				break
			}
		}
		if code != dns.RcodeNameError {
			break
		}
	}
	serverHost, _, err := net.SplitHostPort(server)
	if err != nil {
		serverHost = server
	}
	c.printf("Server:\t\t%s\nAddress:\t%s\n\n", serverHost, hashPort(server))
	switch {
	case code != dns.RcodeSuccess:
		c.printf("** server can't find %s: %s\n\n", strings.TrimSuffix(names[max(len(names)-1, 0)], "."), dns.RcodeToString[code])
		return exitError
	case len(answer) == 0:
		c.printf("*** Can't find %s: No answer\n\n", host)
		return exitError
	}
	for _, rr := range answer {
		c.printf("%s", nslookupLine(rr))
	}
	c.printf("\n")
	return c.done()
}

// hashPort is 10.96.0.10#53, as bind writes it.
func hashPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host + "#" + port
}

func nslookupLine(rr dns.RR) string {
	name := strings.TrimSuffix(rr.Header().Name, ".")
	switch rr := rr.(type) {
	case *dns.A:
		return fmt.Sprintf("Name:\t%s\nAddress: %s\n", name, rr.A)
	case *dns.AAAA:
		return fmt.Sprintf("Name:\t%s\nAddress: %s\n", name, rr.AAAA)
	case *dns.CNAME:
		return fmt.Sprintf("%s\tcanonical name = %s\n", name, rr.Target)
	case *dns.PTR:
		return fmt.Sprintf("%s\tname = %s\n", name, rr.Ptr)
	case *dns.SRV:
		return fmt.Sprintf("%s\tservice = %d %d %d %s\n", name, rr.Priority, rr.Weight, rr.Port, rr.Target)
	case *dns.TXT:
		return fmt.Sprintf("%s\ttext = %q\n", name, strings.Join(rr.Txt, ""))
	case *dns.NS:
		return fmt.Sprintf("%s\tnameserver = %s\n", name, rr.Ns)
	case *dns.MX:
		return fmt.Sprintf("%s\tmail exchanger = %d %s\n", name, rr.Preference, rr.Mx)
	case *dns.SOA:
		return fmt.Sprintf("%s\n\torigin = %s\n\tmail addr = %s\n\tserial = %d\n", name, rr.Ns, rr.Mbox, rr.Serial)
	}
	return rr.String() + "\n"
}

// dig knows names, types, @server, +short and +search; like dig itself it
// doesn't use the search list without being asked to.
func dig(c *call) int {
	r := c.resolver()
	qtype, name, short, search := dns.TypeA, "", false, false
	args := slices.Clone(c.args)
	for i := 0; i < len(args); i++ {
		a := args[i]
		t, isType := dns.StringToType[strings.ToUpper(a)]
		switch {
		case strings.HasPrefix(a, "@"):
			r.servers = []string{a[1:]}
		case a == "+short":
			short = true
		case a == "+search":
			search = true
		case strings.HasPrefix(a, "+"):
		case a == "-x" && i+1 < len(args):
			i++
			arpa, err := dns.ReverseAddr(args[i])
			if err != nil {
				return c.fail("%s: not an address", args[i])
			}
			name, qtype = arpa, dns.TypePTR
		case a == "-t" && i+1 < len(args):
			i++
			qtype = dns.StringToType[strings.ToUpper(args[i])]
		case isType && name != "":
			qtype = t
		default:
			name = a
		}
	}
	if name == "" || len(r.servers) == 0 {
		return c.usage("[@SERVER] [-x ADDRESS] NAME [TYPE] [+short] [+search]")
	}
	server, err := c.serverAddress(r.servers[0])
	if err != nil {
		c.errorf("dig: couldn't get address for '%s': not found", r.servers[0])
		return 10
	}
	names := []string{dns.Fqdn(name)}
	if search {
		names = r.names(name)
	}
	var res *dns.Msg
	begin := time.Now()
	for _, n := range names {
		if res, err = c.query(c.ctx, server, n, qtype); err != nil {
			c.printf(";; communications error to %s: %s\n;; no servers could be reached\n", hashPort(server), strings.ToLower(netText(err)))
			return 9
		}
		if res.Rcode != dns.RcodeNameError {
			break
		}
	}
	if short {
		for _, rr := range res.Answer {
			c.printf("%s\n", strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		return c.done()
	}
	c.printf("%s\n;; Query time: %d msec\n;; SERVER: %s(%s) (UDP)\n", strings.TrimSpace(res.String()), time.Since(begin).Milliseconds(), hashPort(server), r.servers[0])
	return c.done()
}

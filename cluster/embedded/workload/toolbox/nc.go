package toolbox

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

const ncUsage = "[-zvu] [-w SECONDS] HOST PORT, or -l [-p] PORT"

func nc(c *call) int {
	opts, args, ok := c.options(ncUsage, "zvuw:lp:nkN", "help")
	if !ok {
		return exitError
	}
	var scan, verbose, listen bool
	network, port := "tcp", ""
	wait := time.Duration(0)
	for _, o := range opts {
		switch o.name {
		case "z":
			scan = true
		case "v":
			verbose = true
		case "u":
			network = "udp"
		case "l":
			listen = true
		case "p":
			port = o.value
		case "w":
			d, err := parseInterval(o.value)
			if err != nil {
				return c.fail("%v", err)
			}
			wait = d
		}
	}
	if listen {
		if port == "" && len(args) > 0 {
			port = args[len(args)-1]
		}
		return c.ncListen(port)
	}
	if len(args) != 2 {
		return c.usage(ncUsage)
	}
	ctx, cancel := c.ctx, context.CancelFunc(func() {})
	if wait > 0 {
		ctx, cancel = context.WithTimeout(ctx, wait)
	}
	defer cancel()
	conn, addr, err := c.dialHost(ctx, network, args[0], args[1])
	if err != nil {
		return c.ncError(args[0], args[1], addr, err)
	}
	if verbose {
		c.errorf("%s (%s:%s) open", args[0], addr, args[1])
	}
	if scan {
		_ = conn.Close() // that it opened is all that was asked
		return exitOK
	}
	return c.ncTalk(conn)
}

// dialHost looks a host up and connects to its first address that answers.
func (c *call) dialHost(ctx context.Context, network, host, port string) (net.Conn, string, error) {
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return nil, "", errors.New("bad port '" + port + "'")
	}
	addrs := []string{host}
	if net.ParseIP(host) == nil {
		var err error
		if addrs, err = c.box.p.Net.LookupHost(ctx, host); err != nil || len(addrs) == 0 {
			return nil, "", &resolveError{host, err}
		}
	}
	var conn net.Conn
	var err error
	for _, a := range addrs {
		if conn, err = c.box.p.Net.Dial(ctx, network, net.JoinHostPort(a, port)); err == nil {
			return conn, a, nil
		}
	}
	return nil, addrs[len(addrs)-1], err
}

func (c *call) ncError(host, port, addr string, err error) int {
	if c.ctx.Err() != nil {
		return exitKilled
	}
	var bad *resolveError
	switch {
	case errors.As(err, &bad):
		return c.fail("bad address '%s'", host)
	case addr == "":
		return c.fail("%v", err)
	case timedOut(err):
		return c.fail("%s (%s:%s): Connection timed out", host, addr, port)
	}
	return c.fail("%s (%s:%s): %s", host, addr, port, netText(err))
}

func (c *call) ncListen(port string) int {
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return c.usage(ncUsage)
	}
	l, err := c.box.p.Net.Listen("tcp", ":"+port)
	if err != nil {
		return c.fail("bind: %s", netText(err))
	}
	stop := context.AfterFunc(c.ctx, func() { _ = l.Close() }) // Accept then returns
	defer stop()
	conn, err := l.Accept()
	_ = l.Close() // one connection is served
	if err != nil {
		if c.ctx.Err() != nil {
			return exitKilled
		}
		return c.fail("accept: %s", netText(err))
	}
	return c.ncTalk(conn)
}

// ncTalk copies both ways until the other side ends.
func (c *call) ncTalk(conn net.Conn) int {
	// What the user types is read until the connection ends, not longer.
	ctx, cancel := context.WithCancel(c.ctx)
	stop := context.AfterFunc(c.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // fails on a closed connection only
	defer stop()
	in := c.in
	if r, ok := in.(contextReader); ok {
		in = contextReader{ctx, r.source}
	} else if f, ok := in.(*os.File); ok {
		stopInput := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) }) // a regular file doesn't block
		defer func() {
			stopInput()
			if c.ctx.Err() == nil {
				_ = f.SetReadDeadline(time.Time{}) // the next command may read it
			}
		}()
	}
	var sender sync.WaitGroup
	sender.Go(func() {
		_, err := io.Copy(onlyWriter{conn}, onlyReader{in})
		half, ok := conn.(interface{ CloseWrite() error })
		if err == nil && ok {
			_ = half.CloseWrite() // the other side may have gone first
		}
	})
	_, err := io.Copy(onlyWriter{c.out}, onlyReader{conn})
	cancel()
	_ = conn.Close() // both sides are done
	sender.Wait()
	if err != nil && c.ctx.Err() == nil && !errors.Is(err, io.EOF) {
		return exitError
	}
	return exitOK
}

// ping can't ping: neither the embedded network nor an unprivileged container
// has ICMP. It says so rather than pretend, and what to do instead.
func ping(c *call) int {
	_, args, ok := c.options("HOST", "c:W:w:i:q46")
	if !ok || len(args) == 0 {
		return c.usage("HOST")
	}
	host := args[0]
	addrs := []string{host}
	if net.ParseIP(host) == nil {
		var err error
		if addrs, err = c.box.p.Net.LookupHost(c.ctx, host); err != nil || len(addrs) == 0 {
			return c.fail("bad address '%s'", host)
		}
	}
	return c.fail("permission denied: there is no ICMP in k8stutor's containers.\n%s is %s. A Service answers no ping anyway, only its ports do: try nc -zv %s PORT", host, addrs[0], host)
}

func ip(c *call) int {
	what := "a"
	if len(c.args) > 0 {
		what = c.args[0]
	}
	if what == "" || what[0] != 'a' {
		return c.fail("only 'ip addr' is available in k8stutor's toolbox")
	}
	c.printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo\n")
	for i, a := range c.box.p.Net.Addrs() {
		family, bits := "inet", 32
		if p := net.ParseIP(a); p != nil && p.To4() == nil {
			family, bits = "inet6", 128
		}
		c.printf("%d: eth%d: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500\n    %s %s/%d scope global eth%d\n", i+2, i, family, a, bits, i)
	}
	return c.done()
}

package vnet

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// requestTimeout is how long a client of the proxy may take to say where it
// wants to go.
const requestTimeout = 10 * time.Second

// Dialer opens connections into the network; a Process is one.
type Dialer interface {
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// Proxy is an HTTP CONNECT proxy into the virtual network
// (https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6). kube-apiserver's
// egress selector speaks to it over a Unix socket, metrics-server over
// loopback.
type Proxy struct {
	// Dialer opens the connections asked for.
	Dialer Dialer
	// Password, when set, has to come as a Proxy-Authorization of the user
	// "vnet".
	Password string

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

// Serve accepts connections from l until ctx ends, then closes l and all
// connections and returns when they are done. The error is nil after ctx
// ended.
func (p *Proxy) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		closeQuietly(l)
		p.closeAll()
	})
	defer func() {
		cancel()
		wg.Wait()
		stop()
	}()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("egress proxy at %s: %w", l.Addr(), err)
		}
		if !p.track(c) {
			closeQuietly(c)
			continue
		}
		wg.Go(func() {
			defer p.untrack(c)
			p.handle(ctx, c)
		})
	}
}

func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if p.conns == nil {
		p.conns = make(map[net.Conn]struct{})
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) untrack(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		closeQuietly(c)
	}
}

func (p *Proxy) handle(ctx context.Context, c net.Conn) {
	if err := c.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		closeQuietly(c)
		return
	}
	br := bufio.NewReader(c)
	req, err := http.ReadRequest(br)
	if err != nil {
		p.refuse(c, http.StatusBadRequest, err)
		return
	}
	if req.Method != http.MethodConnect {
		p.refuse(c, http.StatusMethodNotAllowed, fmt.Errorf("%s is not served here, only CONNECT", req.Method))
		return
	}
	if !p.authorized(req) {
		p.refuse(c, http.StatusProxyAuthRequired, errors.New("Proxy Authentication Required"))
		return
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		closeQuietly(c)
		return
	}
	to, err := p.dial(ctx, c, br, req.Host)
	if err != nil {
		p.refuse(c, http.StatusBadGateway, err)
		return
	}
	if _, err := c.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		closeQuietly(c)
		closeQuietly(to)
		return
	}
	Relay(&bufferedConn{Conn: c, r: br}, to)
}

// dial connects to target and gives up when the client does: nobody waits two
// minutes for an address that does not answer after its client has gone.
func (p *Proxy) dial(ctx context.Context, c net.Conn, br *bufio.Reader, target string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		// A client sends nothing before it has the answer, so this waits
		// for its end, or for the deadline below.
		if _, err := br.Peek(1); err != nil {
			cancel()
		}
	}()
	to, err := p.Dialer.Dial(ctx, "tcp", target)
	// Wake the watcher and wait for it: the reader has one user at a time.
	if e := c.SetReadDeadline(time.Unix(1, 0)); e != nil {
		err = errors.Join(err, e)
	}
	<-watched
	if e := c.SetReadDeadline(time.Time{}); e != nil {
		err = errors.Join(err, e)
	}
	if err != nil && to != nil {
		closeQuietly(to)
	}
	return to, err
}

func (p *Proxy) authorized(req *http.Request) bool {
	if p.Password == "" {
		return true
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("vnet:"+p.Password))
	got := req.Header.Get("Proxy-Authorization")
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// refuse answers with the reason in the status line: that is the part which
// kube-apiserver hands on to the user.
func (p *Proxy) refuse(c net.Conn, code int, reason error) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, reason.Error())
	// The client may be gone already; it is being turned away either way.
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", code, text)
	closeQuietly(c)
}

// bufferedConn is a connection of which some bytes were read ahead.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *bufferedConn) Read(b []byte) (int, error) { return c.r.Read(b) }

// CloseWrite half-closes the connection below.
func (c *bufferedConn) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return c.Conn.Close()
}

// SetLinger sets it on the connection below where that has it.
func (c *bufferedConn) SetLinger(sec int) error {
	if l, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return l.SetLinger(sec)
	}
	return nil
}

package toolbox

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// exchange is one HTTP request over one connection of its own. It has no
// goroutines and no pool, so that its time and its errors are those of the
// command.
type exchange struct {
	c              *call
	method         string
	url            *url.URL
	header         http.Header
	host           string // overrides the Host header
	body           string
	connectTimeout time.Duration
	insecure       bool
	caFile         string
	resolve        map[string]string // host:port → address, as curl --resolve

	conn   net.Conn
	remote string      // the address that answered
	stop   func() bool // of the context's hold on conn
}

// resolveError means that a name has no address; connectError, that nobody
// answers there.
type resolveError struct {
	host string
	err  error
}

func (e *resolveError) Error() string { return "bad address '" + e.host + "'" }
func (e *resolveError) Unwrap() error { return e.err }

type connectError struct {
	addr string // IP address
	port string
	err  error
}

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// parseURL reads what people type: the scheme may be missing.
func parseURL(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Hostname() == "" {
		return nil, errors.New("no host in it")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// connect looks the host up and dials its addresses in turn.
func (x *exchange) connect(ctx context.Context) error {
	if x.connectTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, x.connectTimeout)
		defer cancel()
	}
	host, port := x.url.Hostname(), portOf(x.url)
	if to, ok := x.resolve[net.JoinHostPort(host, port)]; ok {
		host = to
	}
	addrs := []string{host}
	if net.ParseIP(host) == nil {
		var err error
		if addrs, err = x.c.box.p.Net.LookupHost(ctx, host); err != nil || len(addrs) == 0 {
			return &resolveError{host, err}
		}
	}
	var last error
	for _, a := range addrs {
		conn, err := x.c.box.p.Net.Dial(ctx, "tcp", net.JoinHostPort(a, port))
		if err != nil {
			last = &connectError{a, port, err}
			continue
		}
		x.conn, x.remote = conn, a
		return nil
	}
	return last
}

// secure does the TLS handshake.
func (x *exchange) secure(ctx context.Context) error {
	if x.url.Scheme != "https" {
		return nil
	}
	config := &tls.Config{ServerName: x.url.Hostname(), InsecureSkipVerify: x.insecure} //nolint:gosec // -k asks for it
	// An empty pool rather than the host's: a container has only its own.
	config.RootCAs = x509.NewCertPool()
	ca := x.caFile
	if ca == "" {
		ca = x.c.getenv("SSL_CERT_FILE")
	}
	if ca == "" {
		ca = "/etc/ssl/certs/ca-certificates.crt"
	}
	if pem, err := x.c.readFile(ca); err == nil {
		config.RootCAs.AppendCertsFromPEM(pem)
	} else if x.caFile != "" {
		return fmt.Errorf("error setting certificate file: %s", x.caFile)
	}
	conn := tls.Client(x.conn, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	x.conn = conn
	return nil
}

// do sends the request and reads the head of the answer. The caller closes the
// exchange, and reads the body before.
func (x *exchange) do(ctx context.Context) (*http.Response, error) {
	if err := x.connect(ctx); err != nil {
		return nil, err
	}
	return x.send(ctx)
}

// send is do on an open connection.
func (x *exchange) send(ctx context.Context) (*http.Response, error) {
	conn := x.conn
	x.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // fails on a closed connection only
	if err := x.secure(ctx); err != nil {
		return nil, err
	}
	req := &http.Request{Method: x.method, URL: x.url, Header: x.header, Host: x.url.Host, Close: true}
	if x.host != "" {
		req.Host = x.host
	}
	if x.body != "" {
		req.Body = io.NopCloser(strings.NewReader(x.body))
		req.ContentLength = int64(len(x.body))
	}
	if err := req.Write(x.conn); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(x.conn), req)
}

func (x *exchange) close() {
	if x.stop != nil {
		x.stop()
	}
	if x.conn != nil {
		_ = x.conn.Close() // everything was read
	}
}

// timedOut reports whether err is a time limit's doing.
func timedOut(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// netText is a network error as Linux words it.
func netText(err error) string {
	switch text := err.Error(); {
	case errors.Is(err, syscall.ECONNREFUSED), strings.Contains(text, "connection refused"):
		return "Connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), strings.Contains(text, "no route to host"):
		return "No route to host"
	case errors.Is(err, syscall.ENETUNREACH), strings.Contains(text, "network is unreachable"):
		return "Network is unreachable"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.Contains(text, "connection reset"):
		return "Connection reset by peer"
	case timedOut(err):
		return "Connection timed out"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return errText(op.Err)
	}
	return errText(err)
}
